//! What people get wrong: every mistake is refused with the same words, field and reason.

use serde_json::{Value, json};

use super::objects::{bound_pod, deployment, lease, pod};
use crate::row::{Row, row};
use crate::session::{Session, named};

pub fn rows() -> Vec<Row> {
    vec![
        row("an EndpointSlice that cannot be is refused", slices),
        row("the endpoints of a slice are held to its type", addresses),
        row("Endpoints that cannot be are refused", endpoints),
        row("a Pod that cannot be is refused", pods),
        row("a container that cannot be is refused", containers),
        row("a Pod hardly changes", changed_pods),
        row("a Pod has an address of each family at most", pod_addresses),
        row("a Deployment that cannot be is refused", deployments),
        row(
            "a Deployment and a ReplicaSet count no less than nothing, and no more than there is",
            counts,
        ),
        row("an Event of the new style that says too little is refused", new_events),
        row("an Event of the new style stays as it was told", told_events),
        row("an Event is where what it is about is", old_events),
        row("a ConfigMap, a Secret and a Lease that cannot be are refused", configuration),
        row("an IPAddress and a ServiceCIDR that cannot be are refused", ranges),
        row("owners and finalizers are said in full", owners),
    ]
}

/// Posts objects that differ from a good one in some fields, and that nobody lets in.
async fn refused(server: &Session, path: &str, good: &Value, mistakes: &[Value]) {
    for mistake in mistakes {
        server.post(&format!("{path}?dryRun=All"), with(good, mistake)).await.is(422);
    }
}

/// An object with other fields: a JSON merge patch that may set null.
fn with(good: &Value, fields: &Value) -> Value {
    let mut object = good.clone();
    for (field, value) in fields.as_object().unwrap() {
        match (object.get_mut(field), value) {
            (Some(own @ Value::Object(_)), Value::Object(_)) => *own = with(own, value),
            _ => object[field] = value.clone(),
        }
    }
    object
}

fn slice(fields: &Value) -> Value {
    let endpoints = json!([{"addresses": ["10.1.0.1"]}]);
    with(&json!({"metadata": {"name": "e"}, "addressType": "IPv4", "endpoints": endpoints}), fields)
}

