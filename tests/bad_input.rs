//! Bad input on the real API server: what cannot be written costs its own Service one clear event,
//! everything else goes on, and it recovers by itself.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use controller::health::Probe;
use serde_json::{Value, json};
use support::{Cluster, Roster, Server, pod, service};
use testbed::ControlPlane;

/// A control plane, Roster on it as its administrator, and a Service that must always work.
async fn world() -> (ControlPlane, Cluster, Roster) {
    let plane = ControlPlane::start().await.unwrap();
    let cluster = Cluster::new(plane.api_server.client().await.unwrap()).await;
    let roster = Roster::start(plane.api_server.client().await.unwrap());
    cluster.create(service("good", json!({}))).await;
    (plane, cluster, roster)
}

/// The Service that must always work takes in one more Pod.
async fn everything_else_goes_on(cluster: &Cluster, name: &str, number: usize) {
    cluster.pod(pod(name, "good", &format!("10.1.9.{number}"))).await;
    let listed = async || cluster.ready("good").await.contains(&name.to_owned());
    cluster.until(true, listed).await;
}

/// What users were told of an object: the reasons, each once, whatever the text.
async fn told(cluster: &Cluster, object: &str) -> Vec<String> {
    let mut reasons: Vec<String> =
        cluster.events(object).await.into_iter().map(|(reason, _)| reason).collect();
    reasons.sort();
    reasons.dedup();
    reasons
}

fn by_hand(name: &str, ports: &[Value]) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name},
        "subsets": [{"addresses": [{"ip": "10.5.0.1"}], "ports": ports}],
    })
}

support::on_both_servers!(endpoints_that_no_slice_can_mirror_cost_nobody_else_anything);

async fn endpoints_that_no_slice_can_mirror_cost_nobody_else_anything(server: Server) {
    let cluster = Cluster::new(server.client().await).await;
    let roster = Roster::start(server.client().await);
    cluster.create(service("good", json!({}))).await;
    let numbered = |number: usize| json!({"name": format!("p{number}"), "port": number});
    let many: Vec<Value> = (1..=20_001).map(numbered).collect();
    let twice = [json!({"name": "http", "port": 80}), json!({"name": "http", "port": 81})];
    for (name, ports) in [("many", &many[..]), ("twice", &twice)] {
        cluster.create(service(name, json!({"selector": null}))).await;
        cluster.create(by_hand(name, ports)).await;
    }
    for name in ["many", "twice"] {
        let wanted = vec!["FailedToUpdateEndpointSlices".to_owned()];
        cluster.until(wanted, async || told(&cluster, name).await).await;
    }
    everything_else_goes_on(&cluster, "one", 1).await;
    for name in ["many", "twice"] {
        let mended = json!({"subsets": by_hand(name, &[numbered(80)])["subsets"]});
        cluster.patch("Endpoints", name, mended).await;
        cluster.until(1, async || cluster.slices(name).await.len()).await;
    }
    cluster.stays_silent().await;
    roster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_a_policy_refuses_on_slices_is_told_of_and_ends_with_the_label() {
    let (_plane, cluster, roster) = world().await;
    let rule = json!({
        "apiGroups": ["discovery.k8s.io"], "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"], "resources": ["endpointslices"],
    });
    let allowed = "!has(object.metadata.labels) || !('forbidden' in object.metadata.labels)";
    cluster
        .create(json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "labels"},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": allowed, "message": "that label is forbidden"}],
            },
        }))
        .await;
    cluster
        .create(json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "labels"},
            "spec": {"policyName": "labels", "validationActions": ["Deny"]},
        }))
        .await;
    // The policy is in force when it refuses somebody.
    let labelled = |name: &str| {
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": name, "labels": {"forbidden": "yes"}}, "endpoints": [],
        })
    };
    let mut tries = 0_usize;
    while cluster.try_create(labelled(&format!("probe-{tries}"))).await.is_ok() {
        tries += 1;
        assert!(tries < 1000, "the policy never comes into force");
    }
    let mut bad = service("bad", json!({}));
    bad["metadata"]["labels"] = json!({"forbidden": "yes"});
    cluster.create(bad).await;
    cluster.pod(pod("member", "bad", "10.1.0.1")).await;
    let refused = async || {
        let events = cluster.events("bad").await;
        events.iter().any(|(reason, message)| {
            reason == "FailedToUpdateEndpointSlices" && message.contains("that label is forbidden")
        })
    };
    cluster.until(true, refused).await;
    everything_else_goes_on(&cluster, "one", 1).await;
    cluster.patch("Service", "bad", json!({"metadata": {"labels": {"forbidden": null}}})).await;
    cluster.until_ready("bad", &["member"]).await;
    cluster.until_endpoints_follow("bad").await;
    cluster.stays_silent().await;
    roster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_going_away_is_left_in_peace() {
    let (plane, cluster, roster) = world().await;
    let client = plane.api_server.client().await.unwrap();
    let going = Cluster::in_namespace(client, "going").await;
    going.create(service("web", json!({}))).await;
    going.pod(pod("one", "web", "10.1.0.1")).await;
    going.until_ready("web", &["one"]).await;
    // Nobody here ends namespaces, so it stays in this state.
    going.delete("Namespace", "going").await;
    for slice in going.slice_names("web").await {
        going.delete("EndpointSlice", &slice).await;
    }
    going.delete("Endpoints", "web").await;
    everything_else_goes_on(&cluster, "one", 1).await;
    cluster.until_endpoints_follow("good").await;
    cluster.stays_silent().await;
    assert_eq!(going.slice_names("web").await, Vec::<String>::new());
    assert_eq!(going.events("web").await, [], "nobody is told what cannot be helped");
    roster.stop().await;
}

