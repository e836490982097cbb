//! The scenarios of the differential test, each in a namespace of its own.

use serde_json::{Value, json};
use support::history::{labels, pods};
use support::{Op, node, pod, service};

/// A history and the Services that are compared.
pub struct Scenario {
    /// Also the namespace.
    pub name: &'static str,
    /// The Services compared after each step.
    pub services: Vec<&'static str>,
    /// What happens.
    pub steps: Vec<Step>,
}

/// What is done, and how the two must stand afterwards.
pub struct Step {
    /// Done one after another.
    pub ops: Vec<Op>,
    /// What must hold then.
    pub then: Then,
}

/// How the two managers stand to each other.
pub enum Then {
    /// They have published the same, in as many slices.
    Same,
    /// They have published the same. How many slices it takes depends on which endpoints stood
    /// together before, which is random in the stock manager.
    SameInSomeSlices,
    /// They differ, as the deviation of this name says.
    Differs(&'static str),
}

/// Where Roster is meant to differ from 1.36.3, and why.
pub const DEVIATIONS: [(&str, &str); 11] = [
    (
        "ended-pod",
        "a Pod that ends while its Ready condition stays leaves at once, not at the next event",
    ),
    (
        "late-zone",
        "a zone label set on a Node later reaches its endpoints (kubernetes/kubernetes#117245)",
    ),
    ("lost-node", "the endpoints of a deleted Node go at once, not at the next event"),
    ("late-node-zone", "a Node that arrives late gives its zone to endpoints published before"),
    (
        "bad-address",
        "a Pod with an address that no slice may hold is left out instead of blocking its neighbours",
    ),
    ("headless-label", "a stale headless label is repaired, or kube-proxy would ignore the slice"),
    (
        "stolen-slice",
        "a slice relabelled away is replaced; the stock manager waits for it for ever",
    ),
    ("held-slice", "a slice that a finalizer holds blocks nobody (kubernetes/kubernetes#109624)"),
    (
        "stolen-mirror",
        "a mirrored slice relabelled away is replaced; the stock manager waits for it for ever",
    ),
    (
        "edited-endpoints",
        "Endpoints that somebody edits are put right at once, not at the next event",
    ),
    ("old-placeholder", "a new Service does not rely on the placeholder of its deleted namesake"),
];

/// All scenarios.
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
        repairs(),
        foreign_slices(),
        long_name(),
        ended_pod(),
        zones(),
        lost_node(),
        late_node_zone(),
        bad_address(),
        headless_label(),
        stolen_slice(),
        held_slice(),
        recreated(),
        mirror(),
        mirror_contents(),
        mirror_repairs(),
        selector_comes_and_goes(),
        endpoints_object(),
        over_capacity(),
    ]
}

fn scenario(name: &'static str, services: &[&'static str], steps: Vec<Step>) -> Scenario {
    Scenario { name, services: services.to_vec(), steps }
}

fn same(ops: Vec<Op>) -> Step {
    Step { ops, then: Then::Same }
}

fn some(ops: Vec<Op>) -> Step {
    Step { ops, then: Then::SameInSomeSlices }
}

fn differs(deviation: &'static str, ops: Vec<Op>) -> Step {
    Step { ops, then: Then::Differs(deviation) }
}

fn create(name: &str, spec: Value) -> Op {
    Op::Create(service(name, spec))
}