async fn slices(server: Session) {
    let of_endpoint =
        |fields: Value| json!({"endpoints": [with(&json!({"addresses": ["10.1.0.1"]}), &fields)]});
    let mistakes = [
        json!({"addressType": ""}),
        json!({"addressType": "IPv5"}),
        json!({"endpoints": [{}]}),
        json!({"endpoints": [{"addresses": (1..=101).map(|i| format!("10.1.0.{i}")).collect::<Vec<_>>()}]}),
        json!({"endpoints": vec![json!({"addresses": ["10.1.0.1"]}); 1001]}),
        of_endpoint(json!({"hostname": "Not_ok"})),
        of_endpoint(json!({"hostname": "a.b"})),
        of_endpoint(json!({"hostname": ""})),
        of_endpoint(json!({"nodeName": "Not_ok"})),
        of_endpoint(json!({"nodeName": ""})),
        of_endpoint(
            json!({"hints": {"forZones": [{"name": ""}, {"name": "a b"}, {"name": "z"}, {"name": "z"}]}}),
        ),
        of_endpoint(json!({"hints": {"forZones": vec![json!({"name": "z"}); 9]}})),
        of_endpoint(json!({"hints": {"forNodes": [{"name": ""}, {"name": "n"}, {"name": "n"}]}})),
        json!({"ports": [{"port": 80, "protocol": "FOO"}]}),
        json!({"ports": [{"port": 80, "protocol": ""}]}),
        json!({"ports": [{"port": 80, "name": "Not_ok"}]}),
        json!({"ports": [{"port": 80, "name": "a".repeat(64)}]}),
        json!({"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]}),
        json!({"ports": [{"port": 80}, {"port": 81}]}),
        json!({"ports": [{"port": 80, "appProtocol": "a b"}]}),
        json!({"ports": vec![json!({"port": 80}); 20_001]}),
        json!({"endpoints": [{"addresses": ["x"], "hostname": "A"}], "ports": [{"protocol": "X"}]}),
        json!({"metadata": {"name": "A_b"}}),
    ];
    let path = server.path("endpointslices");
    refused(&server, &path, &slice(&json!({})), &mistakes).await;
    // What looks wrong, and is not.
    for fine in [
        json!({"ports": [{"port": 0}, {"name": "big", "port": 70000}]}),
        json!({"endpoints": [{"addresses": ["10.1.0.1", "10.1.0.1"]}, {"addresses": ["10.1.0.1"]}]}),
        json!({"addressType": "FQDN", "endpoints": [{"addresses": ["example.com."]}]}),
    ] {
        server.post(&format!("{path}?dryRun=All"), slice(&fine)).await.is(201);
    }
}

async fn addresses(server: Session) {
    let mistakes = [
        ("IPv4", "nope"),
        ("IPv4", "fd00::1"),
        ("IPv4", "010.1.0.1"),
        ("IPv4", "127.0.0.1"),
        ("IPv4", "0.0.0.0"),
        ("IPv4", "169.254.1.1"),
        ("IPv4", "224.0.0.1"),
        ("IPv6", "10.1.0.1"),
        ("IPv6", "::ffff:1.2.3.4"),
        ("IPv6", "fd00:0:0::1"),
        ("IPv6", "FD00::1"),
        ("IPv6", "::1"),
        ("IPv6", "::"),
        ("IPv6", "fe80::1"),
        ("IPv6", "ff02::1"),
        ("FQDN", "Example_com"),
        ("FQDN", "localhost"),
    ]
    .map(|(of, address)| json!({"addressType": of, "endpoints": [{"addresses": [address]}]}));
    refused(&server, &server.path("endpointslices"), &slice(&json!({})), &mistakes).await;
}

async fn endpoints(server: Session) {
    let of_address = |address: Value| json!({"subsets": [{"addresses": [address]}]});
    let of_ports =
        |ports: Value| json!({"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": ports}]});
    let addresses = [
        "x",
        "",
        "127.0.0.1",
        "0.0.0.0",
        "169.254.1.1",
        "224.0.0.1",
        "010.0.0.1",
        "::ffff:1.2.3.4",
    ];
    let mut mistakes: Vec<Value> =
        addresses.iter().map(|ip| of_address(json!({"ip": ip}))).collect();
    mistakes.extend([
        json!({"subsets": [{}]}),
        json!({"subsets": [{"ports": [{"port": 80}]}]}),
        json!({"subsets": [{"notReadyAddresses": [{"ip": "127.0.0.1"}]}]}),
        of_address(json!({"ip": "10.0.0.1", "hostname": "A_"})),
        of_address(json!({"ip": "10.0.0.1", "nodeName": "A_"})),
        of_ports(json!([{"port": 0}])),
        of_ports(json!([{"port": 70000}])),
        of_ports(json!([{"port": 1}, {"port": 2}])),
        of_ports(json!([{"port": 1, "name": "A_"}])),
        of_ports(json!([{"port": 1, "protocol": "FOO"}])),
        of_ports(json!([{"port": 1, "appProtocol": "a b"}])),
    ]);
    refused(&server, &server.path("endpoints"), &named("e"), &mistakes).await;
    let fine = of_address(json!({"ip": "fd00::2"}));
    server.create("endpoints", with(&named("e"), &fine)).await;
}

