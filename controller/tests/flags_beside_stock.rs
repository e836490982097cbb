//! Command lines that kube-controller-manager refuses are refused here in the same words and with the
//! same exit code; what it accepts is accepted; and where the two differ, both are pinned.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;

use testbed::{Binaries, Program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_roster");
/// How many command lines are tried at a time.
const AT_ONCE: usize = 4;
/// What an accepted command line ends with where there is no cluster.
const NO_CLUSTER: &str = "invalid configuration: no configuration has been provided, try setting \
                          KUBERNETES_MASTER environment variable";

const THE_SAME: &[&str] = &[
    "--foo",
    "--foo=3",
    "--help --foo",
    "--port=0",
    "--logtostderr",
    "--config=/x",
    "---leader-elect",
    "--=3",
    "-x",
    "-xv",
    "-hx",
    "-v",
    "-v=x",
    "--v=-1",
    "--v=99999999999",
    "--kubeconfig",
    "surplus",
    "--profiling false",
    "--kube-api-burst=3000000000",
    "--kube-api-qps=x",
    "--kube-api-qps=1e40",
    "--leader-elect=maybe",
    "--min-resync-period=5",
    "--min-resync-period=x",
    "--controller-start-interval=1x",
    "--controllers=\"a",
    "--controllers=a\"b",
    "--controllers=\"a\"b",
    "--controllers=*,-nope,Endpoint",
    "--controllers=endpoint,",
    "--controllers=-*",
    "--max-endpoints-per-slice=0 --mirroring-concurrent-service-endpoint-syncs=51",
    "--concurrent-service-endpoint-syncs=51",
    "--mirroring-max-endpoints-per-subset=1001",
    "--leader-elect-resource-lock=configmaps",
    "--secure-port=-1",
    "--secure-port=70000",
    "--bind-address=foo",
    "--tls-sni-cert-key=a",
    "--tls-sni-cert-key=a,b,c",
    "--tls-sni-cert-key=a,b:",
    "--tls-curve-preferences=x",
    "--http2-max-streams-per-connection=x",
    "--permit-port-sharing=x",
    "--requestheader-username-headers=,",
    "--logging-format=xml",
    "--logging-format=xml --vmodule=a=1",
    "--logging-format=json --vmodule=a=1",
    "--vmodule=x",
    "--vmodule=a=x",
    "--vmodule=a=1,b",
    "--log-flush-frequency=0",
    "--log-text-split-stream",
    "--log-json-info-buffer-size=1",
    "--show-hidden-metrics-for-version=1.34",
    "--feature-gates=A",
    "--feature-gates=A=maybe",
    "--feature-gates=foo:A=true",
    "--feature-gates=AllBeta=true,kube:AllAlpha=false",
    "--allow-metric-labels=a",
    "--allow-metric-labels=a=b",
    "--allow-metric-labels=m,l=v,w,m,k=3",
    "--allow-metric-labels=m.x,l=3",
    "--allow-metric-labels-manifest=/absent",
    "--version=foo",
    // Flags that are of no use here are read all the same.
    "--concurrent_rc_syncs=x",
    "--node-eviction-rate=x",
    "--namespace-sync-period=5",
    "--allocate-node-cidrs=maybe",
    // And this is accepted.
    "",
    "--version=false",
    "--controllers=endpointslice,-attachdetach,service",
    "--kube_api_qps=5 --kube-api-qps=-1",
    "--endpointslice-updates-batch-period=-1s",
    "--feature-gates=AllBeta=true --feature-gates=AllAlpha=false",
    "--feature-gates=kube:AllBeta=true",
    "--show-hidden-metrics-for-version=1.35",
    "--vmodule=a*=2,b=3",
    "--log-text-split-stream=False",
    "--log-text-split-stream --feature-gates=LoggingAlphaOptions=true",
    "--allow-metric-labels=m,l=v,w",
    "--allow-metric-labels=\"m,l=v,w\",\"m,k=3\"",
    "--allow-metric-labels=m,l=v --allow-metric-labels=m,k=",
    "--allow-untagged-cloud",
    "--node-sync-period=3s",
    "--leader-migration-config=/absent",
];

/// A command line; what kube-controller-manager ends with, and what Roster does.
const DIFFERENT: &[(&str, &str, &str)] = &[
    ("--feature-gates=Nope=true", "unrecognized feature gate: Nope", NO_CLUSTER),
    (
        "--concurrent-endpoint-syncs=0",
        NO_CLUSTER,
        "concurrent-endpoint-syncs must not be less than 1, but got 0",
    ),
    ("--cloud-provider=aws", "cloud provider \"aws\" was specified", NO_CLUSTER),
    ("--enable-leader-migration", NO_CLUSTER, "--enable-leader-migration is not supported"),
];

#[test]
fn command_lines_are_taken_and_refused_as_by_kube_controller_manager() {
    let stock = Binaries::default().find(Program::KubeControllerManager).unwrap();
    let wrong = Mutex::new(Vec::new());
    each(THE_SAME, |line| {
        let (theirs, ours) =
            (run(&stock, &[], line), run(PROGRAM.as_ref(), &["controller-manager"], line));
        let (wanted, told) = (verdict(&theirs), verdict(&ours));
        let told = told.replace("roster controller-manager", "kube-controller-manager");
        // Roster may add which flag it means, and what to do.
        if ours.status.code() != theirs.status.code() || !told.starts_with(&wanted) {
            wrong.lock().unwrap().push(format!("{line}\n  wanted {wanted}\n  got    {told}"));
        }
        assert_eq!(deprecations(&ours), deprecations(&theirs), "{line}");
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn where_the_two_differ_it_is_on_purpose() {
    let stock = Binaries::default().find(Program::KubeControllerManager).unwrap();
    each(DIFFERENT, |(line, theirs, ours)| {
        let told = run(&stock, &[], line);
        assert!(verdict(&told).contains(theirs), "{line}: {}", verdict(&told));
        let told = run(PROGRAM.as_ref(), &["controller-manager"], line);
        assert_eq!(told.status.code(), Some(1), "{line}");
        assert!(verdict(&told).contains(ours), "{line}: {}", verdict(&told));
    });
}

#[test]
fn versions_are_told_in_the_same_shapes() {
    let stock = Binaries::default().find(Program::KubeControllerManager).unwrap();
    for (line, program, version) in
        [("--version", "Kubernetes", "Roster"), ("--version=true", "Kubernetes", "Roster")]
    {
        let theirs = run(&stock, &[], line);
        let ours = run(PROGRAM.as_ref(), &["controller-manager"], line);
        assert!(shown(&theirs).starts_with(&format!("{program} v")));
        assert!(shown(&ours).starts_with(&format!("{version} v")));
    }
    let theirs = shown(&run(&stock, &[], "--version=raw"));
    let ours = shown(&run(PROGRAM.as_ref(), &["controller-manager"], "--version=raw"));
    let keys = |told: &str| -> Vec<String> {
        let parts = told.trim_start_matches("version.Info{").split(", ");
        parts.map(|part| part.split(':').next().unwrap().to_owned()).collect()
    };
    let known = keys(&theirs);
    assert!(keys(&ours).iter().all(|key| known.contains(key)), "{ours}");
    let version = shown(&run(PROGRAM.as_ref(), &[], "--version"));
    let version = version.trim().trim_start_matches("Roster ");
    assert!(ours.contains(&format!("GitVersion:{version:?}")), "{ours}");
    let refused = run(PROGRAM.as_ref(), &["controller-manager"], "--version=v99.0.0");
    assert_eq!(
        verdict(&refused),
        format!(
            "invalid argument \"v99.0.0\" for \"--version\" flag: version \"v99.0.0\" must match \
             major/minor/patch of default version {version:?}"
        )
    );
}

#[test]
fn split_streams_leave_only_errors_on_standard_error_in_both_programs() {
    let stock = Binaries::default().find(Program::KubeControllerManager).unwrap();
    let programs: [(&Path, &[&str]); 2] =
        [(&stock, &[]), (PROGRAM.as_ref(), &["controller-manager"])];
    for (program, before) in programs {
        for format in ["text", "json"] {
            let line = format!(
                "--logging-format={format} --log-{format}-split-stream \
                 --feature-gates=LoggingAlphaOptions=true --kubeconfig=/absent"
            );
            let output = run(program, before, &line);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("command failed"), "{program:?} {format}: {said}");
            assert!(!said.lines().any(is_information), "{program:?} {format}: {said}");
            assert!(shown(&output).lines().any(is_information), "{program:?} {format}");
        }
    }
}

/// Whether a line of text or JSON is no warning and no error.
fn is_information(line: &str) -> bool {
    line.starts_with('I') || line.contains("\"v\":0")
}

/// Tries rows, several at a time.
fn each<T: Sync>(rows: &[T], attempt: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        for first in 0..AT_ONCE {
            let attempt = &attempt;
            scope.spawn(move || rows.iter().skip(first).step_by(AT_ONCE).for_each(attempt));
        }
    });
}

fn run(program: &Path, before: &[&str], line: &str) -> Output {
    let flags = line.split(' ').filter(|word| !word.is_empty());
    Command::new(program).args(before).args(flags).output().unwrap()
}

/// The last line on standard error, without what is different in every run.
fn verdict(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().last().unwrap_or_default();
    let failed = last.split_once("\"command failed\" err=");
    match failed {
        Some((_, error)) => serde_json::from_str(error).unwrap(),
        None => last.strip_prefix("Error: ").unwrap_or(last).to_owned(),
    }
}

/// What is said of flags that are given up.
fn deprecations(output: &Output) -> Vec<String> {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.lines().filter(|line| line.starts_with("Flag --")).map(str::to_owned).collect()
}

fn shown(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}
