//! What clients send: JSON, YAML and protobuf; what they misspell; and what the schemas tell them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use serde_json::{Value, json};
use support::{JSON, PROTOBUF, YAML, ask_as, create, get, refusal, send, server};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const SERVICES: &str = "/api/v1/namespaces/default/services";

/// A length-delimited field of a protobuf message.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut encoded = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
    encoded.extend(bytes);
    encoded
}

#[tokio::test]
async fn a_config_map_in_protobuf_is_created_and_answered_in_json() {
    let sandbox = server();
    let entry = [field(1, b"key"), field(2, b"value")].concat();
    let raw = [field(1, &field(1, b"a")), field(2, &entry)].concat();
    let type_meta = [field(1, b"v1"), field(2, b"ConfigMap")].concat();
    let body = [b"k8s\0".to_vec(), field(1, &type_meta), field(2, &raw)].concat();
    let accepted = format!("{PROTOBUF},{JSON}");
    let headers = [("content-type", PROTOBUF), ("accept", accepted.as_str())];
    let made = send(&sandbox, "POST", CONFIG_MAPS, &headers, body).await;
    assert_eq!((made.code, &made.json()["data"]), (201, &json!({"key": "value"})));
    let broken = send(&sandbox, "POST", CONFIG_MAPS, &headers, &b"k8s\0\xff"[..]).await;
    assert_eq!((broken.code, &broken.json()["reason"]), (400, &json!("BadRequest")));
}

#[tokio::test]
async fn a_config_map_in_yaml_is_created() {
    let sandbox = server();
    let body = "metadata:\n  name: a\ndata:\n  key: value\n";
    let made = send(&sandbox, "POST", CONFIG_MAPS, &[("content-type", YAML)], body).await;
    assert_eq!((made.code, &made.json()["data"]), (201, &json!({"key": "value"})));
    let other = send(&sandbox, "POST", CONFIG_MAPS, &[("content-type", "text/plain")], body).await;
    assert_eq!(
        other.json()["message"],
        "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf"
    );
}

#[tokio::test]
async fn fields_that_nobody_knows_are_refused_warned_of_or_dropped() {
    let sandbox = server();
    let body = r#"{"metadata":{"name":"a","name":"b"},"spec":{"foo":1,"ports":[{"port":80}]}}"#;
    let post = async |validation: &str| {
        let path = format!("{SERVICES}?dryRun=All&fieldValidation={validation}");
        send(&sandbox, "POST", &path, &[("content-type", JSON)], body).await
    };
    let strict = post("Strict").await;
    assert_eq!(
        (strict.code, &strict.json()["message"]),
        (
            400,
            &json!(
                r#"Service in version "v1" cannot be handled as a Service: strict decoding error: duplicate field "metadata.name", unknown field "spec.foo""#
            )
        )
    );
    for warning in ["", "Warn"] {
        assert_eq!(
            post(warning).await.warnings(),
            [
                r#"299 - "duplicate field \"metadata.name\"""#,
                r#"299 - "unknown field \"spec.foo\"""#
            ]
        );
    }
    let ignored = post("Ignore").await;
    assert_eq!((ignored.code, ignored.warnings().len()), (201, 0));
    assert_eq!(ignored.json()["spec"]["foo"], Value::Null);
    assert_eq!(post("Bogus").await.code, 422);
}

#[tokio::test]
async fn a_patch_is_held_to_the_fields_of_its_kind_too() {
    let sandbox = server();
    create(
        &sandbox,
        SERVICES,
        json!({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}),
    )
    .await;
    let path = format!("{SERVICES}/a?fieldValidation=Strict");
    let refused = refusal(&sandbox, "PATCH", &path, json!({"spec": {"foo": 1}})).await;
    assert!(refused.starts_with(r#"422  "" is invalid: patch: Invalid value: "{"#), "{refused}");
    assert!(
        refused.ends_with(r#"": strict decoding error: unknown field "spec.foo""#),
        "{refused}"
    );
    let wrong = json!({"spec": {"ports": {"a": 1}}});
    let refused = refusal(&sandbox, "PATCH", &format!("{SERVICES}/a"), wrong).await;
    assert!(
        refused.ends_with(
            "json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort"
        ),
        "{refused}"
    );
}

#[tokio::test]
async fn times_of_leases_have_six_digits() {
    let sandbox = server();
    let lease = |time: &str| json!({"metadata": {"name": "a"}, "spec": {"renewTime": time}});
    assert_eq!(
        refusal(&sandbox, "POST", LEASES, lease("2026-11-22T16:00:00Z")).await,
        r#"400 Lease in version "v1" cannot be handled as a Lease: parsing time "2026-11-22T16:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000""#
    );
    let made = create(&sandbox, LEASES, lease("2026-11-22T16:00:00.000000+01:00")).await;
    assert_eq!(made["spec"]["renewTime"], "2026-11-22T15:00:00.000000Z");
}

#[tokio::test]
async fn what_is_of_another_kind_or_version_is_refused() {
    let sandbox = server();
    let named = |kind: &str, version: &str| json!({"kind": kind, "apiVersion": version, "metadata": {"name": "a"}});
    assert_eq!(
        refusal(&sandbox, "POST", CONFIG_MAPS, named("Secret", "v1")).await,
        r#"400 Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion"#
    );
    assert_eq!(
        refusal(&sandbox, "POST", CONFIG_MAPS, named("ConfigMap", "v2")).await,
        r#"400 ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2""#
    );
    let (code, _) = ask_as(&sandbox, "POST", CONFIG_MAPS, JSON, json!("text")).await;
    assert_eq!(code, 400);
}

#[tokio::test]
async fn openapi_describes_kinds_and_their_fields() {
    let sandbox = server();
    let (_, index) = get(&sandbox, "/openapi/v3").await;
    let url = index["paths"]["api/v1"]["serverRelativeURL"].as_str().unwrap();
    let (_, document) = get(&sandbox, url).await;
    let schemas = &document["components"]["schemas"];
    let spec = &schemas["io.k8s.api.core.v1.ServiceSpec"]["properties"];
    assert_eq!(spec["ports"]["x-kubernetes-list-map-keys"], json!(["port", "protocol"]));
    assert_eq!(spec["selector"]["x-kubernetes-map-type"], "atomic");
    assert_eq!(spec["type"], json!({"type": "string"}));
    let pods = &document["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"];
    assert_eq!(pods["patch"]["parameters"][0]["name"], "fieldValidation");
    assert_eq!(pods["patch"]["x-kubernetes-group-version-kind"]["kind"], "Pod");
}