async fn pods(server: Session) {
    let of_spec = |fields: Value| json!({"spec": fields});
    let mistakes = [
        json!({"containers": []}),
        json!({"containers": [{"name": "c", "image": "i"}, {"name": "c", "image": "i"}]}),
        json!({"initContainers": [{"name": "c", "image": "i"}]}),
        json!({"initContainers": [{}]}),
        json!({"restartPolicy": "Foo"}),
        json!({"dnsPolicy": "Foo"}),
        json!({"dnsPolicy": "None"}),
        json!({"activeDeadlineSeconds": 0}),
        json!({"volumes": [{"name": "A_", "emptyDir": {}}]}),
        json!({"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]}),
        json!({"volumes": [{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]}),
        json!({"volumes": [{"name": "v", "secret": {}}]}),
        json!({"volumes": [{"name": "v", "configMap": {}}]}),
        json!({"nodeName": "A_"}),
        json!({"nodeSelector": {"a b": "c d"}}),
        json!({"hostname": "A_"}),
        json!({"subdomain": "A_"}),
        json!({"serviceAccountName": "A_"}),
        json!({"readinessGates": [{"conditionType": "a b"}]}),
        json!({"ephemeralContainers": [{"name": "e", "image": "i"}]}),
    ]
    .map(of_spec);
    let path = server.path("pods");
    refused(&server, &path, &pod("p"), &mistakes).await;
    let label = json!({"metadata": {"labels": {"a b": "c d"}}});
    refused(&server, &path, &pod("p"), &[label, json!({"metadata": {"name": "A"}})]).await;
    let fine = json!({"spec": {"volumes": [{"name": "v"}]}});
    server.create("pods", with(&pod("p"), &fine)).await;
}

async fn containers(server: Session) {
    let of_ports = |ports: Value| json!({"ports": ports});
    let probe = |probe: Value| json!({"readinessProbe": probe});
    let mistakes = [
        json!({"name": ""}),
        json!({"name": "A_"}),
        json!({"image": ""}),
        json!({"image": " i"}),
        json!({"imagePullPolicy": "Foo"}),
        json!({"terminationMessagePolicy": "Foo"}),
        of_ports(json!([{"containerPort": 0}])),
        of_ports(json!([{"containerPort": 70000}])),
        of_ports(json!([{"containerPort": 80, "name": "Bad_Name"}])),
        of_ports(json!([{"containerPort": 80, "name": "a".repeat(16)}])),
        of_ports(json!([{"containerPort": 80, "name": "80"}])),
        of_ports(json!([{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}])),
        of_ports(json!([{"containerPort": 80, "protocol": "X"}])),
        of_ports(json!([{"containerPort": 80, "hostPort": 70000}])),
        json!({"env": [{"name": ""}, {"name": "a=b"}]}),
        json!({"env": [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}),
        json!({"env": [{"name": "A", "valueFrom": {}}]}),
        json!({"resources": {"limits": {"cpu": "-1"}}}),
        json!({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}),
        probe(json!({})),
        probe(json!({"tcpSocket": {"port": 80}, "httpGet": {"port": 80}})),
        probe(json!({"tcpSocket": {"port": 0}})),
        probe(json!({"httpGet": {"port": "Bad_Name"}})),
        probe(json!({"httpGet": {"port": 80, "scheme": "FTP"}})),
        probe(json!({"exec": {}})),
        probe(json!({
            "tcpSocket": {"port": 80}, "initialDelaySeconds": -1, "periodSeconds": -1,
            "timeoutSeconds": -1, "successThreshold": -1, "failureThreshold": -1,
        })),
        json!({"livenessProbe": {"tcpSocket": {"port": 80}, "successThreshold": 2}}),
    ]
    .map(|fields| json!({"spec": {"containers": [with(&json!({"name": "c", "image": "i:1"}), &fields)]}}));
    refused(&server, &server.path("pods"), &pod("p"), &mistakes).await;
    let listening =
        json!([{"name": "c", "image": "i:1", "ports": [{"containerPort": 80, "hostPort": 81}]}]);
    let mistake = json!({"spec": {"hostNetwork": true, "containers": listening}});
    refused(&server, &server.path("pods"), &pod("p"), &[mistake]).await;
}

async fn changed_pods(server: Session) {
    server.create("pods", pod("p")).await;
    let path = server.of("pods", "p");
    let container = |name: &str| json!({"name": name, "image": "image:2"});
    for change in [
        json!({"nodeName": "n"}),
        json!({"restartPolicy": "Never"}),
        json!({"hostNetwork": true}),
        json!({"containers": [container("other")]}),
        json!({"containers": [container("c"), container("d")]}),
    ] {
        server.merge(&path, json!({"spec": change})).await.is(422);
    }
    let image = json!({"spec": {"containers": [container("c")]}});
    server.strategic(&path, image).await.is(200);
    server.merge(&path, json!({"spec": {"activeDeadlineSeconds": 5}})).await.is(200);
}

async fn pod_addresses(server: Session) {
    server.create("pods", bound_pod("p")).await;
    let path = format!("{}/status", server.of("pods", "p"));
    let both = |single: &str, all: &[&str]| {
        let all: Vec<Value> = all.iter().map(|ip| json!({"ip": ip})).collect();
        json!({"status": {"podIP": single, "podIPs": all}})
    };
    for status in [
        both("x", &["x"]),
        both("010.0.0.1", &["010.0.0.1"]),
        both("10.0.0.1", &["10.0.0.1", "10.0.0.2"]),
        both("10.0.0.1", &["10.0.0.1", "fd00::1", "fd00::2"]),
        json!({"status": {"conditions": [{"type": "a b", "status": "True"}]}}),
        json!({"status": {"nominatedNodeName": "A_"}}),
    ] {
        server.merge(&path, status).await.is(422);
    }
    for status in [
        json!({"status": {"podIP": "10.0.0.9"}}),
        both("10.0.0.1", &["10.0.0.2"]),
        both("10.0.0.1", &["10.0.0.1", "fd00::1"]),
    ] {
        server.merge(&path, status).await.is(200);
    }
}

async fn deployments(server: Session) {
    let of_template = |fields: Value| json!({"template": {"spec": fields}});
    let mistakes = [
        json!({"selector": null}),
        json!({"selector": {"matchLabels": {"app": "other"}}}),
        json!({"selector": {"matchLabels": {"a b": "c d"}}}),
        json!({"selector": {"matchExpressions": [{"key": "a", "operator": "Foo"}]}}),
        json!({"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
        json!({"selector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]}}),
        json!({"template": {"metadata": {"labels": {"x y": "z"}}}}),
        json!({"replicas": -1}),
        json!({"minReadySeconds": -1}),
        json!({"progressDeadlineSeconds": -1}),
        json!({"progressDeadlineSeconds": 5, "minReadySeconds": 5}),
        json!({"revisionHistoryLimit": -1}),
        json!({"strategy": {"type": "Foo"}}),
        json!({"strategy": {"type": "Recreate", "rollingUpdate": {}}}),
        json!({"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}}),
        json!({"strategy": {"rollingUpdate": {"maxSurge": -1, "maxUnavailable": "x"}}}),
        json!({"strategy": {"rollingUpdate": {"maxUnavailable": "120%"}}}),
        of_template(json!({"containers": []})),
        of_template(json!({"containers": [{"name": "c"}]})),
        of_template(json!({"restartPolicy": "Never"})),
        of_template(json!({"restartPolicy": "Foo"})),
        of_template(json!({"activeDeadlineSeconds": 5})),
    ]
    .map(|spec| json!({"spec": spec}));
    for kind in ["deployments", "replicasets"] {
        let bare = json!({"metadata": {"name": "d"}, "spec": {}});
        refused(&server, &server.path(kind), &bare, &[json!({})]).await;
    }
    refused(&server, &server.path("deployments"), &deployment("d"), &mistakes).await;
    let empty = json!({"metadata": {"name": "d"}, "spec": {"selector": {}, "template": deployment("d")["spec"]["template"]}});
    refused(&server, &server.path("deployments"), &empty, &[json!({})]).await;
}

async fn counts(server: Session) {
    let deployment_counts = ["updatedReplicas", "readyReplicas", "availableReplicas"];
    let set_counts = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
    for (kind, counts) in [("deployments", deployment_counts), ("replicasets", set_counts)] {
        server.create(kind, deployment("d")).await;
        let path = format!("{}/status", server.of(kind, "d"));
        let all = |number: fn(usize) -> i64| -> Value {
            let counts = counts.iter().enumerate();
            counts
                .map(|(place, count)| ((*count).to_owned(), json!(number(place))))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        server.merge(&path, json!({"status": all(|_| -1)})).await.is(422);
        server
            .merge(&path, json!({"status": all(|place| i64::try_from(place).unwrap() + 1)}))
            .await
            .is(422);
    }
}

fn told(server: &Session) -> Value {
    json!({
        "metadata": {"name": "x"}, "eventTime": "2026-11-22T16:00:00.000000Z", "type": "Normal",
        "reason": "Because", "action": "Act", "note": "so",
        "regarding": {"kind": "Pod", "namespace": server.namespace(), "name": "p", "apiVersion": "v1"},
        "reportingController": "example.com/me", "reportingInstance": "me-1",
    })
}

fn new_style(server: &Session) -> String {
    format!("/apis/events.k8s.io/v1/namespaces/{}/events", server.namespace())
}

async fn new_events(server: Session) {
    let long = "x".repeat(129);
    let mistakes = [
        json!({"eventTime": null}),
        json!({"type": ""}),
        json!({"type": "Foo"}),
        json!({"reason": ""}),
        json!({"reason": long}),
        json!({"action": ""}),
        json!({"action": long}),
        json!({"reportingController": ""}),
        json!({"reportingController": "a b"}),
        json!({"reportingInstance": ""}),
        json!({"reportingInstance": long}),
        json!({"note": "x".repeat(1025)}),
        json!({"series": {"count": 1, "lastObservedTime": "2026-11-22T16:00:00.000000Z"}}),
        json!({"series": {}}),
        json!({"deprecatedCount": 1, "deprecatedSource": {"component": "x"}, "deprecatedFirstTimestamp": "2026-11-22T16:00:00Z"}),
        json!({"metadata": {"name": "A_"}}),
    ];
    refused(&server, &new_style(&server), &told(&server), &mistakes).await;
    refused(&server, &new_style(&server), &named("x"), &[json!({})]).await;
}

async fn told_events(server: Session) {
    server.post(&new_style(&server), told(&server)).await.is(201);
    let path = format!("{}/x", new_style(&server));
    for change in [
        json!({"note": "other"}),
        json!({"type": "Warning"}),
        json!({"reason": "Other"}),
        json!({"action": "Other"}),
        json!({"eventTime": "2026-11-22T16:00:01.000000Z"}),
        json!({"regarding": {"name": "q"}}),
        json!({"reportingController": "x"}),
        json!({"reportingInstance": "x"}),
        json!({"related": {"kind": "x"}}),
        json!({"deprecatedCount": 2}),
        json!({"series": {"count": 2}}),
    ] {
        server.merge(&path, change).await.is(422);
    }
    let again = json!({"count": 2, "lastObservedTime": "2026-11-22T16:00:00.000000Z"});
    server.merge(&path, json!({"series": again})).await.is(200);
    server.merge(&path, json!({"metadata": {"labels": {"a": "b"}}})).await.is(200);
}

async fn old_events(server: Session) {
    let about = |namespace: &str| {
        let involved = json!({"kind": "Pod", "namespace": namespace, "name": "p"});
        json!({"metadata": {"name": "y"}, "involvedObject": involved, "type": "Anything"})
    };
    let path = server.path("events");
    let good = about(server.namespace());
    let timed = json!({"eventTime": "2026-11-22T16:00:00.000000Z"});
    refused(&server, &path, &about("other"), &[json!({})]).await;
    refused(&server, &path, &about(""), &[json!({})]).await;
    refused(&server, &path, &good, &[timed]).await;
    server.create("events", good).await;
    let elsewhere = json!({"involvedObject": {"namespace": "other"}});
    server.merge(&server.of("events", "y"), elsewhere).await.is(422);
    server.merge(&server.of("events", "y"), json!({"message": "other"})).await.is(200);
}

async fn configuration(server: Session) {
    let maps = [
        json!({"data": {"a b": "x"}}),
        json!({"data": {"..": "x"}}),
        json!({"data": {"a".repeat(254): "x"}}),
        json!({"data": {"a": "x"}, "binaryData": {"a": "eA=="}}),
    ];
    refused(&server, &server.path("configmaps"), &named("c"), &maps).await;
    let secrets = [json!({"data": {"a b": "eA=="}}), json!({"type": "kubernetes.io/tls"})];
    refused(&server, &server.path("secrets"), &named("s"), &secrets).await;
    let leases = [
        json!({"leaseDurationSeconds": 0}),
        json!({"leaseDurationSeconds": -1}),
        json!({"leaseTransitions": -1}),
    ]
    .map(|spec| json!({"spec": spec}));
    refused(&server, &server.path("leases"), &lease("l"), &leases).await;
}

async fn ranges(server: Session) {
    let parent = json!({"resource": "services", "namespace": server.namespace(), "name": "s"});
    let networking = "/apis/networking.k8s.io/v1";
    let held = |name: &str, parent: Value| json!({"metadata": {"name": name}, "spec": {"parentRef": parent}});
    let mistakes = [
        held("010.0.0.1", parent.clone()),
        held("x", parent.clone()),
        held("fd00:0::1", parent.clone()),
        held("::ffff:10.0.0.1", parent),
        held("10.0.0.1", json!(null)),
        held("10.0.0.1", json!({})),
        held("10.0.0.1", json!({"resource": "services"})),
    ];
    refused(&server, &format!("{networking}/ipaddresses"), &json!({}), &mistakes).await;
    let mistakes = [
        json!([]),
        json!(["x"]),
        json!(["10.0.0.1/24"]),
        json!(["10.0.0.0/24", "10.1.0.0/24"]),
        json!(["10.0.0.0/24", "fd00::/112", "10.1.0.0/24"]),
    ]
    .map(|cidrs| json!({"spec": {"cidrs": cidrs}}));
    refused(&server, &format!("{networking}/servicecidrs"), &named("n"), &mistakes).await;
}

async fn owners(server: Session) {
    let owner = |name: &str| json!({"apiVersion": "v1", "kind": "x", "name": name, "uid": name, "controller": true});
    let mistakes = [
        json!({"metadata": {"ownerReferences": [{"kind": "x"}]}}),
        json!({"metadata": {"ownerReferences": [owner("a"), owner("b")]}}),
        json!({"metadata": {"annotations": {"a b": "x"}}}),
    ];
    refused(&server, &server.path("pods"), &pod("p"), &mistakes).await;
}
