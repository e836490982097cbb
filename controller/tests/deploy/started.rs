//! The command lines of the manifests, run. What only a Pod has is swapped: the way to the API server
//! and the port.

use serde_json::{Value, json};
use support::visitor::Authority;
use support::{Cluster, Visitor, pod, service};
use testbed::{ApiServer, ControlPlane};

use crate::conventions;
use crate::program::Process;
use crate::rendered::kustomize;

#[tokio::test(flavor = "multi_thread")]
async fn the_deployment_leads_is_ready_and_publishes_with_the_rights_that_come_with_it() {
    let plane = ControlPlane::start().await.unwrap();
    let server = &plane.api_server;
    crate::accepted::install(server, "base");
    let cluster = Cluster::new(server.client().await.unwrap()).await;
    cluster.create(service("hostnames", json!({}))).await;
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;

    let objects = kustomize("base");
    let spec = conventions::pod(&objects);
    let (manager, url) = start_in_a_pod(server, &spec["containers"][0]).await;
    cluster.until_ready("hostnames", &["one"]).await;
    manager.says("Successfully acquired lease").await;
    probes_pass(&spec["containers"][0], &url).await;
    let token = server.token_of("roster").await.unwrap();
    let refused = Visitor::anonymous(&url)
        .saying("authorization", &format!("Bearer {token}"))
        .get("/metrics")
        .await;
    assert_eq!(refused.code, 403, "known by its token, and may not read this: {}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_static_pod_needs_no_rights_but_those_of_kube_controller_manager() {
    let plane = ControlPlane::start().await.unwrap();
    let server = &plane.api_server;
    let cluster = Cluster::new(server.client().await.unwrap()).await;
    cluster.create(service("hostnames", json!({}))).await;
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;

    let objects = kustomize("overlays/static-pod");
    let container = &conventions::pod(&objects)["containers"][0];
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.crt");
    std::fs::write(&authority, Authority::new("kubernetes").pem()).unwrap();
    let kubeconfig = server.kubeconfig_path_as("system:kube-controller-manager").unwrap();
    let port = testbed::free_port().unwrap();
    let on_this_machine = |argument: String| match argument.split_once('=') {
        Some((flag, "/etc/kubernetes/controller-manager.conf")) => {
            format!("{flag}={}", kubeconfig.display())
        }
        Some((flag, file)) if file.starts_with("/etc/kubernetes/pki/") => {
            format!("{flag}={}", authority.display())
        }
        Some(("--secure-port", _)) => format!("--secure-port={port}"),
        _ => argument,
    };
    let arguments: Vec<String> = arguments(container).into_iter().map(on_this_machine).collect();
    let manager = Process::run(&arguments);
    cluster.until_ready("hostnames", &["one"]).await;
    cluster.until_endpoints_follow("hostnames").await;
    probes_pass(container, &format!("https://127.0.0.1:{port}")).await;
    assert_eq!(manager.lines_with("forbidden"), 0, "{}", manager.log());
}

/// Starts a container as the kubelet would: with the files of its ServiceAccount, and not told where
/// the API server is but by its environment. Only the port is another.
async fn start_in_a_pod(server: &ApiServer, container: &Value) -> (Process, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), server.token_of("roster").await.unwrap()).unwrap();
    std::fs::write(folder.path().join("namespace"), "kube-system").unwrap();
    std::fs::copy(server.certificate(), folder.path().join("ca.crt")).unwrap();
    let port = testbed::free_port().unwrap();
    let mut arguments = arguments(container);
    arguments.push(format!("--secure-port={port}"));
    let address = server.url().trim_start_matches("https://").split_once(':').unwrap();
    let process = Process::in_a_pod(folder.path(), address, &arguments);
    process.says("Serving securely on").await;
    (process, format!("https://127.0.0.1:{port}"))
}

/// Starts a container of a Pod as a ServiceAccount of kube-system, and waits until it serves.
pub async fn start(server: &ApiServer, account: &str, container: &Value) -> (Process, String) {
    let (process, url) = launch(server, account, container).await;
    process.says("Serving securely on").await;
    (process, url)
}

/// The same without waiting.
pub async fn launch(server: &ApiServer, account: &str, container: &Value) -> (Process, String) {
    let port = testbed::free_port().unwrap();
    let kubeconfig = server.kubeconfig_path_of(account).await.unwrap();
    let mut arguments = arguments(container);
    arguments.extend(
        ["", "authentication-", "authorization-"]
            .map(|of| format!("--{of}kubeconfig={}", kubeconfig.display())),
    );
    arguments.push(format!("--secure-port={port}"));
    (Process::run(&arguments), format!("https://127.0.0.1:{port}"))
}

fn arguments(container: &Value) -> Vec<String> {
    let arguments = container["args"].as_array().unwrap().iter();
    arguments.map(|argument| argument.as_str().unwrap().to_owned()).collect()
}

async fn probes_pass(container: &Value, url: &str) {
    let kubelet = Visitor::anonymous(url);
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let path = container[probe]["httpGet"]["path"].as_str().unwrap();
        let seen = kubelet.get(path).await;
        assert_eq!((seen.code, &*seen.body), (200, "ok"), "{probe} {path}");
    }
}
