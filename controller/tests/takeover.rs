//! Taking over from kube-controller-manager on the real API server, and being kept from being a second
//! writer.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod program;

use std::process::{Command, Output};
use std::time::Duration;

use jiff::Timestamp;
use program::{PROGRAM, Process};
use serde_json::{Value, json};
use support::{AuditLog, Cluster, pod, service};
use testbed::{
    ApiServer, ApiServerOptions, ControlPlane, ControllerManager, ControllerManagerOptions, Etcd,
    Signal,
};

const OFF: &str = "--controllers=*,-endpoints-controller,-endpointslice-controller,-endpointslice-mirroring-controller";

/// A Pod of kube-controller-manager as kubeadm makes it.
async fn stock_pod(cluster: &Cluster, name: &str, flag: &str) {
    cluster
        .create(json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"component": "kube-controller-manager"}},
            "spec": {
                "nodeName": "node-a",
                "containers": [{
                    "name": "kube-controller-manager",
                    "image": "registry.k8s.io/kube-controller-manager:v1.36.3",
                    "command": ["kube-controller-manager", "--leader-elect=true", flag],
                }],
            },
        }))
        .await;
    cluster.status("Pod", name, json!({"phase": "Running"})).await;
}

/// The Lease of a leader that has just renewed it.
async fn stock_lease(cluster: &Cluster) {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    cluster
        .create(json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "kube-controller-manager"},
            "spec": {
                "holderIdentity": "control-plane_1",
                "leaseDurationSeconds": 15,
                "acquireTime": now,
                "renewTime": now,
            },
        }))
        .await;
}

async fn kube_system(server: &ApiServer) -> Cluster {
    Cluster::in_namespace(server.client().await.unwrap(), "kube-system").await
}

fn check(kubeconfig: &str) -> (Option<i32>, String) {
    let flag = format!("--kubeconfig={kubeconfig}");
    let arguments = ["takeover", "check", &flag];
    let Output { status, stdout, .. } = Command::new(PROGRAM).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_while_a_pod_of_the_stock_manager_has_the_same_controllers_on() {
    let plane = ControlPlane::start().await.unwrap();
    let cluster = Cluster::new(plane.api_server.client().await.unwrap()).await;
    let system = kube_system(&plane.api_server).await;
    let kubeconfig = plane.api_server.kubeconfig_path().display().to_string();
    cluster.create(service("hostnames", json!({}))).await;
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;
    assert_eq!(check(&kubeconfig).0, Some(0));

    stock_lease(&system).await;
    stock_pod(&system, "kcm-a", "--controllers=*,tokencleaner").await;
    stock_pod(&system, "kcm-b", OFF).await;
    let (code, said) = check(&kubeconfig);
    assert_eq!(code, Some(1), "{said}");
    let wanted = "kube-system/kcm-a: --controllers=*,tokencleaner,-endpointslice-controller";
    assert!(said.contains("Pod kube-system/kcm-a runs ") && said.contains(wanted), "{said}");

    for alone in [true, false] {
        let flag = format!("--leader-elect={}", !alone);
        let manager = Process::start(&kubeconfig, &[&flag]);
        manager.says("Another manager writes what this one would").await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(cluster.slices("hostnames").await.len(), 0);
        assert_eq!(cluster.endpoints("hostnames").await, None);
    }

    let mut manager = Process::start(&kubeconfig, &[]);
    manager.says("Another manager writes what this one would").await;
    system.delete("Pod", "kcm-a").await;
    stock_pod(&system, "kcm-c", OFF).await;
    manager.says("Nobody else writes").await;
    cluster.until_ready("hostnames", &["one"]).await;
    assert_eq!(check(&kubeconfig).0, Some(0));

    // Somebody starts the old one again.
    stock_pod(&system, "kcm-d", "--controllers=*").await;
    assert_eq!(manager.ends().await.code(), Some(1));
    manager.says("another manager writes the same: Pod kube-system/kcm-d runs").await;

    let forced = Process::start(&kubeconfig, &["--takeover-check=false"]);
    forced.says("Starting").await;
    cluster.pod(pod("two", "hostnames", "10.1.0.2")).await;
    cluster.until_ready("hostnames", &["one", "two"]).await;
}

/// Starts kube-controller-manager with leader election and without a Pod, as k3s does.
async fn stock(server: &ApiServer, controllers: &[&str]) -> ControllerManager {
    let mut options = ControllerManagerOptions::unhurried(controllers);
    options.flags.push("--leader-elect=true".to_owned());
    ControllerManager::start(server, options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn there_and_back_again_without_a_second_writer() {
    let etcd = Etcd::start().await.unwrap();
    let mut options = ApiServerOptions::default();
    let audit = AuditLog::kept_by(&mut options);
    let server = ApiServer::start(&etcd, options).await.unwrap();
    let cluster = Cluster::new(server.client().await.unwrap()).await;
    let kubeconfig = server.kubeconfig_path().display().to_string();
    cluster.create(administrator("roster")).await;
    let as_roster = server.kubeconfig_path_as("roster").unwrap().display().to_string();
    let ours =
        ["endpoints-controller", "endpointslice-controller", "endpointslice-mirroring-controller"];

    let first = stock(&server, &ours).await;
    cluster.create(service("hostnames", json!({}))).await;
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;
    cluster.until_ready("hostnames", &["one"]).await;
    let (code, said) = check(&kubeconfig);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("kube-controller-manager wrote default/hostnames"), "{said}");

    let mut roster = Process::start(&as_roster, &[]);
    roster.says("Another manager writes what this one would").await;
    cluster.pod(pod("two", "hostnames", "10.1.0.2")).await;
    cluster.until_ready("hostnames", &["one", "two"]).await;
    cluster.until_endpoints_follow("hostnames").await;

    first.stop(Signal::TERM);
    let second = stock(
        &server,
        &[
            "*",
            "-endpoints-controller",
            "-endpointslice-controller",
            "-endpointslice-mirroring-controller",
        ],
    )
    .await;
    cluster.pod(pod("three", "hostnames", "10.1.0.3")).await;
    cluster.until_ready("hostnames", &["one", "three", "two"]).await;
    cluster.until_endpoints_follow("hostnames").await;
    roster.says("going on").await;

    roster.signal("TERM");
    assert_eq!(roster.ends().await.code(), Some(0));
    second.stop(Signal::TERM);
    let _third = stock(&server, &ours).await;
    cluster.delete("Pod", "three").await;
    cluster.until_ready("hostnames", &["one", "two"]).await;
    cluster.until_endpoints_follow("hostnames").await;
    assert_eq!(audit.writers(), ["admin", "roster", "admin"]);
}

/// Lets a user do everything.
fn administrator(user: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": format!("administrator-{user}")},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    })
}
