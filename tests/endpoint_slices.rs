//! EndpointSlices written by Roster on the real API server.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::collections::BTreeMap;

use serde_json::json;
use support::{Cluster, Roster, SliceView, pod, service};
use testbed::ControlPlane;

async fn control_plane() -> (ControlPlane, Cluster) {
    let plane = ControlPlane::start().await.unwrap();
    let cluster = Cluster::new(plane.api_server.client().await.unwrap()).await;
    (plane, cluster)
}

/// A slice of Service `hostnames` on its one port.
fn hostnames(endpoints: &[&str]) -> SliceView {
    SliceView {
        address_type: "IPv4".to_owned(),
        ports: vec!["http/TCP/9376".to_owned()],
        endpoints: endpoints.iter().map(|line| (*line).to_owned()).collect(),
        labels: labels("hostnames"),
        owners: vec!["Service/hostnames".to_owned()],
    }
}

fn labels(service: &str) -> BTreeMap<String, String> {
    [
        ("kubernetes.io/service-name", service),
        ("endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slice_of_hostnames_follows_its_pods() {
    let (plane, cluster) = control_plane().await;
    let roster = Roster::start(plane.api_server.client().await.unwrap());
    cluster.create(service("hostnames", json!({}))).await;
    for (name, ip) in [("one", "10.1.0.1"), ("two", "10.1.0.2"), ("three", "10.1.0.3")] {
        cluster.pod(pod(name, "hostnames", ip)).await;
    }
    let one = "10.1.0.1 Pod/one ready serving on node-a in zone-a";
    let two = "10.1.0.2 Pod/two ready serving on node-a in zone-a";
    let three = "10.1.0.3 Pod/three ready serving on node-a in zone-a";
    cluster.settles("hostnames", &[hostnames(&[one, two, three])]).await;

    cluster.readiness("two", "False").await;
    let two_out = "10.1.0.2 Pod/two on node-a in zone-a";
    cluster.settles("hostnames", &[hostnames(&[one, two_out, three])]).await;

    cluster.readiness("two", "True").await;
    cluster.delete("Pod", "three").await;
    cluster.settles("hostnames", &[hostnames(&[one, two])]).await;
    roster.stop().await;
}
