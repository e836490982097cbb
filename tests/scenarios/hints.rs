//! Hints by trafficDistribution. Topology mode has servers of its own, since all Nodes count there.

use serde_json::{Value, json};
use support::history::{create, spec};
use support::{Op, node, pod};

use super::{Scenario, same, scenario};

/// The scenarios.
pub fn all() -> Vec<Scenario> {
    vec![traffic_distribution()]
}

fn traffic_distribution() -> Scenario {
    let prefer = |distribution: Value| {
        Op::Patch("Service", "near", spec(json!({"trafficDistribution": distribution})))
    };
    let nodes = [("near-1", "zone-a"), ("near-2", "zone-b"), ("near-3", "")];
    let nodes = nodes.map(|(name, zone)| Op::Node(node(name, zone)));
    let pods = [
        Op::pod(pod("one", "near", "10.1.0.1").on("near-1")),
        Op::pod(pod("two", "near", "10.1.0.2").on("near-2")),
        Op::pod(pod("three", "near", "10.1.0.3").on("near-3")),
        Op::pod(pod("four", "near", "10.1.0.4").on("near-1").not_ready()),
    ];
    let hints = |hints: Value| {
        let endpoint = json!({"addresses": ["10.1.0.9"], "hints": hints});
        Op::EditSlices("near", json!({"endpoints": [endpoint]}))
    };
    scenario(
        "traffic-distribution",
        &["near"],
        vec![
            same(vec![create("near", json!({"trafficDistribution": "PreferClose"}))]),
            same([nodes.to_vec(), pods.to_vec()].concat()),
            same(vec![prefer(json!("PreferSameNode"))]),
            same(vec![Op::Readiness("two", "False"), Op::Readiness("four", "True")]),
            same(vec![prefer(json!("PreferSameZone"))]),
            same(vec![hints(json!({"forZones": [{"name": "zone-x"}]}))]),
            same(vec![Op::Terminate("one")]),
            same(vec![prefer(json!(null))]),
        ],
    )
}
