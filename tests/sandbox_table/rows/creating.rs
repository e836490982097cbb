//! POST.

use serde_json::json;

use super::objects::{config_map, service};
use crate::row::{Row, row};
use crate::session::{Session, named};
use crate::watch::version;

pub fn rows() -> Vec<Row> {
    vec![
        row("a new object gets uid, time and version, and is shown with the same version", created),
        row("a name that is taken is refused, and shows nothing", taken),
        row(
            "a generated name is the base and five letters of the alphabet without vowels",
            named_by_the_server,
        ),
        row("an object of another kind, of wrong types or that is no JSON is refused", unreadable),
        row("a name is required, and has to be one", names),
        row("what belongs to no namespace, or to another, is refused", namespaces),
        row("an unknown field is refused if the client is strict", strict),
        row("an unknown field costs a warning if the client wants to be warned", warned),
        row("an unknown field is dropped in silence if the client does not care", ignored),
        row("a dry run stores nothing and shows nothing", dry_run),
        row("a Service gets defaults and an address, and an IPAddress holds it", service_defaults),
        row("a Service that cannot be is refused with the field and the reason", bad_services),
        row("a headless Service and one with an external name get no address", without_address),
        row("a Service of type NodePort gets a port of every Node", node_ports),
        row("a namespace is labelled with its name and active", namespace),
        row(
            "Pods, Deployments and ReplicaSets are filled in as the real server does it",
            workloads,
        ),
        row(
            "Endpoints, slices, Secrets and Nodes are filled in as the real server does it",
            others,
        ),
    ]
}

async fn created(server: Session) {
    let watch = server.watch(&server.path("configmaps")).await;
    let made = server.create("configmaps", named("a")).await;
    let metadata = &made["metadata"];
    assert_eq!(metadata["uid"].as_str().unwrap().len(), 36);
    assert!(metadata["creationTimestamp"].as_str().unwrap().ends_with('Z'));
    let events = watch.until(&server, |event| event["object"]["metadata"]["name"] == "a").await;
    let event = events.last().unwrap();
    assert_eq!((&event["type"], version(event)), (&"ADDED".into(), made.version()));
    assert_eq!(
        (&event["object"]["kind"], &event["object"]["apiVersion"]),
        (&"ConfigMap".into(), &"v1".into())
    );
}

async fn taken(server: Session) {
    server.create("configmaps", named("a")).await;
    let watch = server.watch(&server.path("configmaps")).await;
    let again = server.post(&server.path("configmaps"), named("a")).await;
    let again = again.says(409, "configmaps \"a\" already exists");
    assert_eq!(again["reason"], "AlreadyExists");
    assert_eq!(again["details"], json!({"name": "a", "kind": "configmaps"}));
    server.create("configmaps", named("last")).await;
    assert_eq!(watch.until_named(&server, "last").await, ["ADDED a"], "as it was before");
}

async fn named_by_the_server(server: Session) {
    let mut names = Vec::new();
    for _ in 0..2 {
        let object = json!({"metadata": {"generateName": "g-"}});
        let made = server.create("configmaps", object).await;
        let name = made["metadata"]["name"].as_str().unwrap().to_owned();
        let letters = name.strip_prefix("g-").unwrap();
        assert_eq!(letters.len(), 5);
        assert!(letters.chars().all(|letter| "bcdfghjklmnpqrstvwxz2456789".contains(letter)));
        names.push(name);
    }
    assert_ne!(names[0], names[1]);
    let long = "l".repeat(80);
    let made = server.create("configmaps", json!({"metadata": {"generateName": long}})).await;
    assert_eq!(made["metadata"]["name"].as_str().unwrap().len(), 63);
}

async fn unreadable(server: Session) {
    let path = server.path("configmaps");
    let secret = json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "b"}});
    server.post(&path, secret).await.is(400);
    let number = server.post(&path, json!({"metadata": {"name": "b"}, "data": {"a": 1}})).await;
    number.says(400, "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string");
    let broken = server.post(&path, json!("{bad")).await.is(400);
    let begins = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: ";
    assert!(broken["message"].as_str().unwrap().starts_with(begins));
}

