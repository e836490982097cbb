//! What keeps it from starting, and what does not.

use std::net::TcpListener;
use std::process::Command;

use support::Visitor;
use support::visitor::Authority;

use crate::program::PROGRAM;
use crate::{Manager, unreachable};

/// What it says when it is started with these flags and a kubeconfig, and ends.
fn refusal(flags: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = format!("--kubeconfig={}", unreachable(folder.path()));
    let output = Command::new(PROGRAM)
        .args(["controller-manager", "--leader-elect=false", &kubeconfig])
        .args(flags)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{flags:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[track_caller]
fn assert_says(said: &str, wanted: &str) {
    assert!(said.contains(wanted), "{wanted}\n{said}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let said = refusal(&["--bind-address=127.0.0.1", &format!("--secure-port={port}")]);
    let wanted = format!("failed to create listener: failed to listen on 127.0.0.1:{port}: ");
    assert_says(&said, &wanted);
    assert_says(&said, "in use");
}

#[test]
fn a_port_that_is_taken_on_one_address_is_not_opened_on_all() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let said = refusal(&[&format!("--secure-port={port}")]);
    assert_says(&said, &format!("failed to create listener: failed to listen on 0.0.0.0:{port}: "));
}

#[test]
fn a_certificate_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let certificate = file("authority.crt", &Authority::new("somebody").pem());
    let (key, empty) = (file("other.key", &key), file("empty", ""));
    let absent = folder.path().join("absent").display().to_string();
    for (certificate, key, wanted) in [
        (&absent, &key, format!("open {absent}: No such file or directory")),
        (&certificate, &absent, format!("open {absent}: No such file or directory")),
        (&empty, &key, format!("cannot serve with {empty} and {key}: there is no certificate")),
        (
            &certificate,
            &empty,
            format!("cannot serve with {certificate} and {empty}: there is no private key"),
        ),
        (&certificate, &key, "the certificate cannot be used with the key".to_owned()),
    ] {
        let flags =
            [format!("--tls-cert-file={certificate}"), format!("--tls-private-key-file={key}")];
        assert_says(&refusal(&flags.each_ref().map(String::as_str)), &wanted);
    }
}

#[test]
fn half_a_pair_in_the_directory_is_no_pair() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("kube-controller-manager.crt");
    std::fs::write(&certificate, "").unwrap();
    let flag = format!("--cert-dir={}", folder.path().display());
    let said = refusal(&[&flag]);
    assert_says(&said, "error creating self-signed certificates: error reading ");
    assert_says(
        &said,
        "kube-controller-manager.key, certificate and key must be supplied as a pair",
    );

    let flag = format!("--cert-dir={}", certificate.join("below").display());
    assert_says(&refusal(&[&flag]), "error creating self-signed certificates: mkdir ");
    // Nobody can make anything there, as on a disk that is read-only.
    let said = refusal(&["--cert-dir=/proc/sys"]);
    let wanted =
        "error creating self-signed certificates: open /proc/sys/kube-controller-manager.key: ";
    assert_says(&said, wanted);
}

#[test]
fn files_that_say_whom_to_believe_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let empty = empty.display();
    for (flag, wanted) in [
        (
            "--client-ca-file=/absent".to_owned(),
            "unable to load client CA provider: open /absent: ",
        ),
        (
            "--requestheader-client-ca-file=/absent".to_owned(),
            "unable to create request header authentication config: open /absent: ",
        ),
        (format!("--client-ca-file={empty}"), "there is no certificate authority in it"),
        (
            "--authentication-kubeconfig=/absent".to_owned(),
            "failed to get delegated authentication kubeconfig: stat /absent: no such file or directory",
        ),
        (
            "--authorization-kubeconfig=/absent".to_owned(),
            "failed to get delegated authorization kubeconfig: stat /absent: no such file or directory",
        ),
    ] {
        assert_says(&refusal(&[&flag]), wanted);
    }
}

#[test]
fn flags_that_cannot_be_are_refused_together() {
    let said = refusal(&[
        "--secure-port=70000",
        "--tls-min-version=VersionTLS14",
        "--max-endpoints-per-slice=0",
    ]);
    assert_says(
        &said,
        "[max-endpoints-per-slice must not be less than 1, but got 0, --secure-port 70000 must be between 1 and 65535",
    );
    assert_says(&said, "unknown tls version \\\"VersionTLS14\\\"]");
}

#[test]
fn a_cluster_that_has_to_be_asked_whom_to_believe_must_answer() {
    let folder = tempfile::tempdir().unwrap();
    let flag = format!("--authentication-kubeconfig={}", unreachable(folder.path()));
    let said = refusal(&[&flag]);
    assert_says(&said, "unable to load configmap based request-header-client-ca-file: ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_away_is_no_reason_to_restart_it() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.crt");
    std::fs::write(&authority, Authority::new("cluster").pem()).unwrap();
    let away = unreachable(folder.path());
    let flag = |name: &str, value: &str| format!("--{name}={value}");
    let [authentication, authorization] =
        ["authentication-kubeconfig", "authorization-kubeconfig"].map(|name| flag(name, &away));
    let authority = authority.display().to_string();
    let [clients, proxies] =
        ["client-ca-file", "requestheader-client-ca-file"].map(|name| flag(name, &authority));
    let skip = "--authentication-skip-lookup";
    let tolerate = "--authentication-tolerate-lookup-failure";
    let open = "--authorization-always-allow-paths=/healthz,/metrics";
    // The flags, and what nobody in particular is answered under /metrics.
    let cases: [(&[&str], u16); 6] = [
        (&[], 403),
        (&[&authentication, &authorization, skip], 500),
        (&[&authentication, &authorization, tolerate], 500),
        (&[&authentication, &authorization, &clients, &proxies], 500),
        (&[&authentication, &authorization, skip, open], 200),
        (&[&authentication, skip], 403),
    ];
    for (flags, wanted) in cases {
        let manager = Manager::start(&away, flags).await;
        let nobody = Visitor::anonymous(&manager.url);
        assert_eq!(nobody.get("/healthz").await.code, 200, "{flags:?}");
        let metrics = nobody.get("/metrics").await;
        assert_eq!(metrics.code, wanted, "{flags:?}: {}", metrics.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_live_before_it_is_ready_and_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let open = "--authorization-always-allow-paths=/*";
    let manager = Manager::start(&unreachable(folder.path()), &[open]).await;
    let nobody = Visitor::anonymous(&manager.url);
    let live = nobody.get("/livez?verbose").await;
    assert_eq!(live.code, 200, "{}", live.body);
    let ready = nobody.get("/readyz").await;
    assert_eq!(ready.code, 500);
    assert!(
        ready.body.contains("[-]endpoints-controller failed: reason withheld\n"),
        "{}",
        ready.body
    );
    assert!(ready.body.ends_with("readyz check failed\n"), "{}", ready.body);
    let why = nobody.get("/readyz/endpoints-controller").await;
    let missing = "internal server error: not listed yet: Service, Pod, Endpoints";
    assert_eq!((why.code, why.body.starts_with(missing)), (500, true), "{}", why.body);
    manager.process.says("Health check failed").await;
    let counted = nobody.get("/metrics/slis").await.body;
    let wanted = "kubernetes_healthcheck{name=\"endpoints-controller\",type=\"readyz\"} 0\n";
    assert!(counted.contains(wanted), "{counted}");
}
