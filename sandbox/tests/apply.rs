//! Server-side apply: who owns which field, what conflicts, what goes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use sandbox::Sandbox;
use serde_json::{Value, json};
use support::{APPLY, ask, ask_as, create, server};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const SERVICES: &str = "/api/v1/namespaces/default/services";

/// Applies data to the ConfigMap `a`.
async fn apply(sandbox: &Sandbox, manager: &str, data: Value) -> (u16, Value) {
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data,
    });
    let path = format!("{CONFIG_MAPS}/a?fieldManager={manager}");
    ask_as(sandbox, "PATCH", &path, APPLY, object).await
}

/// Applies a spec to the Service `s`.
async fn apply_service(sandbox: &Sandbox, manager: &str, spec: Value) -> (u16, Value) {
    let object =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec});
    let path = format!("{SERVICES}/s?fieldManager={manager}");
    ask_as(sandbox, "PATCH", &path, APPLY, object).await
}

/// `m1 Apply: f:data{f:a f:b}`, one for each who wrote.
fn owners(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let owner = |entry: &Value| {
        let fields = entry["fieldsV1"].to_string().replace(":{}", "").replace('"', "");
        format!(
            "{} {} {fields}",
            entry["manager"].as_str().unwrap(),
            entry["operation"].as_str().unwrap()
        )
    };
    entries.iter().map(owner).collect()
}

#[tokio::test]
async fn the_first_apply_creates_and_owns_what_it_names() {
    let sandbox = server();
    let (code, refused) = apply(&sandbox, "", json!({})).await;
    assert_eq!(
        (code, &refused["message"]),
        (
            422,
            &json!(
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
            )
        )
    );
    let (code, made) = apply(&sandbox, "m1", json!({"a": "1", "b": "2"})).await;
    assert_eq!((code, owners(&made)), (201, vec!["m1 Apply {f:data:{f:a,f:b}}".to_owned()]));
    assert_eq!(made["metadata"]["managedFields"][0]["time"], "2026-01-02T03:04:05Z");
}

#[tokio::test]
async fn the_same_apply_changes_nothing_and_a_key_that_is_no_longer_named_goes() {
    let sandbox = server();
    let (_, first) = apply(&sandbox, "m1", json!({"a": "1", "b": "2"})).await;
    assert_eq!(apply(&sandbox, "m1", json!({"a": "1", "b": "2"})).await, (200, first));
    let (_, less) = apply(&sandbox, "m1", json!({"b": "2"})).await;
    assert_eq!(less["data"], json!({"b": "2"}));
}

#[tokio::test]
async fn another_value_conflicts_until_it_is_forced_and_the_same_is_shared() {
    let sandbox = server();
    apply(&sandbox, "m1", json!({"a": "1", "b": "2"})).await;
    let (code, refused) = apply(&sandbox, "m2", json!({"b": "3"})).await;
    let cause = json!({
        "reason": "FieldManagerConflict", "message": "conflict with \"m1\"", "field": ".data.b",
    });
    assert_eq!(
        (code, &refused["message"], &refused["details"]["causes"]),
        (
            409,
            &json!("Apply failed with 1 conflict: conflict with \"m1\": .data.b"),
            &json!([cause])
        )
    );
    let (_, shared) = apply(&sandbox, "m2", json!({"b": "2"})).await;
    assert_eq!(owners(&shared), ["m1 Apply {f:data:{f:a,f:b}}", "m2 Apply {f:data:{f:b}}"]);
    let (_, forced) = apply(&sandbox, "m2&force=true", json!({"b": "3"})).await;
    assert_eq!(owners(&forced), ["m1 Apply {f:data:{f:a}}", "m2 Apply {f:data:{f:b}}"]);
    let (_, left) = apply(&sandbox, "m1", json!({})).await;
    assert_eq!(left["data"], json!({"b": "3"}), "the other one's field stays");
}

#[tokio::test]
async fn an_update_takes_what_it_changes() {
    let sandbox = server();
    apply(&sandbox, "m1", json!({"a": "1", "b": "2"})).await;
    let path = format!("{CONFIG_MAPS}/a?fieldManager=upd");
    let (_, updated) = ask(&sandbox, "PATCH", &path, json!({"data": {"b": "9"}})).await;
    assert_eq!(owners(&updated), ["m1 Apply {f:data:{f:a}}", "upd Update {f:data:{f:b}}"]);
    let (_, refused) = apply(&sandbox, "m1", json!({"a": "0", "b": "2"})).await;
    assert_eq!(
        refused["message"],
        "Apply failed with 1 conflict: conflict with \"upd\" using v1: .data.b"
    );
    let forget = json!({"metadata": {"managedFields": [{}]}});
    let (_, forgotten) = ask(&sandbox, "PATCH", &path, forget).await;
    assert_eq!(owners(&forgotten), Vec::<String>::new());
    let (_, applied) = apply(&sandbox, "m1", json!({"a": "1"})).await;
    assert_eq!(
        owners(&applied),
        ["m1 Apply {f:data:{f:a}}", "before-first-apply Update {f:data:{.,f:a,f:b}}"]
    );
}

#[tokio::test]
async fn elements_of_lists_are_told_apart_by_their_keys() {
    let sandbox = server();
    let port = |name: &str, number: u16| json!({"name": name, "port": number});
    create(
        &sandbox,
        &format!("{SERVICES}?fieldManager=upd"),
        json!({"metadata": {"name": "s"}, "spec": {"ports": [port("a", 80)]}}),
    )
    .await;
    let dns = json!({"name": "dns", "port": 53, "protocol": "UDP"});
    let (code, both) =
        apply_service(&sandbox, "m1", json!({"ports": [port("a", 80), dns.clone()]})).await;
    let numbers = |object: &Value| {
        let ports = object["spec"]["ports"].as_array().unwrap().iter();
        ports.map(|port| port["port"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((code, numbers(&both)), (200, vec![80, 53]));
    let (_, refused) = apply_service(
        &sandbox,
        "m2",
        json!({"ports": [{"port": 53, "protocol": "UDP", "name": "x"}]}),
    )
    .await;
    assert_eq!(
        refused["message"],
        "Apply failed with 1 conflict: conflict with \"m1\": .spec.ports[port=53,protocol=\"UDP\"].name"
    );
    let (_, one) = apply_service(&sandbox, "m1", json!({"ports": [port("a", 80)]})).await;
    assert_eq!(numbers(&one), [80]);
}

#[tokio::test]
async fn what_cannot_be_applied_is_refused() {
    let sandbox = server();
    let path = format!("{CONFIG_MAPS}/a?fieldManager=m1");
    let named = json!({"name": "a", "namespace": "default"});
    let mut refusals = Vec::new();
    for object in [
        json!({"metadata": named}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "foo": 1}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"managedFields": [{}]}}),
    ] {
        let (code, status) = ask_as(&sandbox, "PATCH", &path, APPLY, object).await;
        refusals.push(format!("{code} {}", status["message"].as_str().unwrap()));
    }
    let (code, status) =
        ask(&sandbox, "PATCH", &format!("{CONFIG_MAPS}/a?force=true"), json!({})).await;
    refusals.push(format!("{code} {}", status["message"].as_str().unwrap()));
    assert_eq!(
        refusals,
        [
            "400 invalid object type: /, Kind=",
            "500 failed to create typed patch object (default/a; /v1, Kind=ConfigMap): .foo: field not declared in schema",
            "400 metadata.managedFields must be nil",
            "422 PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch",
        ]
    );
}
