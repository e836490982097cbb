//! Endpoints by hand, and the slices that mirror them.

use serde_json::{Value, json};
use support::Op;
use support::history::{by_hand, create, labels, pods, spec};

use super::{Scenario, differs, same, scenario};

/// The scenarios.
pub fn all() -> Vec<Scenario> {
    vec![mirror(), mirror_contents(), mirror_repairs(), selector_comes_and_goes()]
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
