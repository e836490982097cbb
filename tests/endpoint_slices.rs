//! EndpointSlices written by Roster on the real API server, and on the sandbox.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use serde_json::json;
use support::{Cluster, Roster, Server, SliceView, pod, service};

support::on_both_servers!(
    the_slice_of_hostnames_follows_its_pods,
    what_somebody_does_to_a_slice_is_put_right,
    what_others_keep_on_a_slice_survives_our_writes,
    a_pod_on_an_unknown_node_is_left_out_and_told_of_until_the_node_is_there,
    an_unusable_address_costs_its_own_pod_and_no_other,
    dual_stack_services_of_the_longest_name_get_a_slice_for_each_family,
);

/// A cluster, and Roster beside it.
async fn beside(server: &Server) -> (Cluster, Roster) {
    let cluster = Cluster::new(server.client().await).await;
    (cluster, Roster::start(server.client().await))
}

/// A slice of Service `hostnames` on its one port.
fn hostnames(endpoints: &[&str]) -> SliceView {
    SliceView::of("hostnames", endpoints)
}

async fn the_slice_of_hostnames_follows_its_pods(server: Server) {
    let (cluster, roster) = beside(&server).await;
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

async fn what_somebody_does_to_a_slice_is_put_right(server: Server) {
    let (cluster, roster) = beside(&server).await;
    cluster.create(service("hostnames", json!({}))).await;
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;
    let one = "10.1.0.1 Pod/one ready serving on node-a in zone-a";
    cluster.settles("hostnames", &[hostnames(&[one])]).await;
    let name = cluster.slice_names("hostnames").await.remove(0);

    let strange = json!({"endpoints": [{"addresses": ["10.9.9.9"]}]});
    cluster.patch("EndpointSlice", &name, strange).await;
    cluster.settles("hostnames", &[hostnames(&[one])]).await;
    assert_eq!(
        cluster.slice_names("hostnames").await,
        std::slice::from_ref(&name),
        "it is mended in place"
    );

    cluster.delete("EndpointSlice", &name).await;
    cluster.settles("hostnames", &[hostnames(&[one])]).await;

    // Taken out of our hands: it stays as it is, and another takes its place.
    let name = cluster.slice_names("hostnames").await.remove(0);
    let theirs = json!({"metadata": {"labels": {"endpointslice.kubernetes.io/managed-by": "me"}}});
    cluster.patch("EndpointSlice", &name, theirs).await;
    let foreign = hostnames(&[one]).labelled("endpointslice.kubernetes.io/managed-by", "me");
    cluster.settles("hostnames", &[hostnames(&[one]), foreign]).await;
    roster.stop().await;
}

async fn what_others_keep_on_a_slice_survives_our_writes(server: Server) {
    let (cluster, roster) = beside(&server).await;
    cluster.create(service("hostnames", json!({}))).await;
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;
    cluster.until_ready("hostnames", &["one"]).await;
    let name = cluster.slice_names("hostnames").await.remove(0);
    let kept =
        json!({"metadata": {"finalizers": ["example.com/keep"], "annotations": {"note": "mine"}}});
    cluster.patch("EndpointSlice", &name, kept).await;
    cluster.pod(pod("two", "hostnames", "10.1.0.2")).await;
    cluster.until_ready("hostnames", &["one", "two"]).await;
    for pod in ["one", "two"] {
        cluster.delete("Pod", pod).await;
    }
    let endpoints = async || {
        let slices = cluster.slices("hostnames").await;
        slices.iter().flat_map(|slice| slice.endpoints.iter().flatten()).count()
    };
    cluster.until(0, endpoints).await;
    cluster.until_endpoints_follow("hostnames").await;
    cluster.stays_silent().await;
    let slices = cluster.slices("hostnames").await;
    let metadata = &slices[0].metadata;
    assert_eq!((slices.len(), metadata.name.as_ref()), (1, Some(&name)));
    assert_eq!(metadata.finalizers, Some(vec!["example.com/keep".to_owned()]));
    assert_eq!(metadata.annotations.as_ref().unwrap()["note"], "mine");
    roster.stop().await;
}

async fn a_pod_on_an_unknown_node_is_left_out_and_told_of_until_the_node_is_there(server: Server) {
    let (cluster, roster) = beside(&server).await;
    cluster.create(service("hostnames", json!({}))).await;
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;
    cluster.pod(pod("lost", "hostnames", "10.1.0.2").on("node-x")).await;
    cluster.until_ready("hostnames", &["one"]).await;
    let told = vec![(
        "FailedToUpdateEndpointSlices".to_owned(),
        "Error updating Endpoint Slices for Service default/hostnames: skipping Pod lost for Service default/hostnames: Node node-x Not Found".to_owned(),
    )];
    cluster.until(told, async || cluster.events("hostnames").await).await;
    cluster.node(support::node("node-x", "zone-x")).await;
    let one = "10.1.0.1 Pod/one ready serving on node-a in zone-a";
    let found = "10.1.0.2 Pod/lost ready serving on node-x in zone-x";
    cluster.settles("hostnames", &[hostnames(&[one, found])]).await;
    roster.stop().await;
}

async fn an_unusable_address_costs_its_own_pod_and_no_other(server: Server) {
    let (cluster, roster) = beside(&server).await;
    cluster.create(service("hostnames", json!({}))).await;
    cluster.pod(pod("bad", "hostnames", "127.0.0.1")).await;
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;
    let one = "10.1.0.1 Pod/one ready serving on node-a in zone-a";
    cluster.settles("hostnames", &[hostnames(&[one])]).await;
    assert_eq!(cluster.events("hostnames").await, [], "an event only if it lasts");
    roster.stop().await;
}

async fn dual_stack_services_of_the_longest_name_get_a_slice_for_each_family(server: Server) {
    let (cluster, roster) = beside(&server).await;
    let name = "s".repeat(63);
    let spec = json!({"ipFamilyPolicy": "RequireDualStack", "selector": {"app": "dual"}});
    cluster.create(service(&name, spec)).await;
    let both = pod("one", "dual", "10.1.0.1").with_ips(&["10.1.0.1", "fd00::1:0:0:1"]);
    cluster.pod(both).await;
    let slice = |family: &str, endpoint: &str| SliceView {
        address_type: family.to_owned(),
        ..SliceView::of(&name, &[&format!("{endpoint} Pod/one ready serving on node-a in zone-a")])
    };
    let wanted = [slice("IPv4", "10.1.0.1"), slice("IPv6", "fd00::1:0:0:1")];
    cluster.settles(&name, &wanted).await;
    for slice in cluster.slice_names(&name).await {
        assert_eq!((slice.len(), slice.starts_with(&"s".repeat(58))), (63, true), "{slice}");
    }
    roster.stop().await;
}
