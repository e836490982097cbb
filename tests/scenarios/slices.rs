//! What slices hold, for Services and Pods of all kinds.

use serde_json::{Value, json};
use support::history::{create, labels, pods, spec};
use support::{Op, node, pod};

use super::{Scenario, same, scenario, some};

/// The scenarios.
pub fn all() -> Vec<Scenario> {
    vec![
        readiness(),
        ports(),
        port_order(),
        dual_stack(),
        headless(),
        publish_not_ready(),
        missing_node(),
        kinds_of_service(),
        service_labels(),
        many_pods(),
        pod_labels(),
        long_name(),
    ]
}

fn readiness() -> Scenario {
    scenario(
        "readiness",
        &["web", "empty"],
        vec![
            same(vec![create("web", json!({})), create("empty", json!({}))]),
            same(pods("web", 3)),
            same(vec![Op::Readiness("web-2", "False")]),
            same(vec![Op::Readiness("web-2", "True"), Op::Readiness("web-1", "Unknown")]),
            same(vec![Op::Terminate("web-3")]),
            same(vec![Op::Readiness("web-3", "False")]),
            same(vec![Op::Status("Pod", "web-3", json!({"phase": "Succeeded"}))]),
            same(vec![
                Op::Delete("Pod", "web-1"),
                Op::Delete("Pod", "web-2"),
                Op::Delete("Pod", "web-3"),
            ]),
            same(vec![Op::pod(pod("back", "web", "10.1.0.9").not_ready())]),
            same(vec![Op::pod(
                pod("waiting", "web", "10.1.0.8").with_ips(&[]).in_phase("Pending"),
            )]),
            same(vec![Op::pod(pod("pending", "web", "10.1.0.7").in_phase("Pending"))]),
            same(vec![Op::pod(pod("failed", "web", "10.1.0.6").in_phase("Failed"))]),
        ],
    )
}

fn ports() -> Scenario {
    let named = json!({"ports": [
        {"name": "web", "port": 80, "targetPort": "http"},
        {"name": "admin", "port": 81, "targetPort": "admin"},
    ]});
    let container =
        |ports: Value| json!({"containers": [{"name": "main", "image": "i", "ports": ports}]});
    let http = |number: i32| json!([{"name": "http", "containerPort": number}]);
    let both =
        json!([{"name": "http", "containerPort": 8080}, {"name": "admin", "containerPort": 9000}]);
    let udp = json!([{"name": "http", "containerPort": 8080, "protocol": "UDP"}]);
    let init = |policy: Value| {
        let mut init = json!({"name": "init", "image": "i", "ports": [{"name": "http", "containerPort": 7000}]});
        support::objects::merge(&mut init, policy);
        json!({"initContainers": [init]})
    };
    scenario(
        "ports",
        &["app"],
        vec![
            same(vec![create("app", named)]),
            same(vec![Op::pod(pod("old", "app", "10.1.0.1").with_spec(container(http(8080))))]),
            same(vec![Op::pod(pod("both", "app", "10.1.0.2").with_spec(container(both)))]),
            same(vec![Op::pod(pod("new", "app", "10.1.0.3").with_spec(container(http(8081))))]),
            same(vec![Op::pod(pod("udp", "app", "10.1.0.4").with_spec(container(udp)))]),
            same(vec![Op::pod(
                pod("sidecar", "app", "10.1.0.5")
                    .with_spec(init(json!({"restartPolicy": "Always"}))),
            )]),
            same(vec![Op::pod(pod("init", "app", "10.1.0.6").with_spec(init(json!({}))))]),
            same(vec![Op::Patch(
                "Service",
                "app",
                spec(json!({"ports": [{"name": "web", "port": 80, "targetPort": 8443}]})),
            )]),
            same(vec![Op::Patch(
                "Service",
                "app",
                spec(
                    json!({"ports": [{"name": "web", "port": 80, "targetPort": 8443, "appProtocol": "https"}]}),
                ),
            )]),
        ],
    )
}

