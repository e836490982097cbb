//! The program itself, as an operator starts and ends it, on the real API server.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod program;

use std::process::{Command, Output};
use std::time::Duration;

use program::{PROGRAM, Process};
use serde_json::json;
use support::{Cluster, pod, service};
use testbed::ControlPlane;
use tokio::io::AsyncReadExt;

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_publishes_ends_cleanly_on_a_signal_and_starts_again_in_silence() {
    let plane = ControlPlane::start().await.unwrap();
    let cluster = Cluster::new(plane.api_server.client().await.unwrap()).await;
    let kubeconfig = plane.api_server.kubeconfig_path().display().to_string();
    cluster.create(service("hostnames", json!({}))).await;
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;
    for signal in ["TERM", "INT"] {
        let mut manager = Process::alone(&kubeconfig);
        cluster.until_ready("hostnames", &["one"]).await;
        manager.says("Listed\" kind=\"EndpointSlice\"").await;
        cluster.until_endpoints_follow("hostnames").await;
        cluster.stays_silent().await;
        manager.signal(signal);
        assert_eq!(manager.ends().await.code(), Some(0), "after SIG{signal}");
        manager.says("Shutting down").await;
    }
}

/// So many connections are more than two tries for each kind that is watched.
const TRIES: usize = 15;

fn port(plane: &ControlPlane) -> u16 {
    plane.api_server.url().rsplit(':').next().unwrap().parse().unwrap()
}

