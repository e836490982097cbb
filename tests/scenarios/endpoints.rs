//! The Endpoints object of a Service.

use serde_json::json;
use support::history::{create, labels, pods};
use support::{Op, pod};

use super::{Scenario, differs, same, scenario, some};

/// The scenarios.
pub fn all() -> Vec<Scenario> {
    vec![endpoints_object(), over_capacity()]
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
