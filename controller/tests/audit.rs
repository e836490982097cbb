//! `roster audit clusterips` on the real API server, whose store holds what no API server would take.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod program;

use std::process::{Command, Output};

use program::PROGRAM;
use serde_json::{Value, json};
use support::Cluster;
use testbed::{ApiServer, ApiServerOptions, Etcd, Program};

/// Long enough ago not to be half of something.
const OLD: &str = "2026-01-02T00:00:00Z";

/// A kube-apiserver that neither gives addresses nor repairs anything.
struct Stage {
    cluster: Cluster,
    server: ApiServer,
    etcd: Etcd,
}

impl Stage {
    async fn set() -> Self {
        let etcd = Etcd::start().await.unwrap();
        let options = ApiServerOptions {
            program: Program::WithoutAllocator,
            service_cluster_ip_range: "10.96.0.0/24".to_owned(),
            flags: vec!["--repair-loops=false".to_owned()],
            ..ApiServerOptions::default()
        };
        let server = ApiServer::start(&etcd, options).await.unwrap();
        let cluster = Cluster::new(server.client().await.unwrap()).await;
        let stage = Self { cluster, server, etcd };
        stage.claim("10.96.0.1", "kubernetes", "ipallocator.k8s.io").await;
        stage
    }

    /// An old Service with an address, past the API server.
    async fn service(&self, name: &str, address: &str) {
        let object = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "default", "uid": format!("uid-{name}"),
                         "creationTimestamp": OLD},
            "spec": {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address],
                     "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
                     "internalTrafficPolicy": "Cluster", "sessionAffinity": "None",
                     "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]},
        });
        self.etcd.put(&format!("/registry/services/specs/default/{name}"), &object).await.unwrap();
    }

    /// An old claim for a Service, past the API server.
    async fn claim(&self, address: &str, service: &str, manager: &str) {
        let object = json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
            "metadata": {"name": address, "uid": format!("uid-{address}"),
                         "creationTimestamp": OLD,
                         "labels": {"ipaddress.kubernetes.io/ip-family": "IPv4",
                                    "ipaddress.kubernetes.io/managed-by": manager}},
            "spec": {"parentRef": {"resource": "services", "namespace": "default", "name": service}},
        });
        self.etcd.put(&format!("/registry/ipaddresses/{address}"), &object).await.unwrap();
    }

    fn audit(&self, flags: &[&str]) -> Output {
        let kubeconfig = format!("--kubeconfig={}", self.server.kubeconfig_path().display());
        let own = ["audit", "clusterips", &kubeconfig];
        Command::new(PROGRAM).args([&own[..], flags].concat()).output().unwrap()
    }

    /// The exit code, and `REASON SERVICE REPAIR` of what is wrong.
    fn found(&self, flags: &[&str]) -> (Option<i32>, Vec<String>) {
        let output = self.audit(&[&["-o", "json"], flags].concat());
        let read: Value = serde_json::from_slice(&output.stdout).unwrap();
        let word = |finding: &Value, of: &str| finding[of].as_str().unwrap_or("-").to_owned();
        let line = |finding: &Value| {
            let [reason, service, repair] =
                ["reason", "service", "repair"].map(|of| word(finding, of));
            format!("{reason} {service} {repair}")
        };
        (output.status.code(), read.as_array().unwrap().iter().map(line).collect())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_exit_code_says_whether_anything_is_wrong_and_it_repairs_what_is_safe() {
    let stage = Stage::set().await;
    stage.service("right", "10.96.0.2").await;
    stage.claim("10.96.0.2", "right", "ipallocator.k8s.io").await;
    assert_eq!(stage.found(&[]), (Some(0), Vec::new()));

    stage.service("bare", "10.96.0.3").await;
    stage.claim("10.96.0.4", "gone", "ipallocator.k8s.io").await;
    stage.service("mislabelled", "10.96.0.5").await;
    stage.claim("10.96.0.5", "mislabelled", "example.com").await;
    stage.service("robbed", "10.96.0.6").await;
    stage.claim("10.96.0.6", "right", "ipallocator.k8s.io").await;
    let repairs = [
        "Unclaimed default/bare claim",
        "ClaimLeaked default/gone release",
        "ClaimMislabelled default/mislabelled relabel",
        "ClaimWrongReference default/robbed claim again",
    ];
    assert_eq!(
        stage.found(&["--repair", "--dry-run"]),
        (Some(1), repairs.map(str::to_owned).into())
    );
    assert_eq!(stage.found(&[]).1.len(), repairs.len(), "a dry run writes nothing");
    stage.service("far", "10.99.0.3").await;

    let output = stage.audit(&["--repair"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "one address is in no range: {said}");
    assert_eq!(said.lines().filter(|line| line.ends_with(" done")).count(), 4, "{said}");
    let left = ["OutOfRange default/far by hand".to_owned()];
    assert_eq!(stage.found(&[]), (Some(1), left.into()));
    stage.cluster.delete("Service", "far").await;
    assert_eq!(stage.found(&[]), (Some(0), Vec::new()));
    assert_eq!(stage.cluster.list("IPAddress", "").await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_cannot_be_looked_at_is_no_cluster_in_order() {
    let stage = Stage::set().await;
    let powerless = stage.server.kubeconfig_path_as("nobody").unwrap();
    let flag = format!("--kubeconfig={}", powerless.display());
    let output = Command::new(PROGRAM).args(["audit", "clusterips", &flag]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot list Services"), "{said}");
}