async fn names(server: Session) {
    let path = server.path("configmaps");
    let nameless = server.post(&path, json!({"metadata": {}})).await;
    nameless.says(422, "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required");
    server.post(&path, named("Upper")).await.is(422);
    server.post(&server.path("services"), service("a.b")).await.is(422);
    server.post(&server.path("services"), service(&"s".repeat(64))).await.is(422);
    server.post("/api/v1/namespaces", named("a.b")).await.is(422);
    let label = json!({"metadata": {"name": "l", "labels": {"a": "not valid"}}});
    server.post(&path, label).await.is(422);
}

async fn namespaces(server: Session) {
    let other = json!({"metadata": {"name": "a", "namespace": "other"}});
    server.post(&server.path("configmaps"), other).await.says(
        400,
        "the namespace of the provided object does not match the namespace sent on the request",
    );
    let nowhere = server.post("/api/v1/namespaces/nope/configmaps", named("a")).await;
    nowhere.says(404, "namespaces \"nope\" not found");
    server.post("/api/v1/configmaps", named("a")).await.is(405);
    let versioned = json!({"metadata": {"name": "a", "resourceVersion": "7"}});
    server.post(&server.path("configmaps"), versioned).await.is(500);
}

fn with_unknown_field() -> serde_json::Value {
    let mut object = service("s");
    object["spec"]["foo"] = json!("bar");
    object
}

async fn strict(server: Session) {
    let path = server.path("services");
    let refused =
        server.post(&format!("{path}?fieldValidation=Strict"), with_unknown_field()).await;
    refused.says(400, "Service in version \"v1\" cannot be handled as a Service: strict decoding error: unknown field \"spec.foo\"");
}

async fn warned(server: Session) {
    let path = server.path("services");
    let made = server.post(&format!("{path}?fieldValidation=Warn"), with_unknown_field()).await;
    let made = made.is(201);
    assert_eq!(made.warnings(), ["299 - \"unknown field \\\"spec.foo\\\"\""]);
    assert!(made["spec"].get("foo").is_none());
}

async fn ignored(server: Session) {
    let path = server.path("services");
    let made = server.post(&format!("{path}?fieldValidation=Ignore"), with_unknown_field()).await;
    let made = made.is(201);
    assert_eq!(made.warnings(), [""; 0]);
    assert!(made["spec"].get("foo").is_none());
}

async fn dry_run(server: Session) {
    let path = server.path("services");
    let watch = server.watch(&path).await;
    let made = server.post(&format!("{path}?dryRun=All"), service("s")).await.is(201);
    assert!(made["metadata"].get("resourceVersion").is_none());
    server.get(&server.of("services", "s")).await.says(404, "services \"s\" not found");
    server.create("services", service("last")).await;
    assert_eq!(watch.until_named(&server, "last").await, [""; 0]);
    server.post(&format!("{path}?dryRun=Bogus"), service("s")).await.is(422);
}

async fn service_defaults(server: Session) {
    let made = server.create("services", service("s")).await;
    let spec = &made["spec"];
    assert_eq!((&spec["type"], &spec["sessionAffinity"]), (&"ClusterIP".into(), &"None".into()));
    assert_eq!(spec["ports"][0], json!({"protocol": "TCP", "port": 80, "targetPort": 80}));
    let address = spec["clusterIP"].as_str().unwrap();
    let held = server.get(&format!("/apis/networking.k8s.io/v1/ipaddresses/{address}")).await;
    let parent = json!({"resource": "services", "namespace": server.namespace(), "name": "s"});
    assert_eq!(held.is(200)["spec"]["parentRef"], parent);
    server.delete(&server.of("services", "s")).await.is(200);
    server.get(&format!("/apis/networking.k8s.io/v1/ipaddresses/{address}")).await.is(404);
}

