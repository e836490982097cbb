//! PATCH.

use serde_json::{Value, json};

use super::objects::{config_map, deployment, service};
use crate::row::{Row, row};
use crate::session::{Answer, Session, named};

pub fn rows() -> Vec<Row> {
    vec![
        row("null in a merge patch removes a key, and that is shown", merge),
        row("a JSON patch whose test fails is refused, and one that fits is stored", json_patch),
        row(
            "a strategic merge patch merges containers by name, deletes and orders them",
            strategic,
        ),
        row("a strategic merge patch tells ports of Services apart by number", ports),
        row("a patch of an unknown type is refused, and one of what is not there", refused),
        row("apply needs a manager, and creates what is not there", apply),
        row("apply repeated changes nothing, and what is not said any more goes", apply_again),
        row("apply of another manager's value is a conflict, until it is forced", apply_conflict),
    ]
}

async fn merge(server: Session) {
    let object = json!({"metadata": {"name": "a"}, "data": {"x": "1", "y": "2"}});
    let made = server.create("configmaps", object).await;
    let watch = server
        .watch(&format!("{}?resourceVersion={}", server.path("configmaps"), made.version()))
        .await;
    let patch = json!({"data": {"x": null}});
    let patched = server.merge(&server.of("configmaps", "a"), patch).await.is(200);
    assert_eq!(patched["data"], json!({"y": "2"}));
    server.create("configmaps", named("last")).await;
    assert_eq!(watch.until_named(&server, "last").await, ["MODIFIED a"]);
}

async fn json_patch(server: Session) {
    server.create("configmaps", config_map("a", "1")).await;
    let path = server.of("configmaps", "a");
    let test = json!([{"op": "test", "path": "/data/key", "value": "2"}]);
    let failed = server.json_patch(&path, test).await;
    let failed = failed.says(422, "the server rejected our request due to an error in our request");
    assert_eq!((&failed["reason"], &failed["details"]), (&"Invalid".into(), &json!({})));
    let fitting = json!([
        {"op": "test", "path": "/data/key", "value": "1"},
        {"op": "add", "path": "/data/b", "value": "2"},
        {"op": "move", "from": "/data/key", "path": "/data/c"},
        {"op": "copy", "from": "/data/b", "path": "/data/d"},
    ]);
    let patched = server.json_patch(&path, fitting).await.is(200);
    assert_eq!(patched["data"], json!({"b": "2", "c": "1", "d": "2"}));
    for patch in [
        json!([{"op": "remove", "path": "/data/nope"}]),
        json!([{"op": "nope", "path": "/data/b"}]),
    ] {
        server.json_patch(&path, patch).await.is(422);
    }
    assert_eq!(server.json_patch(&path, json!([])).await.is(200).version(), patched.version());
}

fn containers(list: Value) -> Value {
    json!({"spec": {"template": {"spec": list}}})
}

