//! The schemas on the real API server: what they accept, what they refuse and in which words.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::time::{Duration, Instant};

use crds::{ClusterIPHold, ClusterIPPool, ClusterIPPoolStatus, PerFamily};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Error, Resource};
use serde_json::{Value, json};
use testbed::ControlPlane;

/// An API server that knows our kinds.
async fn world() -> (ControlPlane, Client) {
    let plane = ControlPlane::start().await.unwrap();
    let client = plane.api_server.client().await.unwrap();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in crds::all() {
        definitions.create(&PostParams::default(), &crd).await.unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    let pools: Api<ClusterIPPool> = Api::all(client.clone());
    let holds: Api<ClusterIPHold> = Api::all(client.clone());
    while pools.list(&Default::default()).await.is_err()
        || holds.list(&Default::default()).await.is_err()
    {
        assert!(Instant::now() < deadline, "the kinds are never served");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (plane, client)
}

/// Tries to create an object, without keeping it; what the API server said if it refused.
async fn refusal<K>(client: &Client, object: Value) -> Option<String>
where
    K: Resource<DynamicType = ()>,
{
    let path = format!("{}?dryRun=All", K::url_path(&(), None));
    let request = http::Request::post(path)
        .header("content-type", "application/json")
        .body(serde_json::to_vec(&object).unwrap())
        .unwrap();
    match client.request::<Value>(request).await {
        Ok(_) => None,
        Err(Error::Api(status)) => Some(status.message),
        Err(other) => panic!("{other}"),
    }
}

fn pool(spec: Value) -> Value {
    json!({
        "apiVersion": "roster.dev/v1alpha1", "kind": "ClusterIPPool",
        "metadata": {"name": "shop"}, "spec": spec,
    })
}

fn hold(name: &str, service: Value) -> Value {
    json!({
        "apiVersion": "roster.dev/v1alpha1", "kind": "ClusterIPHold",
        "metadata": {"name": name},
        "spec": {"service": service, "requestUID": "6d3c", "holder": "roster-0"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_schemas_accept_and_refuse() {
    let (_plane, client) = world().await;
    for ranges in [
        json!(["10.96.8.0/22"]),
        json!(["10.96.8.10-10.96.8.99", "fd00::/120", "fd00::1:0-fd00::1:ff"]),
        (0..64).map(|third| format!("10.96.{third}.0/24")).collect(),
        (0..64).map(|third| format!("fd00:1111:2222:3333:4444:5555:{third}:1111-fd00:1111:2222:3333:4444:5555:{third}:ffff")).collect(),
    ] {
        let refused = refusal::<ClusterIPPool>(&client, pool(json!({"ranges": ranges}))).await;
        assert_eq!(refused, None, "{ranges}");
    }

    let not_a_range = "each range must be a CIDR, or FIRST-LAST with two addresses";
    let not_canonical = "each range must be in canonical form, a CIDR without host bits";
    for (ranges, words) in [
        (json!([]), "should have at least 1 items"),
        (
            (0..65).map(|third| format!("10.96.{third}.0/24")).collect(),
            "must have at most 64 items",
        ),
        (json!(["10.96.8.0/22", "10.96.8.0/22"]), "Duplicate value"),
        (json!(["10.96.8.0"]), not_a_range),
        (json!(["10.96.8.0/33"]), not_a_range),
        (json!(["web"]), not_a_range),
        (json!(["10.96.8.10-10.96.8.12-10.96.8.14"]), not_a_range),
        (json!(["10.96.8.10-"]), not_a_range),
        (json!(["10.96.8.1/22"]), not_canonical),
        (json!(["fd00:0::/120"]), not_canonical),
        (json!(["FD00::/120"]), not_canonical),
        (json!(["fd00::A-fd00::f"]), not_canonical),
        (json!(["10.96.8.10-fd00::1"]), "both addresses of a range must be of one IP family"),
    ] {
        let spec = json!({"ranges": ranges});
        let refused = refusal::<ClusterIPPool>(&client, pool(spec)).await.unwrap_or_default();
        assert!(refused.contains(words), "{ranges}: {refused:?} has not {words:?}");
    }

    for (field, good, bad, words) in [
        ("enforcement", json!("Exclusive"), json!("Always"), "Unsupported value"),
        ("namespaces", json!(["shop", "a"]), json!(["Shop"]), "should match"),
        ("namespaces", json!([]), json!(["shop", "shop"]), "Duplicate value"),
        ("priority", json!(-5), json!("high"), "must be of type integer"),
        ("disabled", json!(true), json!("yes"), "must be of type boolean"),
        (
            "namespaceSelector",
            json!({"matchLabels": {"team": "shop"}}),
            json!({"matchLabels": ["team"]}),
            "must be of type object",
        ),
    ] {
        let with = |value: &Value| {
            let mut spec = json!({"ranges": ["10.96.8.0/22"]});
            spec[field] = value.clone();
            pool(spec)
        };
        assert_eq!(refusal::<ClusterIPPool>(&client, with(&good)).await, None, "{field}: {good}");
        let refused = refusal::<ClusterIPPool>(&client, with(&bad)).await.unwrap_or_default();
        assert!(refused.contains(words), "{field}: {bad}: {refused:?} has not {words:?}");
    }

    let web = json!({"namespace": "shop", "name": "web"});
    for name in ["v4-10-96-8-10", "v4-255-0-0-1", "v6-fd000000000000000000000000000001"] {
        assert_eq!(
            refusal::<ClusterIPHold>(&client, hold(name, web.clone())).await,
            None,
            "{name}"
        );
    }
    for name in ["10.96.8.10", "v4-10-96-8", "v4-10-96-8-256", "v4-10-96-8-010", "v6-fd00"] {
        let refused = refusal::<ClusterIPHold>(&client, hold(name, web.clone())).await;
        assert!(refused.unwrap_or_default().contains("the name must be an address"), "{name}");
    }
    let generated = json!({"namespace": "shop", "generateName": "web-"});
    assert_eq!(refusal::<ClusterIPHold>(&client, hold("v4-10-0-0-1", generated)).await, None);
    for service in [
        json!({"namespace": "shop"}),
        json!({"namespace": "shop", "name": "web", "generateName": "web-"}),
    ] {
        let refused = refusal::<ClusterIPHold>(&client, hold("v4-10-0-0-1", service)).await;
        assert!(refused.unwrap_or_default().contains("exactly one of name and generateName"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_status_columns_and_what_may_not_change() {
    let (_plane, client) = world().await;
    let pools: Api<ClusterIPPool> = Api::all(client.clone());
    let spec = json!({"ranges": ["10.96.8.0/22", "fd00::/120"]});
    let created = pools
        .create(&PostParams::default(), &serde_json::from_value(pool(spec)).unwrap())
        .await
        .unwrap();
    assert_eq!(created.spec.enforcement, crds::Enforcement::Prefer);
    assert!(created.spec.namespaces.is_empty() && !created.spec.disabled);

    let numbers = |v4, v6| Some(PerFamily { v4: Some(v4), v6: Some(v6) });
    let condition = json!({
        "type": "Ready", "status": "True", "reason": "Usable", "message": "",
        "lastTransitionTime": "2026-11-27T00:00:00Z",
    });
    let status = ClusterIPPoolStatus {
        observed_generation: created.metadata.generation,
        capacity: numbers(1022, 255),
        used: numbers(2, 1),
        available: numbers(1020, 254),
        held: numbers(0, 0),
        conditions: vec![serde_json::from_value(condition).unwrap()],
    };
    let patch = Patch::Merge(json!({"status": status}));
    let patched = pools.patch_status("shop", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(patched.status, Some(status));
    assert_eq!(patched.metadata.generation, created.metadata.generation);

    let path = format!("{}/shop", ClusterIPPool::url_path(&(), None));
    let request = http::Request::get(path)
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(Vec::new())
        .unwrap();
    let table: Value = client.request(request).await.unwrap();
    let columns = table["columnDefinitions"].as_array().unwrap();
    let names: Vec<&str> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Name", "Ranges", "Enforcement", "Used", "Available", "Ready", "Age"]);
    let cells = table["rows"][0]["cells"].as_array().unwrap();
    let shown: Vec<&str> = cells.iter().take(6).map(|cell| cell.as_str().unwrap()).collect();
    assert_eq!(
        shown,
        [
            "shop",
            r#"["10.96.8.0/22","fd00::/120"]"#,
            "Prefer",
            r#"{"IPv4":2,"IPv6":1}"#,
            r#"{"IPv4":1020,"IPv6":254}"#,
            "True"
        ]
    );

    let holds: Api<ClusterIPHold> = Api::all(client.clone());
    let object = hold("v4-10-96-8-10", json!({"namespace": "shop", "name": "web"}));
    holds.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    let patch = Patch::Merge(json!({"spec": {"holder": "roster-1"}}));
    let refused = holds.patch("v4-10-96-8-10", &PatchParams::default(), &patch).await.unwrap_err();
    assert!(refused.to_string().contains("field is immutable"), "{refused}");
}
