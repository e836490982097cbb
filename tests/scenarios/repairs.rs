//! What others do to slices, and what the stock manager notices late or never.

use serde_json::json;
use support::history::{create, labels, pods, spec};
use support::{Op, node, pod};

use super::{Scenario, differs, same, scenario};

/// The scenarios.
pub fn all() -> Vec<Scenario> {
    vec![
        repairs(),
        foreign_slices(),
        ended_pod(),
        zones(),
        lost_node(),
        late_node_zone(),
        bad_address(),
        headless_label(),
        stolen_slice(),
        held_slice(),
        recreated(),
    ]
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