fn names(answer: &Answer) -> Vec<String> {
    let containers = answer["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    containers.iter().map(|container| container["name"].as_str().unwrap().to_owned()).collect()
}

async fn strategic(server: Session) {
    server.create("deployments", deployment("d")).await;
    let path = server.of("deployments", "d");
    let added =
        json!({"containers": [{"name": "b", "image": "b:1"}, {"name": "a", "image": "a:2"}]});
    let patched = server.strategic(&path, containers(added)).await.is(200);
    assert_eq!(names(&patched), ["b", "a"]);
    assert_eq!(patched["spec"]["template"]["spec"]["containers"][1]["args"], json!(["x"]));
    let order = json!({"$setElementOrder/containers": [{"name": "a"}, {"name": "b"}]});
    assert_eq!(names(&server.strategic(&path, containers(order)).await.is(200)), ["a", "b"]);
    let gone = json!({"containers": [{"name": "a", "$patch": "delete"}]});
    assert_eq!(names(&server.strategic(&path, containers(gone)).await.is(200)), ["b"]);
    let nameless = json!({"containers": [{"image": "noname"}]});
    let nameless = server.strategic(&path, containers(nameless)).await;
    nameless.says(500, "map: map[image:noname] does not contain declared merge key: name");
}

async fn ports(server: Session) {
    let mut object = service("s");
    object["spec"]["ports"] = json!([{"name": "a", "port": 53}, {"name": "b", "port": 80}]);
    server.create("services", object).await;
    let path = server.of("services", "s");
    let patch =
        json!({"spec": {"ports": [{"port": 53, "protocol": "UDP"}, {"name": "c", "port": 90}]}});
    let patched = server.strategic(&path, patch).await.is(200);
    let numbers: Vec<u64> = patched["spec"]["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| port["port"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [53, 90, 80], "what the patch names stands first, in its order");
    server
        .strategic(&path, json!({"spec": {"selector": {"$patch": "replace", "x": "y"}}}))
        .await
        .is(200);
    server.strategic(&path, json!({"metadata": {"finalizers": ["a.b/c"]}})).await.is(200);
    let gone = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/c"]}});
    server.strategic(&path, gone).await.is(200);
}

async fn refused(server: Session) {
    server.create("configmaps", named("a")).await;
    let path = server.of("configmaps", "a");
    let patch = http::Request::patch(&path).header("content-type", "text/plain");
    let refused = server.send(patch, json!({})).await;
    let refused = refused.says(415, "415: Unsupported Media Type");
    assert_eq!(refused["details"], json!({}));
    server.merge(&server.of("configmaps", "b"), json!({})).await.is(404);
    let object = server.json_patch(&path, json!({})).await.is(400);
    assert!(object["message"].as_str().unwrap().starts_with("error decoding patch: "));
}

fn applied(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
}

async fn apply(server: Session) {
    let path = server.of("configmaps", "a");
    server.apply(&path, applied(json!({"a": "1"}))).await.is(422);
    let made = server.apply(&format!("{path}?fieldManager=m1"), applied(json!({"a": "1"}))).await;
    let made = made.is(201);
    let managed = made["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!((managed.len(), &managed[0]["operation"]), (1, &"Apply".into()));
    assert_eq!(managed[0]["fieldsV1"], json!({"f:data": {"f:a": {}}}));
}

async fn apply_again(server: Session) {
    let path = format!("{}?fieldManager=m1", server.of("configmaps", "a"));
    let made = server.apply(&path, applied(json!({"a": "1", "b": "2"}))).await.is(201);
    let again = server.apply(&path, applied(json!({"a": "1", "b": "2"}))).await.is(200);
    assert_eq!(again.version(), made.version());
    let fewer = server.apply(&path, applied(json!({"a": "1"}))).await.is(200);
    assert_eq!(fewer["data"], json!({"a": "1"}));
}

async fn apply_conflict(server: Session) {
    let path = server.of("configmaps", "a");
    server.apply(&format!("{path}?fieldManager=m1"), applied(json!({"b": "1"}))).await.is(201);
    let m2 = format!("{path}?fieldManager=m2");
    let conflict = server.apply(&m2, applied(json!({"b": "2"}))).await;
    let conflict =
        conflict.says(409, "Apply failed with 1 conflict: conflict with \"m1\": .data.b");
    let cause = json!({
        "reason": "FieldManagerConflict", "message": "conflict with \"m1\"", "field": ".data.b",
    });
    assert_eq!(conflict["details"]["causes"], json!([cause]));
    let forced = server.apply(&format!("{m2}&force=true"), applied(json!({"b": "2"}))).await;
    let forced = forced.is(200);
    assert_eq!(forced["data"], json!({"b": "2"}));
    let managed = forced["metadata"]["managedFields"].as_array().unwrap();
    let owners = managed.iter().filter(|entry| entry["fieldsV1"]["f:data"].get("f:b").is_some());
    let owners: Vec<&Value> = owners.map(|entry| &entry["manager"]).collect();
    assert_eq!(owners, ["m2"]);
}
