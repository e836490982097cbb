//! Families, addresses and ports of Services, as a server with two families gives them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use sandbox::{Addresses, Bootstrap, Sandbox};
use serde_json::{Value, json};
use support::{ask, create, get, refusal, server};

const SERVICES: &str = "/api/v1/namespaces/default/services";

fn dual_stack() -> Sandbox {
    let sandbox = server();
    let second = Some("fd00:96::/112".parse().unwrap());
    let addresses = Addresses { second, ..Addresses::default() };
    sandbox.bootstrap(&Bootstrap { addresses, api_server: ([127, 0, 0, 1], 6443).into() });
    sandbox
}

fn service(name: &str, fields: Value) -> Value {
    let mut spec = json!({"ports": [{"port": 80}], "selector": {"app": "a"}});
    spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({"metadata": {"name": name}, "spec": spec})
}

/// `Policy families addresses` of a Service.
fn shown(service: &Value) -> String {
    let spec = &service["spec"];
    let policy = spec["ipFamilyPolicy"].as_str().unwrap_or("-");
    format!("{policy} {} {}", spec["ipFamilies"], spec["clusterIPs"])
}

#[tokio::test]
async fn families_follow_from_policy_families_and_addresses() {
    let sandbox = dual_stack();
    let headless = json!({"clusterIP": "None", "selector": {}});
    for (number, (fields, expected)) in [
        (json!({}), r#"SingleStack ["IPv4"] ["10.96.0.2"]"#),
        (
            json!({"ipFamilyPolicy": "PreferDualStack"}),
            r#"PreferDualStack ["IPv4","IPv6"] ["10.96.0.3","fd00:96::1"]"#,
        ),
        (json!({"ipFamilies": ["IPv6"]}), r#"SingleStack ["IPv6"] ["fd00:96::2"]"#),
        (
            json!({"ipFamilyPolicy": "RequireDualStack", "clusterIP": "fd00:96::9"}),
            r#"RequireDualStack ["IPv6","IPv4"] ["fd00:96::9","10.96.0.4"]"#,
        ),
        (headless, r#"RequireDualStack ["IPv4","IPv6"] ["None"]"#),
        (json!({"clusterIP": "None"}), r#"SingleStack ["IPv4"] ["None"]"#),
        (json!({"type": "ExternalName", "externalName": "a.b"}), "- null null"),
    ]
    .into_iter()
    .enumerate()
    {
        let made = create(&sandbox, SERVICES, service(&format!("s{number}"), fields)).await;
        assert_eq!(shown(&made), expected);
    }
}

#[tokio::test]
async fn a_second_family_comes_and_goes_with_the_policy() {
    let sandbox = dual_stack();
    create(&sandbox, SERVICES, service("s", json!({}))).await;
    let path = format!("{SERVICES}/s");
    for (policy, expected) in [
        ("RequireDualStack", r#"RequireDualStack ["IPv4","IPv6"] ["10.96.0.2","fd00:96::1"]"#),
        ("SingleStack", r#"SingleStack ["IPv4"] ["10.96.0.2"]"#),
    ] {
        let patch = json!({"spec": {"ipFamilyPolicy": policy}});
        let (code, changed) = ask(&sandbox, "PATCH", &path, patch).await;
        assert_eq!((code, shown(&changed).as_str()), (200, expected));
    }
    let held = "/apis/networking.k8s.io/v1/ipaddresses/fd00:96::1";
    assert_eq!(get(&sandbox, held).await.0, 404, "it is free again");
}

#[tokio::test]
async fn a_service_that_cannot_be_is_refused_with_all_that_is_wrong() {
    let sandbox = dual_stack();
    for (fields, expected) in [
        (json!({"ports": []}), "spec.ports: Required value"),
        (
            json!({"ports": [{"port": 0}]}),
            "[spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive]",
        ),
        (
            json!({"ports": [{"port": 80, "name": "a"}, {"port": 81}]}),
            "spec.ports[1].name: Required value",
        ),
        (
            json!({"type": "Foo"}),
            r#"spec.type: Unsupported value: "Foo": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort""#,
        ),
        (
            json!({"clusterIPs": ["10.96.0.9"]}),
            r#"spec.clusterIPs: Invalid value: ["10.96.0.9"]: must be empty when `clusterIP` is not specified"#,
        ),
        (
            json!({"ipFamilies": ["IPv4", "IPv6"]}),
            r#"spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified"#,
        ),
        (
            json!({"clusterIP": "None", "type": "NodePort"}),
            r#"spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services"#,
        ),
        (
            json!({"type": "ExternalName", "ipFamilies": ["IPv4"]}),
            "[spec.ipFamilies: Forbidden: may not be set for ExternalName services, spec.externalName: Required value]",
        ),
    ] {
        let refused = refusal(&sandbox, "POST", SERVICES, service("s", fields)).await;
        assert_eq!(refused, format!(r#"422 Service "s" is invalid: {expected}"#));
    }
}

#[tokio::test]
async fn a_type_brings_its_node_ports_and_takes_them_along() {
    let sandbox = dual_stack();
    let asked = json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30000}]});
    create(&sandbox, SERVICES, service("a", asked.clone())).await;
    let refused = refusal(&sandbox, "POST", SERVICES, service("b", asked)).await;
    assert_eq!(
        refused,
        r#"422 Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30000: provided port is already allocated"#
    );
    create(&sandbox, SERVICES, service("c", json!({}))).await;
    let path = format!("{SERVICES}/c");
    let turned = async |kind: &str| {
        let patch = json!({"spec": {"type": kind}});
        let (code, changed) = ask(&sandbox, "PATCH", &path, patch).await;
        assert_eq!(code, 200, "{changed:#}");
        changed["spec"].clone()
    };
    assert_eq!(turned("NodePort").await["ports"][0]["nodePort"], 30001);
    assert_eq!(turned("LoadBalancer").await["ports"][0]["nodePort"], 30001);
    let plain = turned("ClusterIP").await;
    assert_eq!(
        (&plain["ports"][0]["nodePort"], &plain["externalTrafficPolicy"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn an_address_stays_unless_the_service_becomes_a_name() {
    let sandbox = dual_stack();
    create(&sandbox, SERVICES, service("s", json!({}))).await;
    let path = format!("{SERVICES}/s");
    let other = json!({"spec": {"clusterIP": "10.96.0.9"}});
    assert_eq!(
        refusal(&sandbox, "PATCH", &path, other).await,
        r#"422 Service "s" is invalid: spec.clusterIPs[0]: Invalid value: ["10.96.0.9"]: may not change once set"#
    );
    let named = json!({"spec": {"type": "ExternalName", "externalName": "a.b"}});
    let (_, named) = ask(&sandbox, "PATCH", &path, named).await;
    assert_eq!(shown(&named), "- null null");
    let back = json!({"spec": {"type": "ClusterIP", "externalName": null}});
    let (_, back) = ask(&sandbox, "PATCH", &path, back).await;
    assert_eq!(shown(&back), r#"SingleStack ["IPv4"] ["10.96.0.2"]"#);
}