async fn bad_services(server: Session) {
    let path = server.path("services");
    let port = |port: i64| json!([{"port": port}]);
    for spec in [
        json!({"ports": []}),
        json!({"ports": [{"port": 80}, {"port": 81}]}),
        json!({"ports": port(0)}),
        json!({"ports": port(80), "type": "Foo"}),
        json!({"ports": [{"port": 80, "nodePort": 80}], "type": "NodePort"}),
        json!({"ports": port(80), "clusterIP": "1.2.3.4"}),
        json!({"ports": port(80), "clusterIP": "10.96.0.1"}),
    ] {
        server.post(&path, json!({"metadata": {"name": "s"}, "spec": spec})).await.is(422);
    }
}

async fn without_address(server: Session) {
    let mut headless = service("headless");
    headless["spec"]["clusterIP"] = json!("None");
    server.create("services", headless).await;
    let free = json!({"clusterIP": "None", "ports": [{"port": 80}]});
    server.create("services", json!({"metadata": {"name": "free"}, "spec": free})).await;
    let alias = json!({"type": "ExternalName", "externalName": "example.com"});
    server.create("services", json!({"metadata": {"name": "alias"}, "spec": alias})).await;
}

async fn node_ports(server: Session) {
    let mut object = service("open");
    object["spec"]["type"] = json!("NodePort");
    let made = server.create("services", object).await;
    let port = made["spec"]["ports"][0]["nodePort"].as_u64().unwrap();
    assert!((30000..32768).contains(&port));
    let mut object = service("balanced");
    object["spec"]["type"] = json!("LoadBalancer");
    server.create("services", object).await;
    let back = json!({"spec": {"type": "ClusterIP", "ports": null}});
    server.merge(&server.of("services", "open"), back).await.is(422);
    let back = json!({"spec": {"type": "ClusterIP"}});
    server.merge(&server.of("services", "open"), back).await.is(200);
}

async fn namespace(server: Session) {
    let made = server.get(&format!("/api/v1/namespaces/{}", server.namespace())).await.is(200);
    assert_eq!(made["metadata"]["labels"]["kubernetes.io/metadata.name"], server.namespace());
    assert_eq!(made["status"]["phase"], "Active");
}

async fn workloads(server: Session) {
    server.create("pods", super::objects::pod("p")).await;
    let probe = json!({"httpGet": {"port": 80}});
    let container = json!({
        "name": "c", "image": "image", "ports": [{"containerPort": 80}], "readinessProbe": probe,
        "resources": {"limits": {"cpu": "1"}},
        "env": [{"name": "E", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    });
    let volumes = json!([
        {"name": "s", "secret": {"secretName": "s"}},
        {"name": "c", "configMap": {"name": "c"}},
        {"name": "h", "hostPath": {"path": "/h"}},
        {"name": "e", "emptyDir": {}},
    ]);
    let spec = json!({"containers": [container], "volumes": volumes, "hostNetwork": true});
    server.create("pods", json!({"metadata": {"name": "rich"}, "spec": spec})).await;
    server.create("deployments", super::objects::deployment("d")).await;
    server.create("replicasets", super::objects::deployment("r")).await;
}

async fn others(server: Session) {
    let subsets = json!([{"addresses": [{"ip": "10.1.0.1"}], "ports": [{"port": 80}]}]);
    let endpoints = json!({"metadata": {"name": "e"}, "subsets": subsets});
    let made = server.create("endpoints", endpoints).await;
    assert_eq!(made.warnings().len(), 1, "they are deprecated");
    let slice = json!({
        "metadata": {"name": "e"}, "addressType": "IPv4", "ports": [{"port": 80}],
        "endpoints": [{"addresses": ["10.1.0.1"], "conditions": {}}],
    });
    server.create("endpointslices", slice).await;
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"key": "value"}});
    server.create("secrets", secret).await;
    server.create("serviceaccounts", named("a")).await;
    let mut immutable = config_map("i", "1");
    immutable["immutable"] = json!(true);
    server.create("configmaps", immutable).await;
    let node = format!("{}-node", server.namespace());
    server.post("/api/v1/nodes", named(&node)).await.is(201);
    server.delete(&format!("/api/v1/nodes/{node}")).await.is(200);
}
