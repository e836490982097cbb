//! Leases, Events, and kinds that clients define.

use serde_json::{Value, json};

use super::objects::lease;
use crate::row::{Row, row};
use crate::session::{Session, named};
use crate::watch::brief;

pub fn rows() -> Vec<Row> {
    vec![
        row("a Lease is renewed at a time of exactly six digits", micro_time),
        row("an Event is the same in both of its groups", both_groups),
        row("a definition is accepted, then established, and that is shown", definition),
        row(
            "what a definition's schema does not know is dropped, and what it forbids refused",
            schema,
        ),
        row("the generation of a custom resource counts changes of its spec", generation),
        row("when a definition goes, its objects and paths go with it", undefined),
    ]
}

async fn micro_time(server: Session) {
    server.create("leases", lease("l")).await;
    let renewed = async |time: &str| {
        server.merge(&server.of("leases", "l"), json!({"spec": {"renewTime": time}})).await
    };
    renewed("2026-11-22T16:00:00Z").await.is(422);
    renewed("2026-11-22T16:00:00.000000Z").await.is(200);
    renewed("2026-11-22T16:00:00.000000000Z").await.is(422);
}

async fn both_groups(server: Session) {
    let involved =
        json!({"kind": "Pod", "namespace": server.namespace(), "name": "p", "apiVersion": "v1"});
    let event = json!({
        "metadata": {"name": "e"}, "involvedObject": involved, "reason": "Because",
        "message": "it is so", "type": "Normal", "source": {"component": "me"}, "count": 2,
        "firstTimestamp": "2026-11-22T16:00:00Z", "lastTimestamp": "2026-11-22T16:00:01Z",
    });
    let core = server.create("events", event).await;
    let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events", server.namespace());
    let new = server.get(&format!("{path}/e")).await.is(200);
    assert_eq!(
        (&new["metadata"]["uid"], new.version()),
        (&core["metadata"]["uid"], core.version())
    );
    assert_eq!((&new["regarding"], &new["note"]), (&core["involvedObject"], &core["message"]));
    assert_eq!(new["deprecatedCount"], 2);
    let event = json!({
        "metadata": {"name": "f"}, "eventTime": "2026-11-22T16:00:00.000000Z", "type": "Normal",
        "reason": "Because", "action": "Act", "regarding": involved, "note": "so",
        "reportingController": "example.com/me", "reportingInstance": "me-1",
    });
    server.post(&path, event).await.is(201);
    let core = server.get(&server.of("events", "f")).await.is(200);
    assert_eq!((&core["message"], &core["involvedObject"]), (&"so".into(), &involved));
}

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A definition of a kind of its own group, since definitions belong to the whole cluster.
fn widgets(group: &str) -> Value {
    let spec = json!({
        "type": "object", "required": ["n"],
        "properties": {
            "n": {"type": "integer", "maximum": 9},
            "mode": {"type": "string", "enum": ["fast", "slow"]},
        },
    });
    let status = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let schema = json!({"type": "object", "properties": {"spec": spec, "status": status}});
    let version = json!({
        "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    });
    let names = json!({"plural": "widgets", "kind": "Widget"});
    json!({
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    })
}

/// Defines widgets in a group of this row, and gives its name and the path of widgets when they
/// are served.
async fn defined(server: &Session) -> (String, String) {
    let group = format!("{}.acme.dev", server.namespace());
    server.post(DEFINITIONS, widgets(&group)).await.is(201);
    let path = format!("/apis/{group}/v1/namespaces/{}/widgets", server.namespace());
    while server.aside().get(&path).await.code != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    (group, path)
}

fn widget(group: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": {"name": name},
        "spec": spec,
    })
}

async fn definition(server: Session) {
    let group = format!("{}.acme.dev", server.namespace());
    let watch = server
        .aside()
        .watch(&format!("{DEFINITIONS}?fieldSelector=metadata.name=widgets.{group}"))
        .await;
    server.post(DEFINITIONS, widgets(&group)).await.is(201);
    let established = |event: &Value| {
        let conditions = event["object"]["status"]["conditions"].as_array();
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "Established" && condition["status"] == "True")
    };
    let events = watch.until(&server, established).await;
    let name = format!("widgets.{group}");
    let expected = ["ADDED", "MODIFIED", "MODIFIED"].map(|what| format!("{what} {name}"));
    assert_eq!(brief(&events), expected);
}

async fn schema(server: Session) {
    let (group, path) = defined(&server).await;
    let unknown = widget(&group, "a", json!({"n": 1, "nope": 2}));
    let made = server.post(&path, unknown).await.is(201);
    assert_eq!((&made["spec"], made.warnings().len()), (&json!({"n": 1}), 1));
    for spec in
        [json!({"n": "string"}), json!({}), json!({"n": 1, "mode": "zz"}), json!({"n": 100})]
    {
        server.post(&path, widget(&group, "b", spec)).await.is(422);
    }
    server.post(&path, named("c")).await.is(400);
}

async fn generation(server: Session) {
    let (group, path) = defined(&server).await;
    server.post(&path, widget(&group, "a", json!({"n": 1}))).await.is(201);
    let path = format!("{path}/a");
    let status = format!("{path}/status");
    let mut generations = Vec::new();
    for (path, patch) in [
        (&path, json!({"spec": {"n": 2}})),
        (&path, json!({"metadata": {"labels": {"a": "b"}}})),
        (
            &status,
            json!({
                "metadata": {"labels": {"a": "c"}}, "spec": {"n": 3}, "status": {"x": 1},
            }),
        ),
    ] {
        let patched = server.merge(path, patch).await.is(200);
        generations.push(patched["metadata"]["generation"].as_u64().unwrap());
    }
    assert_eq!(generations, [2, 2, 2]);
    let last = server.get(&path).await.is(200);
    assert_eq!((&last["spec"]["n"], &last["metadata"]["labels"]["a"]), (&2.into(), &"b".into()));
    server.put(&path, widget(&group, "a", json!({"n": 3}))).await.is(422);
}

async fn undefined(server: Session) {
    let (group, path) = defined(&server).await;
    server.post(&path, widget(&group, "a", json!({"n": 1}))).await.is(201);
    server.aside().delete(&format!("{DEFINITIONS}/widgets.{group}")).await.is(200);
    while server.aside().get(&path).await.code != 404 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server.get(&format!("{DEFINITIONS}/widgets.{group}")).await.is(404);
}
