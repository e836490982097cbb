//! PUT, and what raises the generation.

use serde_json::{Value, json};

use super::objects::{config_map, deployment, lease, pod, service};
use crate::row::{Row, row};
use crate::session::{Session, named};

pub fn rows() -> Vec<Row> {
    vec![
        row("a PUT under an old version is a conflict, and shows nothing", conflict),
        row("a PUT without a version is stored, and shown", unconditional),
        row("a PUT that changes nothing keeps its version, and shows nothing", nothing_new),
        row(
            "a PUT where nothing is fails for a ConfigMap, and creates a Lease or a Service",
            missing,
        ),
        row("a PUT of a Lease needs a version", versioned),
        row(
            "the address of a Service, the selector of a Deployment and other things never change",
            immutable,
        ),
        row("a Deployment's generation counts changes of its spec and its annotations", generation),
        row("status is written through its own path, and nothing else is", isolation),
        row("the name and the uid of an object stay", identity),
    ]
}

async fn conflict(server: Session) {
    let first = server.create("configmaps", config_map("a", "1")).await;
    let path = server.of("configmaps", "a");
    server.put(&path, config_map("a", "2")).await.is(200);
    let watch = server.watch(&server.path("configmaps")).await;
    let mut old = first.object();
    old["data"]["key"] = json!("3");
    let refused = server.put(&path, old).await;
    let refused = refused.says(409, "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again");
    assert_eq!(refused["details"]["kind"], "configmaps");
    server.create("configmaps", named("last")).await;
    assert_eq!(watch.until_named(&server, "last").await, ["ADDED a"]);
}

async fn unconditional(server: Session) {
    let first = server.create("configmaps", config_map("a", "1")).await;
    let watch = server
        .watch(&format!("{}?resourceVersion={}", server.path("configmaps"), first.version()))
        .await;
    let second = server.put(&server.of("configmaps", "a"), config_map("a", "2")).await.is(200);
    assert!(second.version() > first.version());
    let events = watch.until(&server, |event| event["type"] == "MODIFIED").await;
    assert_eq!((events.len(), crate::watch::version(&events[0])), (1, second.version()));
}

async fn nothing_new(server: Session) {
    let first = server.create("configmaps", config_map("a", "1")).await;
    let watch = server
        .watch(&format!("{}?resourceVersion={}", server.path("configmaps"), first.version()))
        .await;
    let path = server.of("configmaps", "a");
    let mut renewed = first.object();
    renewed["metadata"]["creationTimestamp"] = json!("2001-01-01T00:00:00Z");
    for object in [first.object(), config_map("a", "1"), renewed] {
        assert_eq!(server.put(&path, object).await.is(200).version(), first.version());
    }
    let patched = server.merge(&path, json!({"data": {"key": "1"}})).await.is(200);
    assert_eq!(patched.version(), first.version());
    server.create("configmaps", named("last")).await;
    assert_eq!(watch.until_named(&server, "last").await, [""; 0]);
}

async fn missing(server: Session) {
    let absent = server.put(&server.of("configmaps", "a"), named("a")).await;
    absent.says(404, "configmaps \"a\" not found");
    server.put(&server.of("leases", "l"), lease("l")).await.is(201);
    server.put(&server.of("services", "s"), service("s")).await.is(201);
    let subsets = json!([{"addresses": [{"ip": "10.1.0.1"}]}]);
    let endpoints = json!({"metadata": {"name": "e"}, "subsets": subsets});
    server.put(&server.of("endpoints", "e"), endpoints).await.is(201);
}

async fn versioned(server: Session) {
    server.create("leases", lease("l")).await;
    let mut changed = lease("l");
    changed["spec"]["leaseDurationSeconds"] = json!(20);
    let refused = server.put(&server.of("leases", "l"), changed).await;
    let refused = refused.says(422, "leases.coordination.k8s.io \"l\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update");
    assert_eq!(refused["details"]["kind"], "leases");
}

