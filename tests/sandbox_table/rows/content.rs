//! Media types, and who is let in.

use http::Request;
use serde_json::{Value, json};

use crate::row::{Row, row};
use crate::session::{Session, named};

pub fn rows() -> Vec<Row> {
    vec![
        row("plain text is no body of an object", plain_text),
        row("a body without a type is JSON, but for a patch", untyped),
        row("who has the wrong token is not let in", stranger),
        row("a ConfigMap can be created with protobuf", protobuf),
        row("what is accepted is read from left to right", accepted),
        row("queries of empty pairs and unknown names are understood", queries),
    ]
}

async fn plain_text(server: Session) {
    let request = Request::post(server.path("configmaps")).header("content-type", "text/plain");
    let refused = server.send(request, named("a")).await;
    refused.says(415, "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf");
}

async fn untyped(server: Session) {
    server.send(Request::post(server.path("configmaps")), named("a")).await.is(201);
    let patch = Request::patch(server.of("configmaps", "a"));
    server.send(patch, json!({})).await.says(415, "415: Unsupported Media Type");
}

async fn stranger(server: Session) {
    let refused = server.get_with_token("nobody", &server.path("configmaps")).await;
    let refused = refused.says(401, "Unauthorized");
    assert_eq!(refused["reason"], "Unauthorized");
    server.get_with_token("nobody", "/readyz").await.is(401);
}

/// A field of a protobuf message: its number, and bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
    field.extend(bytes);
    field
}

/// The ConfigMap `a` with `key: value`, in the frame of the API's protobuf.
fn config_map_in_protobuf() -> Vec<u8> {
    let meta = field(1, b"a");
    let entry = [field(1, b"key"), field(2, b"value")].concat();
    let object = [field(1, &meta), field(2, &entry)].concat();
    let about = [field(1, b"v1"), field(2, b"ConfigMap")].concat();
    let unknown = [field(1, &about), field(2, &object)].concat();
    [b"k8s\0".to_vec(), unknown].concat()
}

async fn protobuf(server: Session) {
    let media_type = "application/vnd.kubernetes.protobuf";
    let request = Request::post(server.path("configmaps"))
        .header("content-type", media_type)
        .header("accept", "application/vnd.kubernetes.protobuf,application/json");
    server.aside().send_bytes(request, config_map_in_protobuf()).await.is(201);
    let made = server.get(&server.of("configmaps", "a")).await.is(200);
    assert_eq!(made["data"], json!({"key": "value"}));
}

async fn accepted(server: Session) {
    server.create("configmaps", named("a")).await;
    let path = server.of("configmaps", "a");
    for accept in ["*/*", "text/html, application/json", "application/json;q=0.9, */*;q=0.8"] {
        assert_eq!(server.get_as(accept, &path).await.is(200)["kind"], "ConfigMap");
    }
    for accept in ["text/html", "application/cbor"] {
        server.get_as(accept, &path).await.is(406);
    }
}

async fn queries(server: Session) {
    server.create("configmaps", named("a")).await;
    let path = server.path("configmaps");
    for query in ["?&limit=500", "?nope=1", "?pretty=false"] {
        let list = server.get(&format!("{path}{query}")).await.is(200);
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    }
    let list = server.get(&path).await.is(200);
    assert_eq!(list["items"][0].get("kind"), None::<&Value>);
}