fn port_order() -> Scenario {
    let port = |number: i32| json!({"name": format!("p{number}"), "port": 2000 + number});
    let many: Vec<Value> = (0..8).map(port).collect();
    let mixed = json!([
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
        {"name": "sctp", "port": 3456, "protocol": "SCTP"},
        {"name": "h2c", "port": 81, "appProtocol": "kubernetes.io/h2c"},
        {"name": "plain", "port": 82},
    ]);
    scenario(
        "port-order",
        &["many", "mixed"],
        vec![
            same(vec![
                create("many", json!({"ports": many})),
                create("mixed", json!({"ports": mixed})),
            ]),
            same(vec![
                Op::pod(pod("a", "many", "10.1.0.1")),
                Op::pod(pod("b", "mixed", "10.1.0.2")),
            ]),
        ],
    )
}

fn dual_stack() -> Scenario {
    let dual = json!({"ipFamilyPolicy": "RequireDualStack"});
    let single = json!({"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"]});
    scenario(
        "dual-stack",
        &["both", "six"],
        vec![
            same(vec![
                create("both", dual),
                create(
                    "six",
                    json!({"selector": {"app": "both"}, "ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]}),
                ),
            ]),
            same(vec![Op::pod(pod("four", "both", "10.1.0.1"))]),
            same(vec![Op::pod(pod("two", "both", "").with_ips(&["10.1.0.2", "FD00::00AB"]))]),
            same(vec![Op::pod(pod("sixth", "both", "fd00::1"))]),
            same(vec![Op::Patch("Service", "both", spec(single))]),
            same(vec![Op::Patch(
                "Service",
                "both",
                spec(json!({"ipFamilyPolicy": "PreferDualStack"})),
            )]),
            same(vec![Op::Delete("Pod", "two"), Op::Delete("Pod", "sixth")]),
        ],
    )
}

fn headless() -> Scenario {
    let member = |name: &str, ip: &str| {
        pod(name, "db", ip).with_spec(json!({"hostname": name, "subdomain": "db"}))
    };
    let stray = pod("stray", "db", "10.1.0.3")
        .with_spec(json!({"hostname": "stray", "subdomain": "other"}));
    scenario(
        "headless",
        &["db", "with-ports"],
        vec![
            same(vec![
                create("db", json!({"clusterIP": "None", "ports": null})),
                create("with-ports", json!({"clusterIP": "None", "selector": {"app": "db"}})),
            ]),
            same(vec![
                Op::pod(member("db-0", "10.1.0.1")),
                Op::pod(member("db-1", "10.1.0.2").not_ready()),
            ]),
            same(vec![Op::pod(stray)]),
            same(vec![Op::Delete("Pod", "db-0"), Op::pod(member("db-0", "10.1.0.9"))]),
            same(vec![
                Op::Delete("Pod", "db-0"),
                Op::Delete("Pod", "db-1"),
                Op::Delete("Pod", "stray"),
            ]),
        ],
    )
}

fn publish_not_ready() -> Scenario {
    scenario(
        "publish-not-ready",
        &["peers"],
        vec![
            same(vec![create("peers", json!({"publishNotReadyAddresses": true}))]),
            same(vec![
                Op::pod(pod("a", "peers", "10.1.0.1").not_ready()),
                Op::pod(pod("b", "peers", "10.1.0.2")),
            ]),
            same(vec![Op::pod(pod("lost", "peers", "10.1.0.3").on("never-there"))]),
            same(vec![Op::Terminate("b")]),
            same(vec![Op::Patch(
                "Service",
                "peers",
                spec(json!({"publishNotReadyAddresses": false})),
            )]),
        ],
    )
}

fn missing_node() -> Scenario {
    scenario(
        "missing-node",
        &["web"],
        vec![
            same(vec![create("web", json!({})), Op::pod(pod("here", "web", "10.1.0.1"))]),
            same(vec![Op::pod(pod("early", "web", "10.1.0.2").on("missing-node-1"))]),
            same(vec![Op::Node(node("missing-node-1", "zone-b"))]),
            same(vec![
                Op::pod(pod("no-zone", "web", "10.1.0.3").on("missing-node-2")),
                Op::Node(node("missing-node-2", "")),
            ]),
        ],
    )
}

fn kinds_of_service() -> Scenario {
    let external = json!({"type": "ExternalName", "externalName": "example.com", "clusterIP": null, "clusterIPs": null});
    let cluster_ip = json!({"type": "ClusterIP", "externalName": null});
    scenario(
        "kinds-of-service",
        &["web", "alias", "bare"],
        vec![
            same(vec![
                create("web", json!({})),
                create("alias", json!({"type": "ExternalName", "externalName": "example.com"})),
                create("bare", json!({"selector": null})),
            ]),
            same(pods("web", 2)),
            same(vec![Op::Patch("Service", "web", spec(external))]),
            same(vec![Op::Delete("Pod", "web-1")]),
            same(vec![Op::Patch("Service", "web", spec(cluster_ip))]),
            same(vec![Op::Patch("Service", "web", spec(json!({"selector": null})))]),
            same(vec![Op::Delete("Pod", "web-2")]),
            same(vec![Op::Patch("Service", "web", spec(json!({"selector": {"app": "web"}})))]),
            same(vec![Op::Patch("Service", "bare", spec(json!({"selector": {"app": "web"}})))]),
        ],
    )
}

fn service_labels() -> Scenario {
    let reserved = json!({
        "kubernetes.io/service-name": "bad",
        "endpointslice.kubernetes.io/managed-by": "actor",
        "service.kubernetes.io/headless": "invalid",
    });
    scenario(
        "service-labels",
        &["web"],
        vec![
            same(vec![create("web", json!({}))]),
            same(vec![Op::Patch("Service", "web", labels(json!({"team": "a", "tier": "front"})))]),
            same(pods("web", 2)),
            same(vec![Op::Patch("Service", "web", labels(json!({"team": "b", "tier": null})))]),
            same(vec![Op::Patch("Service", "web", labels(reserved))]),
            same(vec![Op::Patch(
                "Service",
                "web",
                json!({"metadata": {"annotations": {"note": "not copied"}}}),
            )]),
        ],
    )
}

fn many_pods() -> Scenario {
    let gone = (1..=150).map(|number| Op::Delete("Pod", String::leak(format!("web-{number}"))));
    scenario(
        "many-pods",
        &["web"],
        vec![
            same([vec![create("web", json!({}))], pods("web", 230)].concat()),
            same(vec![Op::Patch("Service", "web", labels(json!({"a": "b"})))]),
            same(vec![Op::Patch(
                "Service",
                "web",
                spec(json!({"ports": [{"name": "http", "port": 80, "targetPort": 81}]})),
            )]),
            some(gone.collect()),
        ],
    )
}

fn pod_labels() -> Scenario {
    scenario(
        "pod-labels",
        &["blue", "green"],
        vec![
            same(vec![
                create("blue", json!({})),
                create("green", json!({"selector": {"app": "green", "tier": "x"}})),
            ]),
            same(pods("blue", 2)),
            same(vec![Op::Patch("Pod", "blue-1", labels(json!({"app": "green"})))]),
            same(vec![Op::Patch("Pod", "blue-1", labels(json!({"tier": "x"})))]),
            same(vec![Op::Patch(
                "Service",
                "green",
                spec(json!({"selector": {"app": "blue", "tier": null}})),
            )]),
            same(vec![Op::Delete("Pod", "blue-2"), Op::pod(pod("blue-2", "blue", "10.2.0.3"))]),
        ],
    )
}

fn long_name() -> Scenario {
    let name: &'static str = String::leak("n".repeat(63));
    scenario(
        "long-name",
        &[name],
        vec![same(vec![
            create(name, json!({"selector": {"app": "web"}})),
            Op::pod(pod("a", "web", "10.1.0.1")),
        ])],
    )
}
