//! What is served, and health.

use serde_json::Value;

use crate::row::{Row, row};
use crate::session::{Answer, Session};

pub fn rows() -> Vec<Row> {
    vec![
        row("/api and /apis list what the real server lists of the groups that are served", groups),
        row("the core group's resources are the real ones, with their verbs and short names", core),
        row("the resources of apps are the real ones, with their verbs and short names", apps),
        row("/healthz, /livez and /readyz say ok, in plain text, to everybody", health),
        row("/version tells the version that is imitated", version),
        row("what is nowhere is refused as the real server refuses it", nowhere),
    ]
}

async fn groups(server: Session) {
    let core = server.get("/api").await.is(200);
    assert_eq!((&core["kind"], &core["versions"][0]), (&"APIVersions".into(), &"v1".into()));
    let groups = server.aside().get("/apis").await.is(200);
    assert_eq!(groups["kind"], "APIGroupList");
    for name in ["apps", "discovery.k8s.io", "networking.k8s.io", "coordination.k8s.io"] {
        let listed = groups["groups"].as_array().unwrap().iter();
        assert!(listed.clone().any(|group| group["name"] == name), "{name}");
    }
    let unserved = server.aside().get("/apis/nope.example.com").await;
    assert_eq!((unserved.code, unserved.as_str()), (404, Some("404 page not found\n")));
}

/// Of one resource, what clients go by.
fn of_resource(list: &Answer, name: &str) -> Value {
    let resources = list["resources"].as_array().unwrap().iter();
    let found = resources.clone().find(|resource| resource["name"] == name);
    let mut found = found.unwrap_or_else(|| panic!("no {name}")).clone();
    // It names how objects lie in the store, and clients make nothing of it.
    found.as_object_mut().unwrap().remove("storageVersionHash");
    found
}

async fn resources(server: &Session, path: &str, names: &[&str]) {
    let list = server.aside().get(path).await.is(200);
    assert_eq!(list["kind"], "APIResourceList");
    let found: Vec<Value> = names.iter().map(|name| of_resource(&list, name)).collect();
    server.note(path, &found);
}

async fn core(server: Session) {
    let names = [
        "namespaces",
        "namespaces/finalize",
        "namespaces/status",
        "nodes",
        "nodes/status",
        "pods",
        "pods/binding",
        "pods/status",
        "services",
        "services/status",
        "endpoints",
        "events",
        "serviceaccounts",
        "configmaps",
        "secrets",
    ];
    resources(&server, "/api/v1", &names).await;
}

async fn apps(server: Session) {
    let names = [
        "deployments",
        "deployments/scale",
        "deployments/status",
        "replicasets",
        "replicasets/scale",
        "replicasets/status",
    ];
    resources(&server, "/apis/apps/v1", &names).await;
}

async fn health(server: Session) {
    for path in ["/healthz", "/livez", "/readyz", "/livez/ping"] {
        let answer = server.get(path).await.is(200);
        assert_eq!(answer.as_str(), Some("ok"));
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    }
}

async fn version(server: Session) {
    let version = server.aside().get("/version").await.is(200);
    assert_eq!((&version["major"], &version["minor"]), (&"1".into(), &"36".into()));
    for field in ["gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler"] {
        assert!(version[field].is_string(), "{field}");
    }
    for field in ["emulationMajor", "emulationMinor", "minCompatibilityMajor", "platform"] {
        assert!(version[field].is_string(), "{field}");
    }
}

async fn nowhere(server: Session) {
    let paths = [
        "/nope",
        "/apis/nope/v1",
        "/api/v2",
        "/api/v1/nopes",
        "/apis/apps/v2",
        "/apis/apps/v1/nopes",
        "/api/v1/namespaces/default/nodes",
        "/api/v1/namespaces/default/configmaps/a/status",
    ];
    for path in paths {
        server.get(path).await.is(404);
    }
}
