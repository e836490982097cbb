//! Media types, and who is let in.

use http::Request;
use serde_json::{Value, json};

use super::objects::config_map;
use crate::row::{Row, row};
use crate::session::{Session, YAML, named};

pub fn rows() -> Vec<Row> {
    vec![
        row("plain text is no body of an object", plain_text),
        row("a body without a type is JSON, but for a patch", untyped),
        row("who has the wrong token is not let in", stranger),
        row("a ConfigMap can be created with protobuf", protobuf),
        row("what is accepted is read from left to right", accepted),
        row("who asks for YAML is answered in YAML, refusals included", yaml),
        row("an object may come in YAML", in_yaml),
        row("a large answer is packed for who can unpack it", packed),
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

async fn yaml(server: Session) {
    server.create("configmaps", config_map("a", "80")).await;
    let path = server.of("configmaps", "a");
    let read = server.get_as(YAML, &path).await.is(200);
    assert_eq!(
        (&read.headers["content-type"], &read["data"]["key"]),
        (&YAML.parse().unwrap(), &"80".into())
    );
    for path in [server.path("configmaps"), server.of("configmaps", "nope"), "/api".to_owned()] {
        server.get_as(YAML, &path).await;
    }
    server
        .get_as("application/yaml;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", &path)
        .await
        .is(200);
    let watch = format!("{}?watch=true", server.path("configmaps"));
    server.get_as(YAML, &watch).await.says(406, "only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch");
}

async fn in_yaml(server: Session) {
    let post = async |text: &str| {
        let request = Request::post(server.path("configmaps")).header("content-type", YAML);
        server.send(request, json!(text)).await
    };
    post("metadata:\n  name: a\ndata:\n  key: \"80\"\n").await.is(201);
    post("---\nmetadata: {name: b}\n---\nmetadata: {name: c}\n").await.is(201);
    post("metadata:\n  name: d\nspce: {}\n").await.is(201);
    post("metadata:\n  name: e\ndata:\n  key: 80\n").await.is(400);
    post("metadata: [\n").await.is(400);
    post("- a\n").await.is(400);
    post("").await.is(422);
}

async fn packed(server: Session) {
    let large = config_map("large", &"x".repeat(140_000));
    server.aside().post(&server.path("configmaps"), large).await.is(201);
    server.create("configmaps", config_map("small", "x")).await;
    let encoded = async |accept: &str, name: &str| {
        let request = Request::get(server.of("configmaps", name)).header("accept-encoding", accept);
        let answer = server.aside().send(request, Value::Null).await.is(200);
        ["content-encoding", "vary"].map(|name| answer.headers.get(name).cloned())
    };
    let packed = ["gzip", "Accept-Encoding"].map(|value| Some(value.parse().unwrap()));
    for accept in ["gzip", "deflate, gzip"] {
        assert_eq!(encoded(accept, "large").await, packed);
    }
    for (accept, name) in [("gzip", "small"), ("deflate", "large"), ("gzip;q=0.5", "large")] {
        assert_eq!(encoded(accept, name).await, [None, None], "{accept} {name}");
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
