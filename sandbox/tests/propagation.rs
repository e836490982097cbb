//! What is owned when its owner is deleted.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use sandbox::Sandbox;
use serde_json::{Value, json};
use support::{ask, create, get, refusal, server};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PODS: &str = "/api/v1/namespaces/default/pods";

/// A server with a ConfigMap that owns a Pod on a Node, which takes its time to end.
async fn owner_and_pod() -> Sandbox {
    let sandbox = server();
    let owner = create(&sandbox, CONFIG_MAPS, json!({"metadata": {"name": "owner"}})).await;
    let reference = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"],
    });
    let metadata = json!({"name": "p", "ownerReferences": [reference]});
    let spec = json!({"nodeName": "n", "containers": [{"name": "c", "image": "i"}]});
    create(&sandbox, PODS, json!({"metadata": metadata, "spec": spec})).await;
    sandbox
}

async fn delete_owner(sandbox: &Sandbox, policy: &str) -> (u16, Value) {
    let options = json!({"propagationPolicy": policy});
    ask(sandbox, "DELETE", &format!("{CONFIG_MAPS}/owner"), options).await
}

#[tokio::test]
async fn in_the_background_it_follows() {
    let sandbox = owner_and_pod().await;
    delete_owner(&sandbox, "Background").await;
    assert_eq!(get(&sandbox, &format!("{CONFIG_MAPS}/owner")).await.0, 404);
    let (_, pod) = get(&sandbox, &format!("{PODS}/p")).await;
    assert_eq!(pod["metadata"]["deletionTimestamp"], "2026-01-02T03:04:35Z");
}

#[tokio::test]
async fn in_the_foreground_its_owner_waits_for_it() {
    let sandbox = owner_and_pod().await;
    let (code, waiting) = delete_owner(&sandbox, "Foreground").await;
    assert_eq!((code, &waiting["metadata"]["finalizers"]), (200, &json!(["foregroundDeletion"])));
    let now = json!({"gracePeriodSeconds": 0});
    ask(&sandbox, "DELETE", &format!("{PODS}/p"), now).await;
    assert_eq!(get(&sandbox, &format!("{CONFIG_MAPS}/owner")).await.0, 404);
}

#[tokio::test]
async fn an_orphan_stays_and_is_nobodys() {
    let sandbox = owner_and_pod().await;
    delete_owner(&sandbox, "Orphan").await;
    let (_, pod) = get(&sandbox, &format!("{PODS}/p")).await;
    let metadata = &pod["metadata"];
    assert_eq!(
        (&metadata["ownerReferences"], &metadata["deletionTimestamp"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn there_is_no_other_way() {
    let sandbox = owner_and_pod().await;
    let options = json!({"propagationPolicy": "Bogus"});
    assert_eq!(
        refusal(&sandbox, "DELETE", &format!("{CONFIG_MAPS}/owner"), options).await,
        r#"422 DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Bogus": supported values: "Foreground", "Background", "Orphan", "nil""#
    );
}