/// Stands on the port of an API server that is away, and hangs up on so many callers.
async fn hang_up(port: u16, callers: usize) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let all = async {
        for _ in 0..callers {
            drop(listener.accept().await.unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_away_is_waited_for_and_complained_of_once() {
    let mut plane = ControlPlane::start().await.unwrap();
    let kubeconfig = plane.api_server.kubeconfig_path().display().to_string();
    let cluster = Cluster::new(plane.api_server.client().await.unwrap()).await;
    cluster.create(service("hostnames", json!({}))).await;
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;
    plane.api_server.stop();
    let manager = Process::alone(&kubeconfig);
    manager.says("API server cannot be reached").await;
    hang_up(port(&plane), TRIES).await;
    assert_eq!(manager.lines_with("API server cannot be reached"), 1);
    plane.api_server.start_again().await.unwrap();
    manager.says("API server answers again").await;
    cluster.until_ready("hostnames", &["one"]).await;

    plane.api_server.stop();
    plane.api_server.start_again().await.unwrap();
    cluster.pod(pod("two", "hostnames", "10.1.0.2")).await;
    cluster.until_ready("hostnames", &["one", "two"]).await;
    assert!(manager.lines_with("API server cannot be reached") <= 2);
}

/// Disks may be full or read-only, and logs may have nowhere to go.
#[tokio::test(flavor = "multi_thread")]
async fn it_needs_no_disk_and_not_even_a_log() {
    let plane = ControlPlane::start().await.unwrap();
    let cluster = Cluster::new(plane.api_server.client().await.unwrap()).await;
    cluster.create(service("hostnames", json!({}))).await;
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;
    let kubeconfig = plane.api_server.kubeconfig_path().display().to_string();
    let mut manager = Process::without_a_log(&kubeconfig);
    cluster.until_ready("hostnames", &["one"]).await;
    cluster.until_endpoints_follow("hostnames").await;
    let written = manager.files_open_for_writing();
    assert!(written.is_empty(), "{written:?}");
    manager.signal("TERM");
    assert_eq!(manager.ends().await.code(), Some(0));
}

/// The kernel's timer of each connection of a process to a port: `02` is keepalive.
fn timers(process: u32, port: u16) -> Vec<String> {
    let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let sockets: Vec<String> = targets.map(|target| target.display().to_string()).collect();
    let table = std::fs::read_to_string(format!("/proc/{process}/net/tcp")).unwrap();
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| {
        let established = row[3] == "01";
        let there = row[2].ends_with(&format!(":{port:04X}"));
        established && there && sockets.contains(&format!("socket:[{}]", row[9]))
    })
    .map(|row| row[5][..2].to_owned())
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernel_asks_silent_connections_whether_they_are_there() {
    let plane = ControlPlane::start().await.unwrap();
    let kubeconfig = plane.api_server.kubeconfig_path().display().to_string();
    let manager = Process::alone(&kubeconfig);
    manager.says("Listed\" kind=\"EndpointSlice\"").await;
    let port = port(&plane);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    // One that has just sent something has another timer for a moment.
    while !timers(manager.pid(), port).iter().all(|timer| timer == "02") {
        assert!(std::time::Instant::now() < deadline, "{:?}", timers(manager.pid(), port));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(timers(manager.pid(), port).len() >= 5, "a watch of each kind");
}

/// What the first request on a port accepts.
async fn accepted(listener: &tokio::net::TcpListener) -> String {
    let (mut caller, _) = listener.accept().await.unwrap();
    let mut head = vec![0; 4096];
    let read = caller.read(&mut head).await.unwrap();
    let head = String::from_utf8(head[..read].to_vec()).unwrap().to_lowercase();
    let accepts = head.lines().find_map(|line| line.strip_prefix("accept: "));
    accepts.unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_asked_for_in_protobuf_or_as_a_flag_says() {
    for (flag, wanted) in [
        ("--kube-api-burst=1", "application/vnd.kubernetes.protobuf,application/json"),
        ("--kube-api-content-type=application/json", "application/json"),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let master = format!("--master=http://{}", listener.local_addr().unwrap());
        let flags = ["--leader-elect=false", "--takeover-check=false", &master, flag];
        let _manager = Process::start("", &flags);
        assert_eq!(accepted(&listener).await, wanted);
    }
}

#[test]
fn a_kubeconfig_that_cannot_be_used_ends_it_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let absent = folder.path().join("absent").display().to_string();
    let empty = file("empty", "");
    let broken = file("broken", "clusters: [");
    let other = file(
        "other",
        "{apiVersion: v1, kind: Config, current-context: nowhere, clusters: [], users: [], contexts: []}",
    );
    for (path, wanted) in
        [(&absent, "no such file or directory"), (&empty, ""), (&broken, ""), (&other, "nowhere")]
    {
        let flag = format!("--kubeconfig={path}");
        let output = run(&["controller-manager", "--leader-elect=false", &flag]);
        let said = errors(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(path.as_str()) && said.contains(wanted), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn a_wrong_flag_ends_it_with_its_name_and_its_value() {
    for (flag, wanted) in [
        (
            "--concurrent-service-endpoint-syncs=0",
            "concurrent-service-endpoint-syncs must not be less than 1, but got 0",
        ),
        ("--max-endpoints-per-slice=1001", "max-endpoints-per-slice"),
        (
            "--max-endpoints-per-slice=many",
            "invalid argument \"many\" for \"--max-endpoints-per-slice\"",
        ),
        ("--controllers=nonsense", "nonsense\\\" is not in the list of known controllers"),
        ("--no-such-flag", "unknown flag: --no-such-flag"),
    ] {
        let output = run(&["controller-manager", "--leader-elect=false", flag]);
        let said = errors(&output);
        assert_eq!(output.status.code(), Some(1), "{flag}: {said}");
        assert!(said.contains(wanted), "{flag}: {said}");
    }
    let output = run(&["nonsense"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("unknown command \"nonsense\""));
}

#[test]
fn help_teaches_and_goes_to_standard_output() {
    let output = run(&["controller-manager", "--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for flag in [
        "--kubeconfig",
        "--leader-elect",
        "--controllers",
        "--concurrent-service-endpoint-syncs",
        "--max-endpoints-per-slice",
        "--endpointslice-updates-batch-period",
        "--kube-api-qps",
        "--kube-api-burst",
        "--secure-port",
        "--tls-cert-file",
        "--authentication-kubeconfig",
        "--authorization-always-allow-paths",
        "--logging-format",
    ] {
        assert!(text.contains(flag), "{flag} is not explained:\n{text}");
    }
}

#[test]
fn shells_complete_commands_and_flags() {
    let output = run(&["completion", "bash"]);
    assert_eq!(output.status.code(), Some(0));
    let script = String::from_utf8(output.stdout).unwrap();
    let complete = |words: &str, last: &str, before: &str| {
        let line = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _roster roster '{last}' '{before}'; echo \"${{COMPREPLY[@]}}\""
        );
        let shell = Command::new("bash").args(["-c", &line]).output().unwrap();
        String::from_utf8(shell.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(complete("roster cont", "cont", "roster"), "controller-manager");
    let flags = complete("roster controller-manager --max-end", "--max-end", "controller-manager");
    assert_eq!(flags, "--max-endpoints-per-slice");
    for shell in ["zsh", "fish"] {
        let output = run(&["completion", shell]);
        assert!(String::from_utf8(output.stdout).unwrap().contains("leader-elect"), "{shell}");
    }
    for (arguments, wanted) in [
        (&["completion"][..], "needs a shell"),
        (&["completion", "tcsh"], "no completion for the shell \"tcsh\""),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(errors(&output).contains(wanted), "{}", errors(&output));
    }
}
