//! DELETE.

use serde_json::{Value, json};

use super::objects::{bound_pod, config_map, deployment, labelled, pod, service};
use crate::row::{Row, row};
use crate::session::{Session, named};
use crate::watch::{brief, version};

pub fn rows() -> Vec<Row> {
    vec![
        row("a deleted ConfigMap is told of by a Status, and shown at a version above all", status),
        row("a deleted Service or ServiceAccount is the answer itself", object),
        row("an object with a finalizer stays, marked, until the finalizer is cleared", finalizer),
        row("a Pod on a Node has thirty seconds, and goes at once if it is given none", grace),
        row("a Pod without a Node is marked and gone at once", unscheduled),
        row("what a selector matches is deleted together, and is the answer", collection),
        row("a namespace terminates, takes nothing new, and goes with its content", namespace),
        row("the wrong uid or version keeps an object", preconditions),
        row("a deletion can be tried, and its options are checked", options),
        row("what is owned goes with its owner", owned),
    ]
}

fn is_deletion(event: &Value) -> bool {
    event["type"] == "DELETED"
}

async fn status(server: Session) {
    let made = server.create("configmaps", config_map("a", "1")).await;
    let from = made.version();
    let watch =
        server.watch(&format!("{}?resourceVersion={from}", server.path("configmaps"))).await;
    let deleted = server.delete(&server.of("configmaps", "a")).await.is(200);
    assert_eq!((&deleted["kind"], &deleted["status"]), (&"Status".into(), &"Success".into()));
    assert_eq!(deleted["details"]["uid"], made["metadata"]["uid"]);
    let events = watch.until(&server, is_deletion).await;
    assert_eq!((events.len(), &events[0]["object"]["data"]), (1, &made["data"]));
    assert!(version(&events[0]) > made.version());
    server.delete(&server.of("configmaps", "a")).await.is(404);
    server.create("leases", named("l")).await;
    server.delete(&server.of("leases", "l")).await.is(200);
}

async fn object(server: Session) {
    server.create("services", service("s")).await;
    let deleted = server.delete(&server.of("services", "s")).await.is(200);
    assert_eq!((&deleted["kind"], &deleted["metadata"]["name"]), (&"Service".into(), &"s".into()));
    server.create("serviceaccounts", named("a")).await;
    server.delete(&server.of("serviceaccounts", "a")).await.is(200);
}