async fn immutable(server: Session) {
    server.create("services", service("s")).await;
    let other = json!({"spec": {"clusterIP": "10.96.1.1"}});
    server.merge(&server.of("services", "s"), other).await.is(422);
    let both = json!({"spec": {"clusterIP": "10.96.1.1", "clusterIPs": ["10.96.1.1"]}});
    let refused = server.merge(&server.of("services", "s"), both).await;
    refused.says(422, "Service \"s\" is invalid: spec.clusterIPs[0]: Invalid value: [\"10.96.1.1\"]: may not change once set");
    let empty = json!({"spec": {"clusterIP": null, "clusterIPs": null}});
    server.merge(&server.of("services", "s"), empty).await.is(200);
    server.create("deployments", deployment("d")).await;
    let other = json!({"spec": {"selector": {"matchLabels": {"app": "z"}}}});
    server.merge(&server.of("deployments", "d"), other).await.is(422);
    let slice = json!({"metadata": {"name": "e"}, "addressType": "IPv4", "endpoints": []});
    server.create("endpointslices", slice).await;
    let other = json!({"addressType": "IPv6"});
    server.merge(&server.of("endpointslices", "e"), other).await.is(422);
    server.create("secrets", named("s")).await;
    server.merge(&server.of("secrets", "s"), json!({"type": "other"})).await.is(422);
}

async fn generation(server: Session) {
    server.create("deployments", deployment("d")).await;
    let path = server.of("deployments", "d");
    let status = format!("{path}/status");
    let mut generations = Vec::new();
    for (path, patch) in [
        (&path, json!({"metadata": {"labels": {"a": "b"}}})),
        (&path, json!({"spec": {"replicas": 2}})),
        (&path, json!({"metadata": {"annotations": {"a": "b"}}})),
        (&status, json!({"status": {"observedGeneration": 1}})),
    ] {
        let patched = server.merge(path, patch).await.is(200);
        generations.push(patched["metadata"]["generation"].as_u64().unwrap());
    }
    assert_eq!(generations, [1, 2, 3, 3]);
    let slice = json!({"metadata": {"name": "e"}, "addressType": "IPv4", "endpoints": []});
    server.create("endpointslices", slice).await;
    let path = server.of("endpointslices", "e");
    for patch in [
        json!({"metadata": {"labels": {"a": "b"}}}),
        json!({"metadata": {"annotations": {"a": "b"}}}),
        json!({"endpoints": [{"addresses": ["10.1.0.1"]}]}),
    ] {
        server.merge(&path, patch).await.is(200);
    }
}

async fn isolation(server: Session) {
    server.create("pods", pod("p")).await;
    let path = server.of("pods", "p");
    let main = server.merge(&path, json!({"status": {"phase": "Running"}})).await.is(200);
    assert_eq!(main["status"]["phase"], "Pending");
    let patch = json!({
        "metadata": {"labels": {"a": "b"}}, "spec": {"priority": 7},
        "status": {"phase": "Running"},
    });
    let status = server.merge(&format!("{path}/status"), patch).await.is(200);
    assert_eq!(status["metadata"]["labels"], json!({"a": "b"}));
    assert_eq!(
        (&status["spec"]["priority"], &status["status"]["phase"]),
        (&0.into(), &"Running".into())
    );
    server.get(&format!("{path}/status")).await.is(200);
    server.create("deployments", deployment("d")).await;
    let patch = json!({
        "metadata": {"labels": {"a": "b"}, "annotations": {"a": "b"}}, "status": {"replicas": 3},
    });
    let status = server.merge(&format!("{}/status", server.of("deployments", "d")), patch).await;
    let metadata = &status.is(200).object()["metadata"];
    assert_eq!((metadata.get("labels"), &metadata["annotations"]), (None, &json!({"a": "b"})));
}

async fn identity(server: Session) {
    server.create("configmaps", config_map("a", "1")).await;
    let path = server.of("configmaps", "a");
    server
        .put(&path, named("b"))
        .await
        .says(400, "the name of the object (b) does not match the name on the URL (a)");
    server.put(&path, json!({"metadata": {}})).await.is(400);
    server.merge(&path, json!({"metadata": {"name": "b"}})).await.is(400);
    server.merge(&path, json!({"metadata": {"uid": "x"}})).await.is(422);
    let mut other: Value = config_map("a", "1");
    other["metadata"]["uid"] = json!("x");
    server.put(&path, other).await.is(409);
    server.merge(&path, json!({"metadata": {"resourceVersion": "1"}})).await.is(409);
}