fn spec(patch: Value) -> Value {
    json!({ "spec": patch })
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

fn repairs() -> Scenario {
    scenario(
        "repairs",
        &["web"],
        vec![
            same([vec![create("web", json!({}))], pods("web", 2)].concat()),
            same(vec![Op::EditSlices("web", json!({"endpoints": [{"addresses": ["10.9.9.9"]}]}))]),
            same(vec![Op::EditSlices("web", json!({"ports": []}))]),
            same(vec![Op::EditSlices("web", labels(json!({"extra": "label"})))]),
            same(vec![Op::DeleteSlices("web")]),
        ],
    )
}

fn foreign_slices() -> Scenario {
    let foreign = |name: &str, manager: Option<&str>| {
        let mut labels = json!({"kubernetes.io/service-name": "web"});
        if let Some(manager) = manager {
            labels["endpointslice.kubernetes.io/managed-by"] = json!(manager);
        }
        Op::Create(json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": labels},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 1234}],
            "endpoints": [{"addresses": ["10.8.8.8"]}],
        }))
    };
    scenario(
        "foreign-slices",
        &["web"],
        vec![
            same(vec![foreign("by-somebody", Some("somebody")), foreign("by-nobody", None)]),
            same([vec![create("web", json!({}))], pods("web", 1)].concat()),
            same(vec![foreign("in-our-name", Some("endpointslice-controller.k8s.io"))]),
            same(vec![Op::Delete("Pod", "web-1")]),
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

fn ended_pod() -> Scenario {
    scenario(
        "ended-pod",
        &["web"],
        vec![
            same([vec![create("web", json!({}))], pods("web", 2)].concat()),
            differs("ended-pod", vec![Op::Status("Pod", "web-1", json!({"phase": "Failed"}))]),
            same(vec![Op::Patch("Service", "web", labels(json!({"any": "trigger"})))]),
        ],
    )
}

fn zones() -> Scenario {
    let zone = |zone: &str| labels(json!({"topology.kubernetes.io/zone": zone}));
    scenario(
        "zones",
        &["web"],
        vec![
            same(vec![
                Op::Node(node("zones-1", "")),
                create("web", json!({})),
                Op::pod(pod("a", "web", "10.1.0.1").on("zones-1")),
            ]),
            differs("late-zone", vec![Op::Patch("Node", "zones-1", zone("zone-z"))]),
            same(vec![Op::Patch("Service", "web", labels(json!({"any": "trigger"})))]),
        ],
    )
}

fn lost_node() -> Scenario {
    scenario(
        "lost-node",
        &["web"],
        vec![
            same(vec![
                Op::Node(node("lost-1", "zone-l")),
                create("web", json!({})),
                Op::pod(pod("a", "web", "10.1.0.1").on("lost-1")),
                Op::pod(pod("b", "web", "10.1.0.2")),
            ]),
            differs("lost-node", vec![Op::Delete("Node", "lost-1")]),
            same(vec![Op::Patch("Service", "web", labels(json!({"any": "trigger"})))]),
        ],
    )
}

fn late_node_zone() -> Scenario {
    scenario(
        "late-node-zone",
        &["peers"],
        vec![
            same(vec![
                create("peers", json!({"publishNotReadyAddresses": true})),
                Op::pod(pod("a", "peers", "10.1.0.1").on("late-1")),
            ]),
            differs("late-node-zone", vec![Op::Node(node("late-1", "zone-l"))]),
            same(vec![Op::Patch("Service", "peers", labels(json!({"any": "trigger"})))]),
        ],
    )
}

fn bad_address() -> Scenario {
    scenario(
        "bad-address",
        &["web"],
        vec![
            same([vec![create("web", json!({}))], pods("web", 1)].concat()),
            differs(
                "bad-address",
                vec![
                    Op::pod(pod("bad", "web", "127.0.0.1")),
                    Op::pod(pod("good", "web", "10.1.0.2")),
                ],
            ),
            same(vec![Op::Delete("Pod", "bad")]),
        ],
    )
}

fn headless_label() -> Scenario {
    let external = json!({"type": "ExternalName", "externalName": "example.com", "clusterIP": null, "clusterIPs": null});
    let cluster_ip = json!({"type": "ClusterIP", "externalName": null});
    scenario(
        "headless-label",
        &["web"],
        vec![
            same([vec![create("web", json!({"clusterIP": "None"}))], pods("web", 1)].concat()),
            same(vec![Op::Patch("Service", "web", spec(external))]),
            differs("headless-label", vec![Op::Patch("Service", "web", spec(cluster_ip))]),
            same(vec![Op::Readiness("web-1", "False")]),
        ],
    )
}

fn stolen_slice() -> Scenario {
    let stolen = labels(json!({"endpointslice.kubernetes.io/managed-by": "thief"}));
    scenario(
        "stolen-slice",
        &["web"],
        vec![
            same([vec![create("web", json!({}))], pods("web", 1)].concat()),
            differs("stolen-slice", vec![Op::EditSlices("web", stolen)]),
        ],
    )
}

fn held_slice() -> Scenario {
    let held = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    scenario(
        "held-slice",
        &["web"],
        vec![
            same([vec![create("web", json!({}))], pods("web", 1)].concat()),
            differs("held-slice", vec![Op::EditSlices("web", held), Op::DeleteSlices("web")]),
        ],
    )
}

fn recreated() -> Scenario {
    scenario(
        "recreated",
        &["web", "empty"],
        vec![
            same(
                [vec![create("web", json!({})), create("empty", json!({}))], pods("web", 1)]
                    .concat(),
            ),
            same(vec![Op::Delete("Service", "web"), create("web", json!({}))]),
            differs(
                "old-placeholder",
                vec![
                    Op::Delete("Service", "empty"),
                    create("empty", json!({})),
                    Op::DeleteSlices("nothing"),
                ],
            ),
        ],
    )
}

/// Endpoints by hand, for a Service without a selector.
fn by_hand(name: &str, subsets: Value) -> Op {
    Op::Create(json!({
        "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name}, "subsets": subsets,
    }))
}

fn edit_by_hand(name: &'static str, patch: Value) -> Op {
    Op::Patch("Endpoints", name, patch)
}

fn mirror() -> Scenario {
    let addresses = |ready: &[&str], not_ready: &[&str], number: i32| {
        let list = |ips: &[&str]| ips.iter().map(|ip| json!({"ip": ip})).collect::<Vec<Value>>();
        json!([{
            "addresses": list(ready),
            "notReadyAddresses": list(not_ready),
            "ports": [{"name": "http", "port": number}],
        }])
    };
    let skip = |value: Value| labels(json!({"endpointslice.kubernetes.io/skip-mirror": value}));
    scenario(
        "mirror",
        &["bare", "alone", "alias"],
        vec![
            same(vec![by_hand("alone", addresses(&["10.5.0.1"], &[], 80))]),
            same(vec![
                create("bare", json!({"selector": null})),
                by_hand("bare", addresses(&["10.5.0.1", "10.5.0.2"], &["10.5.0.3"], 80)),
            ]),
            same(vec![edit_by_hand("bare", json!({"subsets": addresses(&["10.5.0.2"], &[], 80)}))]),
            same(vec![edit_by_hand("bare", json!({"subsets": addresses(&["10.5.0.2"], &[], 81)}))]),
            same(vec![edit_by_hand("bare", json!({"subsets": null}))]),
            same(vec![edit_by_hand(
                "bare",
                json!({"subsets": addresses(&["10.5.0.2", "fd00::5:1"], &[], 80)}),
            )]),
            same(vec![edit_by_hand("bare", skip(json!("true")))]),
            same(vec![edit_by_hand("bare", skip(json!("True")))]),
            same(vec![edit_by_hand("bare", skip(json!(null)))]),
            same(vec![create("alone", json!({"selector": null}))]),
            same(vec![Op::Delete("Endpoints", "bare")]),
            same(vec![
                create(
                    "alias",
                    json!({"type": "ExternalName", "externalName": "example.com", "selector": null}),
                ),
                by_hand("alias", addresses(&["10.5.0.9"], &[], 80)),
            ]),
        ],
    )
}

fn mirror_contents() -> Scenario {
    let target = json!({"kind": "Pod", "namespace": "elsewhere", "name": "p", "uid": "u", "apiVersion": "v1", "resourceVersion": "7", "fieldPath": "spec.x"});
    let rich = json!([
        {
            "addresses": [
                {"ip": "10.5.0.1", "hostname": "h", "nodeName": "n", "targetRef": target},
                {"ip": "FD00:0::A"},
            ],
            "ports": [
                {"name": "http", "port": 80, "appProtocol": "http"},
                {"name": "dns", "port": 53, "protocol": "UDP"},
            ],
        },
        {"addresses": [{"ip": "10.5.0.4"}], "ports": [{"port": 90}]},
        {"addresses": [{"ip": "10.5.0.5"}]},
    ]);
    let split = json!([
        {"addresses": [{"ip": "10.5.0.1"}], "ports": [{"name": "a", "port": 80}]},
        {"addresses": [{"ip": "10.5.0.1"}], "notReadyAddresses": [{"ip": "10.5.0.2"}], "ports": [{"name": "b", "port": 90}]},
        {"addresses": [{"ip": "10.5.0.3"}], "notReadyAddresses": [{"ip": "10.5.0.3"}], "ports": [{"name": "c", "port": 91}]},
    ]);
    let annotations = json!({"metadata": {"annotations": {
        "note": "x", "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }}});
    scenario(
        "mirror-contents",
        &["rich", "split"],
        vec![
            same(vec![
                create("rich", json!({"selector": null})),
                by_hand("rich", rich),
                create("split", json!({"selector": null})),
                by_hand("split", split),
            ]),
            same(vec![edit_by_hand(
                "rich",
                labels(json!({"team": "x", "kubernetes.io/service-name": "zz"})),
            )]),
            same(vec![edit_by_hand("rich", annotations)]),
            same(vec![edit_by_hand("rich", labels(json!({"team": null})))]),
        ],
    )
}

fn mirror_repairs() -> Scenario {
    let subsets =
        json!([{"addresses": [{"ip": "10.5.0.1"}], "ports": [{"name": "http", "port": 80}]}]);
    scenario(
        "mirror-repairs",
        &["bare"],
        vec![
            same(vec![create("bare", json!({"selector": null})), by_hand("bare", subsets)]),
            same(vec![Op::EditSlices("bare", json!({"endpoints": [{"addresses": ["10.9.9.9"]}]}))]),
            same(vec![Op::EditSlices("bare", json!({"ports": []}))]),
            same(vec![Op::EditSlices("bare", labels(json!({"extra": "label"})))]),
            same(vec![Op::DeleteSlices("bare")]),
            differs(
                "stolen-mirror",
                vec![Op::EditSlices(
                    "bare",
                    labels(json!({"endpointslice.kubernetes.io/managed-by": "somebody"})),
                )],
            ),
        ],
    )
}

fn selector_comes_and_goes() -> Scenario {
    let subsets =
        json!([{"addresses": [{"ip": "10.5.0.1"}], "ports": [{"name": "http", "port": 80}]}]);
    let selector =
        |selector: Value| Op::Patch("Service", "web", spec(json!({"selector": selector})));
    scenario(
        "selector-comes-and-goes",
        &["web"],
        vec![
            same(
                [
                    vec![create("web", json!({"selector": null})), by_hand("web", subsets)],
                    pods("web", 2),
                ]
                .concat(),
            ),
            same(vec![selector(json!({"app": "web"}))]),
            same(vec![selector(json!(null))]),
            same(vec![Op::Delete("Pod", "web-1")]),
            same(vec![selector(json!({"app": "web"}))]),
            same(vec![Op::Delete("Service", "web")]),
        ],
    )
}

fn endpoints_object() -> Scenario {
    let note = json!({"metadata": {"annotations": {"note": "x"}}});
    scenario(
        "endpoints-object",
        &["web", "v6-first"],
        vec![
            same(
                [
                    vec![
                        create("web", json!({})),
                        create(
                            "v6-first",
                            json!({
                                "selector": {"app": "web"},
                                "ipFamilyPolicy": "RequireDualStack",
                                "ipFamilies": ["IPv6", "IPv4"],
                            }),
                        ),
                        Op::pod(pod("both", "web", "10.1.0.1").with_ips(&["10.1.0.1", "fd00::7"])),
                    ],
                    pods("web", 2),
                ]
                .concat(),
            ),
            same(vec![Op::DeleteEndpoints("web")]),
            same(vec![Op::EditEndpoints("web", note), Op::Readiness("web-1", "False")]),
            same(vec![
                Op::EditEndpoints("web", labels(json!({"theirs": "x"}))),
                Op::Readiness("web-1", "True"),
            ]),
            differs("edited-endpoints", vec![Op::EditEndpoints("web", json!({"subsets": null}))]),
            same(vec![Op::Readiness("web-2", "False")]),
            same(vec![Op::Delete("Service", "web"), Op::Delete("Service", "v6-first")]),
        ],
    )
}

fn over_capacity() -> Scenario {
    scenario(
        "over-capacity",
        &["many"],
        vec![
            some([vec![create("many", json!({}))], pods("many", 1003)].concat()),
            some(vec![Op::Readiness("many-7", "False"), Op::Readiness("many-9", "False")]),
            some(
                (1..=10).map(|number| Op::Delete("Pod", format!("many-{number}").leak())).collect(),
            ),
        ],
    )
}