async fn finalizer(server: Session) {
    let object = json!({"metadata": {"name": "a", "finalizers": ["a.b/c"]}});
    let made = server.create("configmaps", object).await;
    let path = server.of("configmaps", "a");
    let watch = server
        .watch(&format!("{}?resourceVersion={}", server.path("configmaps"), made.version()))
        .await;
    let deleted = server.delete(&path).await.is(200);
    assert!(deleted["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(server.delete(&path).await.is(200).version(), deleted.version());
    let more = json!({"metadata": {"finalizers": ["a.b/c", "a.b/d"]}});
    server.merge(&path, more).await.is(422);
    server.merge(&path, json!({"metadata": {"finalizers": null}})).await.is(200);
    let events = watch.until(&server, is_deletion).await;
    assert_eq!(brief(&events), ["MODIFIED a", "DELETED a"]);
    server.get(&path).await.is(404);
}

async fn grace(server: Session) {
    let made = server.create("pods", bound_pod("p")).await;
    let path = server.of("pods", "p");
    let watch =
        server.watch(&format!("{}?resourceVersion={}", server.path("pods"), made.version())).await;
    let deleted = server.delete(&path).await.is(200);
    let metadata = &deleted["metadata"];
    assert_eq!(
        (&metadata["deletionGracePeriodSeconds"], &metadata["generation"]),
        (&30.into(), &2.into())
    );
    server.delete(&format!("{path}?gracePeriodSeconds=60")).await.is(200);
    server.delete(&format!("{path}?gracePeriodSeconds=0")).await.is(200);
    let events = watch.until(&server, is_deletion).await;
    assert_eq!(brief(&events), ["MODIFIED p", "MODIFIED p", "DELETED p"]);
}

async fn unscheduled(server: Session) {
    let made = server.create("pods", pod("p")).await;
    let watch =
        server.watch(&format!("{}?resourceVersion={}", server.path("pods"), made.version())).await;
    server.delete(&server.of("pods", "p")).await.is(200);
    let events = watch.until(&server, is_deletion).await;
    assert_eq!(brief(&events), ["MODIFIED p", "DELETED p"]);
}

async fn collection(server: Session) {
    for (name, value) in [("a", "1"), ("b", "2"), ("c", "1")] {
        server.create("configmaps", labelled(name, value)).await;
    }
    let deleted = server.delete(&format!("{}?labelSelector=i=1", server.path("configmaps"))).await;
    let deleted = deleted.is(200);
    assert_eq!(deleted["kind"], "ConfigMapList");
    let names: Vec<&Value> =
        deleted["items"].as_array().unwrap().iter().map(|item| &item["metadata"]["name"]).collect();
    assert_eq!(names, ["a", "c"]);
    server.delete("/api/v1/namespaces").await.is(405);
}

async fn namespace(server: Session) {
    let name = format!("{}-going", server.namespace());
    let made = server.post("/api/v1/namespaces", named(&name)).await.is(201);
    let held = json!({"metadata": {"name": "held", "finalizers": ["a.b/c"]}});
    let inside = format!("/api/v1/namespaces/{name}/configmaps");
    server.post(&inside, held).await.is(201);
    let query = format!("fieldSelector=metadata.name={name}&resourceVersion={}", made.version());
    let watch = server.aside().watch(&format!("/api/v1/namespaces?{query}")).await;
    let deleted = server.delete(&format!("/api/v1/namespaces/{name}")).await.is(200);
    assert_eq!(deleted["status"]["phase"], "Terminating");
    let refused = server.post(&inside, named("new")).await;
    let refused = refused.says(403, &format!("configmaps \"new\" is forbidden: unable to create new content in namespace {name} because it is being terminated"));
    assert_eq!(refused["details"]["causes"][0]["reason"], "NamespaceTerminating");
    let cleared = json!({"metadata": {"finalizers": null}});
    server.aside().merge(&format!("{inside}/held"), cleared).await.is(200);
    let events = watch.until(&server.aside(), is_deletion).await;
    let types: Vec<&Value> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!((types[0], types[types.len() - 1]), (&"MODIFIED".into(), &"DELETED".into()));
    server.get(&format!("/api/v1/namespaces/{name}")).await.is(404);
    server
        .delete("/api/v1/namespaces/default")
        .await
        .says(403, "namespaces \"default\" is forbidden: this namespace may not be deleted");
}

async fn preconditions(server: Session) {
    server.create("configmaps", config_map("a", "1")).await;
    let path = server.of("configmaps", "a");
    for wrong in [json!({"uid": "nope"}), json!({"resourceVersion": "1"})] {
        let refused = server.delete_with(&path, json!({"preconditions": wrong})).await.is(409);
        assert_eq!(refused["details"]["kind"], "ConfigMap");
    }
    server.get(&path).await.is(200);
}

async fn options(server: Session) {
    server.create("configmaps", config_map("a", "1")).await;
    let path = server.of("configmaps", "a");
    server.delete_with(&path, json!({"dryRun": ["All"]})).await.is(200);
    server.delete(&format!("{path}?dryRun=All")).await.is(200);
    server.delete_with(&path, json!({"kind": "Nope", "apiVersion": "v1"})).await.is(400);
    server.delete_with(&path, json!({"propagationPolicy": "Bogus"})).await.is(422);
    let options = json!({
        "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background",
    });
    server.delete_with(&path, options).await.is(200);
}

async fn owned(server: Session) {
    let owner = server.create("deployments", deployment("d")).await;
    let reference = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": owner["metadata"]["uid"],
    });
    let owned = json!({"metadata": {"name": "owned", "ownerReferences": [reference]}});
    let made = server.create("configmaps", owned).await;
    let from = made.version();
    let watch =
        server.watch(&format!("{}?resourceVersion={from}", server.path("configmaps"))).await;
    let background = json!({"propagationPolicy": "Background"});
    server.delete_with(&server.of("deployments", "d"), background).await.is(200);
    assert_eq!(brief(&watch.until(&server, is_deletion).await), ["DELETED owned"]);
    let incomplete = json!([{"kind": "Deployment", "name": "d"}]);
    let incomplete = json!({"metadata": {"name": "x", "ownerReferences": incomplete}});
    server.post(&server.path("configmaps"), incomplete).await.is(422);
}
