//! The rights of the three stock controllers do not suffice for the controller for ClusterIPs.

use serde_json::json;
use support::{Cluster, Visitor, pod, service};
use testbed::ControlPlane;

use crate::Manager;

const USER: &str = "successor";

/// Binds the user to a ClusterRole.
async fn bind(cluster: &Cluster, role: &str) {
    let group = "rbac.authorization.k8s.io";
    cluster
        .create(json!({
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding",
            "metadata": {"name": format!("{USER}-{}", role.replace(':', "-"))},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": group, "kind": "User", "name": USER}],
        }))
        .await;
}

async fn stage() -> (ControlPlane, Cluster, String) {
    let plane = ControlPlane::start().await.unwrap();
    let cluster = Cluster::new(plane.api_server.client().await.unwrap()).await;
    for controller in ["endpoint", "endpointslice", "endpointslicemirroring"] {
        bind(&cluster, &format!("system:controller:{controller}-controller")).await;
    }
    let kubeconfig = plane.api_server.kubeconfig_path_as(USER).unwrap().display().to_string();
    (plane, cluster, kubeconfig)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_rights_of_the_stock_controllers_it_is_ready_and_cluster_ips_rest() {
    let (_plane, cluster, kubeconfig) = stage().await;
    cluster.create(service("hostnames", json!({}))).await;
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;
    let manager = Manager::start(&kubeconfig, &["--takeover-check=false"]).await;
    cluster.until_ready("hostnames", &["one"]).await;
    let visitor = Visitor::anonymous(&manager.url);
    cluster.until(200, async || visitor.get("/readyz").await.code).await;
    for kind in ["IPAddress", "ServiceCIDR", "Namespace", "ClusterIPPool"] {
        let rests =
            |line: &str| line.contains(&format!("kind=\"{kind}\"")) && line.contains("rests until");
        cluster
            .until(1, async || manager.process.log().lines().filter(|it| rests(it)).count())
            .await;
    }
    let log = manager.process.log();
    assert!(log.contains("cannot watch resource \\\"ipaddresses\\\""), "{log}");
    assert!(!log.lines().any(|line| line.starts_with('E')), "{log}");

    bind(&cluster, "cluster-admin").await;
    manager.process.says("Listing and watching works again").await;
    manager.process.says("Knows who gives ClusterIPs").await;
    cluster.until(200, async || visitor.get("/readyz").await.code).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_cluster_ips_by_name_hears_that_they_are_not_ready() {
    let (_plane, cluster, kubeconfig) = stage().await;
    let flags = ["--takeover-check=false", "--controllers=*,clusterip-controller"];
    let open = "--authorization-always-allow-paths=/*";
    let manager = Manager::start(&kubeconfig, &[&flags[..], &[open]].concat()).await;
    let visitor = Visitor::anonymous(&manager.url);
    let others = ["endpoints-controller", "endpointslice-controller"];
    for name in others {
        let path = format!("/readyz/{name}");
        cluster.until(200, async || visitor.get(&path).await.code).await;
    }
    let why = async || {
        let seen = visitor.get("/readyz/clusterip-controller").await;
        (seen.code, seen.body.contains("cannot watch resource \"ipaddresses\" in API group"))
    };
    cluster.until((500, true), why).await;
    assert_eq!(visitor.get("/readyz").await.code, 500);
    assert_eq!(visitor.get("/livez").await.code, 200, "a restart would not help");
}
