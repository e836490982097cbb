//! Objects that survive a restart.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use sandbox::persist::Persisted;
use serde_json::json;
use support::{create, get, server};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const GADGETS: &str = "/apis/acme.dev/v1/gadgets";

#[tokio::test]
async fn objects_and_defined_kinds_are_there_again_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let persisted = Persisted::within(&folder.path().join("state")).unwrap();
    let before = server();
    assert!(!persisted.restore(&before).unwrap(), "nothing is there yet");
    let map =
        create(&before, CONFIG_MAPS, json!({"metadata": {"name": "a"}, "data": {"k": "v"}})).await;
    let version = json!({
        "name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object"}},
    });
    let spec = json!({
        "group": "acme.dev", "scope": "Cluster", "versions": [version],
        "names": {"plural": "gadgets", "kind": "Gadget"},
    });
    create(&before, DEFINITIONS, json!({"metadata": {"name": "gadgets.acme.dev"}, "spec": spec}))
        .await;
    let gadget = json!({"apiVersion": "acme.dev/v1", "kind": "Gadget", "metadata": {"name": "g"}});
    let gadget = create(&before, GADGETS, gadget).await;
    persisted.write(&before).unwrap();

    let after = server();
    assert!(persisted.restore(&after).unwrap());
    assert_eq!(get(&after, &format!("{CONFIG_MAPS}/a")).await, (200, map));
    assert_eq!(get(&after, &format!("{GADGETS}/g")).await, (200, gadget.clone()));
    let next = create(&after, CONFIG_MAPS, json!({"metadata": {"name": "b"}})).await;
    let revision = |object: &serde_json::Value| {
        object["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap()
    };
    assert!(revision(&next) > revision(&gadget), "revisions go on");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_no_empty_server() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("objects.json"), "{").unwrap();
    let persisted = Persisted::within(folder.path()).unwrap();
    assert!(persisted.restore(&server()).is_err());
}