const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 3] = ["create", "update", "delete"];

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

/// Makes a role, or gives it other rules.
async fn role(cluster: &Cluster, name: &str, rules: &[Value]) {
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name}, "rules": rules,
    });
    if cluster.try_create(role).await.is_err() {
        cluster.patch("ClusterRole", name, json!({ "rules": rules })).await;
    }
}

/// Gives Roster a role, in the whole cluster or in the namespace of `cluster`.
async fn bind(cluster: &Cluster, kind: &str, role: &str) {
    let group = "rbac.authorization.k8s.io";
    cluster
        .create(json!({
            "apiVersion": format!("{group}/v1"), "kind": kind, "metadata": {"name": role},
            "subjects": [{"kind": "User", "name": "roster", "apiGroup": group}],
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        }))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_one_kind_the_others_are_looked_after_until_it_is_granted() {
    let plane = ControlPlane::start().await.unwrap();
    let cluster = Cluster::new(plane.api_server.client().await.unwrap()).await;
    let slices = "discovery.k8s.io";
    let all_but_endpoints = vec![
        rule("", &["services", "pods", "nodes"], &READ),
        rule(slices, &["endpointslices"], &[READ, WRITE].concat()),
        rule("", &["services/finalizers"], &["update"]),
        rule("", &["events"], &["create", "patch"]),
    ];
    role(&cluster, "controllers", &all_but_endpoints).await;
    bind(&cluster, "ClusterRoleBinding", "controllers").await;
    let roster = Roster::start(plane.api_server.client_as("roster").await.unwrap());
    cluster.create(service("good", json!({}))).await;
    everything_else_goes_on(&cluster, "one", 1).await;
    assert_eq!(cluster.endpoints("good").await, None);
    let complaints = roster.complaints(Probe::Readyz);
    let [endpoints, mirrors] = &complaints[..] else {
        panic!("{complaints:?}");
    };
    assert!(endpoints.starts_with("endpoints-controller: "), "{endpoints}");
    assert!(mirrors.starts_with("endpointslice-mirroring-controller: "), "{mirrors}");
    for complaint in [endpoints, mirrors] {
        let missing = "cannot watch resource \"endpoints\" in API group \"\" at the cluster scope";
        assert!(complaint.contains(missing), "{complaint}");
    }
    let endpoints = rule("", &["endpoints"], &[READ, WRITE].concat());
    role(&cluster, "controllers", &[all_but_endpoints, vec![endpoints]].concat()).await;
    cluster.until_endpoints_follow("good").await;
    cluster.stays_silent().await;
    roster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_write_in_a_namespace_others_are_served_until_it_is_granted() {
    let plane = ControlPlane::start().await.unwrap();
    let cluster = Cluster::new(plane.api_server.client().await.unwrap()).await;
    let locked = Cluster::in_namespace(plane.api_server.client().await.unwrap(), "locked").await;
    let slices = "discovery.k8s.io";
    let reading = [
        rule("", &["services", "pods", "nodes", "endpoints"], &READ),
        rule(slices, &["endpointslices"], &READ),
        rule("", &["events"], &["create", "patch"]),
    ];
    let writing = [rule("", &["endpoints"], &WRITE), rule(slices, &["endpointslices"], &WRITE)];
    role(&cluster, "reading", &reading).await;
    role(&cluster, "writing", &writing).await;
    bind(&cluster, "ClusterRoleBinding", "reading").await;
    bind(&cluster, "RoleBinding", "writing").await;
    let roster = Roster::start(plane.api_server.client_as("roster").await.unwrap());
    for cluster in [&cluster, &locked] {
        cluster.create(service("good", json!({}))).await;
    }
    locked.pod(pod("one", "good", "10.1.0.1")).await;
    everything_else_goes_on(&cluster, "one", 2).await;
    let forbidden = async || {
        let events = locked.events("good").await;
        events.iter().any(|(reason, message)| {
            reason == "FailedToUpdateEndpointSlices" && message.contains("forbidden")
        })
    };
    locked.until(true, forbidden).await;
    bind(&locked, "RoleBinding", "writing").await;
    locked.until_ready("good", &["one"]).await;
    locked.until_endpoints_follow("good").await;
    cluster.stays_silent().await;
    roster.stop().await;
}
