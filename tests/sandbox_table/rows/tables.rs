//! Tables: what `kubectl get` prints, made by the server.

use serde_json::{Value, json};

use super::objects::{bound_pod, config_map, deployment, lease, pod, service};
use crate::row::{Row, row};
use crate::session::{Session, named};

pub fn rows() -> Vec<Row> {
    vec![
        row("Pods, Deployments and ReplicaSets have the real columns and cells", workloads),
        row("Services, Endpoints and slices have the real columns and cells", services),
        row(
            "ConfigMaps, Secrets, ServiceAccounts and Leases have the real columns and cells",
            others,
        ),
        row(
            "Nodes, namespaces, addresses and ranges have the real columns and cells",
            of_the_cluster,
        ),
        row("only the first table of a watch names its columns", watch),
        row("rows bring along metadata, objects or nothing, as is asked for", include),
        row("metadata alone is served as objects of its own", metadata),
    ]
}

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

/// Gets a table without the descriptions of its columns, which are prose.
async fn table(server: &Session, path: &str) -> Value {
    let answer = server.aside().get_as(TABLE, path).await.is(200);
    assert_eq!(answer["kind"], "Table", "{path}");
    let mut table = answer.object();
    for column in table["columnDefinitions"].as_array_mut().unwrap() {
        column["description"].take();
    }
    server.note(path, &[table.clone()]);
    table
}

async fn workloads(server: Session) {
    server.create("pods", pod("new")).await;
    server.create("pods", bound_pod("bound")).await;
    server.create("pods", bound_pod("done")).await;
    let statuses = json!([{
        "name": "c", "ready": true, "restartCount": 0, "image": "", "imageID": "",
        "state": {"running": {}},
    }]);
    let status = json!({
        "phase": "Running", "podIP": "10.1.0.1", "podIPs": [{"ip": "10.1.0.1"}],
        "containerStatuses": statuses,
    });
    let path = format!("{}/status", server.of("pods", "bound"));
    server.merge(&path, json!({"status": status})).await.is(200);
    let path = format!("{}/status", server.of("pods", "done"));
    server.merge(&path, json!({"status": {"phase": "Failed", "reason": "Evicted"}})).await.is(200);
    server.create("deployments", deployment("d")).await;
    server.create("replicasets", deployment("r")).await;
    for plural in ["pods", "deployments", "replicasets"] {
        table(&server, &server.path(plural)).await;
    }
    let one = table(&server, &server.of("pods", "new")).await;
    let cells = json!(["new", "0/1", "Pending", 0, "0s", "<none>", "<none>", "<none>", "<none>"]);
    assert_eq!(one["rows"][0]["cells"].as_array().unwrap()[..3], cells.as_array().unwrap()[..3]);
    table(&server, &format!("{}/scale", server.of("deployments", "d"))).await;
}

