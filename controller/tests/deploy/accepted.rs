//! The real API server takes every object, and would have refused a field that it does not know.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::Cluster;
use testbed::{ApiServer, Binaries, ControlPlane, Program, prometheus_operator_crds};

use crate::conventions::FOLDERS;
use crate::rendered::{kustomize, kustomize_yaml, only, path};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn every_object_is_accepted_in_a_dry_run_that_refuses_unknown_fields() {
    let plane = ControlPlane::start().await.unwrap();
    let server = &plane.api_server;
    know_the_operator(server);
    for folder in FOLDERS {
        let output = try_out(server, &kustomize_yaml(folder));
        assert!(output.status.success(), "{folder}: {}", complaint(&output));
    }
    let misspelt = kustomize_yaml("base").replace("maxUnavailable", "maxUnavailible");
    let output = try_out(server, &misspelt);
    assert!(complaint(&output).contains("field not declared"), "{}", complaint(&output));
    assert!(!output.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pods_are_admitted_where_only_restricted_ones_are() {
    let plane = ControlPlane::start().await.unwrap();
    let cluster = Cluster::new(plane.api_server.client().await.unwrap()).await;
    let strict = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let metadata = json!({"name": "strict", "labels": strict});
    cluster.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})).await;
    let objects = kustomize("base");
    let mut pod = only(&objects, "Deployment")["spec"]["template"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("roster");
    pod["metadata"]["namespace"] = json!("strict");
    let admitted = |pod: &Value| try_out(&plane.api_server, &pod.to_string());
    let output = admitted(&pod);
    assert!(output.status.success(), "{}", complaint(&output));
    pod["spec"]["securityContext"]["runAsNonRoot"] = json!(false);
    assert!(complaint(&admitted(&pod)).contains("violates PodSecurity"));
}

/// Lets the server know Roster's own kinds, and makes a pool.
pub fn know_pools(server: &ApiServer) {
    for file in std::fs::read_dir(path("../crds/yaml")).unwrap() {
        let yaml = std::fs::read_to_string(file.unwrap().path()).unwrap();
        until_applied(server, &yaml);
    }
    let pool = json!({
        "apiVersion": "roster.dev/v1alpha1", "kind": "ClusterIPPool", "metadata": {"name": "busy"},
        "spec": {"ranges": ["10.96.8.0/24"], "namespaces": ["busy"], "enforcement": "Prefer"},
    });
    until_applied(server, &pool.to_string());
}

/// A kind is known a moment after its definition was accepted.
fn until_applied(server: &ApiServer, yaml: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let output = apply(server, &[], yaml);
        if output.status.success() {
            return;
        }
        assert!(Instant::now() < deadline, "{}", complaint(&output));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Lets the server know the kinds of the Prometheus Operator.
fn know_the_operator(server: &ApiServer) {
    let crds = prometheus_operator_crds().unwrap();
    for kind in ["servicemonitors", "prometheusrules"] {
        let file = crds.join(format!("monitoring.coreos.com_{kind}.yaml"));
        let yaml = std::fs::read_to_string(file).unwrap();
        let output = apply(server, &[], &yaml);
        assert!(output.status.success(), "{}", complaint(&output));
    }
}

/// Applies a folder of `deploy/kustomize`.
pub fn install(server: &ApiServer, folder: &str) {
    let output = apply(server, &[], &kustomize_yaml(folder));
    assert!(output.status.success(), "{}", complaint(&output));
}

fn try_out(server: &ApiServer, yaml: &str) -> Output {
    apply(server, &["--dry-run=server", "--validate=strict"], yaml)
}

fn apply(server: &ApiServer, flags: &[&str], yaml: &str) -> Output {
    let mut kubectl = Command::new(Binaries::default().find(Program::Kubectl).unwrap())
        .args(["apply", "--server-side", "-f", "-"])
        .args(flags)
        .env("KUBECONFIG", server.kubeconfig_path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    kubectl.stdin.take().unwrap().write_all(yaml.as_bytes()).unwrap();
    kubectl.wait_with_output().unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