async fn services(server: Session) {
    server.create("services", service("s")).await;
    let mut headless = service("headless");
    headless["spec"]["clusterIP"] = json!("None");
    server.create("services", headless).await;
    let alias = json!({"type": "ExternalName", "externalName": "example.com"});
    server.create("services", json!({"metadata": {"name": "alias"}, "spec": alias})).await;
    let mut open = service("open");
    open["spec"]["externalIPs"] = json!(["192.0.2.1", "192.0.2.2"]);
    server.create("services", open).await;
    let ips = ["10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"];
    let addresses = ips.map(|ip| json!({"ip": ip}));
    let subsets = json!([
        {"addresses": addresses, "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]},
        {"notReadyAddresses": [{"ip": "10.1.0.5"}], "ports": [{"port": 80}]},
    ]);
    server.create("endpoints", json!({"metadata": {"name": "e"}, "subsets": subsets})).await;
    server.create("endpoints", named("empty")).await;
    let endpoints = ips.map(|ip| json!({"addresses": [ip], "conditions": {"ready": false}}));
    let ports = json!([{"name": "a", "port": 80}, {"name": "b", "port": 81}]);
    let slice = json!({
        "metadata": {"name": "e"}, "addressType": "IPv4", "ports": ports, "endpoints": endpoints,
    });
    server.create("endpointslices", slice).await;
    let slice = json!({"metadata": {"name": "empty"}, "addressType": "IPv4", "endpoints": []});
    server.create("endpointslices", slice).await;
    for plural in ["services", "endpoints", "endpointslices"] {
        table(&server, &server.path(plural)).await;
    }
}

async fn others(server: Session) {
    server.create("configmaps", config_map("a", "1")).await;
    server.create("secrets", json!({"metadata": {"name": "s"}, "data": {"a": "YQ=="}})).await;
    server.create("serviceaccounts", named("a")).await;
    server.create("leases", lease("l")).await;
    server
        .create("leases", json!({"metadata": {"name": "m"}, "spec": {"holderIdentity": "me"}}))
        .await;
    for plural in ["configmaps", "secrets", "serviceaccounts", "leases"] {
        table(&server, &server.path(plural)).await;
    }
}

async fn of_the_cluster(server: Session) {
    let name = format!("{}-node", server.namespace());
    let labels = json!({"node-role.kubernetes.io/edge": ""});
    let node = json!({"metadata": {"name": name, "labels": labels}});
    server.post("/api/v1/nodes", node).await.is(201);
    let path = format!("/api/v1/nodes/{name}");
    table(&server, &path).await;
    let status = json!({
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [{"type": "InternalIP", "address": "172.18.0.1"}],
        "nodeInfo": {"kubeletVersion": "v1.36.3", "kernelVersion": "6.1.0", "architecture": "amd64"},
    });
    server.strategic(&format!("{path}/status"), json!({"status": status})).await.is(200);
    server.merge(&path, json!({"spec": {"unschedulable": true}})).await.is(200);
    table(&server, &path).await;
    server.delete(&path).await.is(200);
    for path in [
        format!("/api/v1/namespaces/{}", server.namespace()),
        "/apis/networking.k8s.io/v1/ipaddresses/10.96.0.1".to_owned(),
        "/apis/networking.k8s.io/v1/servicecidrs/kubernetes".to_owned(),
    ] {
        table(&server, &path).await;
    }
}

async fn watch(server: Session) {
    let made = server.create("configmaps", named("a")).await;
    let path = format!("{}?resourceVersion={}", server.path("configmaps"), made.version());
    let watch = server.watch_as(TABLE, &path).await;
    for name in ["b", "c"] {
        server.create("configmaps", named(name)).await;
    }
    let last = |event: &Value| event["object"]["rows"][0]["object"]["metadata"]["name"] == "c";
    let events = watch.until(&server.aside(), last).await;
    let columns: Vec<bool> =
        events.iter().map(|event| event["object"]["columnDefinitions"].is_array()).collect();
    assert_eq!(columns, [true, false]);
    assert_eq!(events[1]["object"]["columnDefinitions"], Value::Null);
    server.note("the second event", &events[1..]);
}

async fn include(server: Session) {
    server.create("configmaps", config_map("a", "1")).await;
    let path = server.path("configmaps");
    for include in ["Metadata", "Object", "None"] {
        table(&server, &format!("{path}?includeObject={include}")).await;
    }
    server.get_as(TABLE, &format!("{path}?includeObject=Bogus")).await.is(400);
    let unknown = "application/json;as=Table;v=v2;g=meta.k8s.io";
    server.get_as(unknown, &path).await.is(406);
    let plain = server.get_as(&format!("{unknown},application/json"), &path).await.is(200);
    assert_eq!(plain["kind"], "ConfigMapList");
}

async fn metadata(server: Session) {
    server.create("configmaps", config_map("a", "1")).await;
    let object = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let list = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let one = server.get_as(object, &server.of("configmaps", "a")).await.is(200);
    assert_eq!((&one["kind"], one.get("data")), (&"PartialObjectMetadata".into(), None));
    let many = server.get_as(list, &server.path("configmaps")).await.is(200);
    assert_eq!(many["kind"], "PartialObjectMetadataList");
}
