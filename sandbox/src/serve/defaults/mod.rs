//! What the server fills in where an object says nothing.

mod pods;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::custom;
use super::service::is_reachable;
use crate::kinds::Kind;
use crate::object::{at, elements, set, take, text};

/// Fills in an object that is about to be stored.
pub fn apply(kind: &Kind, object: &mut Value) {
    if let Some(custom) = kind.custom {
        return custom::defaults(custom, object);
    }
    match kind.kind {
        "CustomResourceDefinition" => custom::definition::defaults(object),
        "Namespace" => namespace(object),
        "Node" => node(object),
        "Pod" => pods::pod(object),
        "Service" => service(object),
        "Endpoints" => each(object.pointer_mut("/subsets"), |subset| {
            each(subset.get_mut("ports"), |port| fill(port, "", json!({"protocol": "TCP"})));
        }),
        "EndpointSlice" => endpoint_slice(object),
        "Deployment" => deployment(object),
        "ReplicaSet" => {
            fill(object, "/spec", json!({"replicas": 1}));
            pods::spec(object.pointer_mut("/spec/template/spec"));
            fill(object, "/status", json!({"replicas": 0}));
        }
        "Lease" => fill(object, "", json!({"spec": {}})),
        "Event" => {
            let nothing = Value::Null;
            fill(
                object,
                "",
                json!({"involvedObject": {}, "source": {}, "firstTimestamp": nothing,
                "lastTimestamp": nothing, "eventTime": nothing, "reportingComponent": "",
                "reportingInstance": ""}),
            );
        }
        "Secret" => secret(object),
        _ => {}
    }
}

/// Fills in what only a new object gets.
pub fn admit(kind: &Kind, object: &mut Value) {
    if kind.kind == "Node" {
        let taint = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"});
        let taints = elements(object, "/spec/taints").cloned();
        let others = taints.filter(|found| text(found, "/key") != "node.kubernetes.io/not-ready");
        let taints: Vec<Value> = others.chain([taint]).collect();
        set(object, "/spec", "taints", json!(taints));
    }
}

/// Texts that were written plainly are stored with the others.
fn secret(object: &mut Value) {
    fill(object, "", json!({"type": "Opaque"}));
    let plain = take(object, "", "stringData");
    for (key, value) in plain.iter().filter_map(Value::as_object).flatten() {
        let encoded = BASE64_STANDARD.encode(value.as_str().unwrap_or_default());
        set(object, "/data", key, json!(encoded));
    }
}

fn namespace(object: &mut Value) {
    let name = text(object, "/metadata/name").to_owned();
    fill(object, "/metadata/labels", json!({"kubernetes.io/metadata.name": name}));
    fill(object, "/spec", json!({"finalizers": ["kubernetes"]}));
    fill(object, "/status", json!({"phase": "Active"}));
}

/// Fields that are there on every Node, if with nothing in them.
fn node(object: &mut Value) {
    let about = [
        "machineID",
        "systemUUID",
        "bootID",
        "kernelVersion",
        "osImage",
        "containerRuntimeVersion",
        "kubeletVersion",
        "kubeProxyVersion",
        "operatingSystem",
        "architecture",
    ];
    let about: Map<String, Value> =
        about.into_iter().map(|field| (field.to_owned(), json!(""))).collect();
    fill(object, "", json!({"spec": {}}));
    fill(object, "/status/daemonEndpoints/kubeletEndpoint", json!({"Port": 0}));
    fill(object, "/status/nodeInfo", Value::Object(about));
    each(object.pointer_mut("/status/conditions"), |condition| {
        fill(condition, "", json!({"lastHeartbeatTime": null, "lastTransitionTime": null}));
    });
}

/// Lists that are there on every slice; empty, they are null.
fn endpoint_slice(object: &mut Value) {
    each(object.pointer_mut("/ports"), |port| {
        // An empty protocol is said, and wrong.
        if port.get("protocol").is_none_or(Value::is_null) {
            set(port, "", "protocol", json!("TCP"));
        }
        fill(port, "", json!({"name": ""}));
    });
    each(object.pointer_mut("/endpoints"), |endpoint| {
        fill(endpoint, "", json!({"conditions": {}}));
    });
    for list in ["endpoints", "ports"] {
        if elements(object, &format!("/{list}")).next().is_none() {
            set(object, "", list, Value::Null);
        }
    }
}

fn service(object: &mut Value) {
    fill(object, "/spec", json!({"type": "ClusterIP", "sessionAffinity": "None"}));
    each(object.pointer_mut("/spec/ports"), |port| {
        let target = port.get("port").cloned().unwrap_or_default();
        if port.get("targetPort") == Some(&json!(0)) {
            set(port, "", "targetPort", target.clone());
        }
        fill(port, "", json!({"protocol": "TCP", "targetPort": target}));
    });
    if text(object, "/spec/sessionAffinity") == "ClientIP" {
        let affinity = json!({"clientIP": {"timeoutSeconds": 10800}});
        fill(object, "/spec", json!({"sessionAffinityConfig": affinity}));
    }
    fill(object, "/status", json!({"loadBalancer": {}}));
    if text(object, "/spec/type") != "ExternalName" {
        fill(object, "/spec", json!({"internalTrafficPolicy": "Cluster"}));
    }
    if is_reachable(object) {
        fill(object, "/spec", json!({"externalTrafficPolicy": "Cluster"}));
    }
    if text(object, "/spec/type") == "LoadBalancer" {
        fill(object, "/spec", json!({"allocateLoadBalancerNodePorts": true}));
    }
}

fn deployment(object: &mut Value) {
    let strategy = json!({"type": "RollingUpdate"});
    fill(
        object,
        "/spec",
        json!({
            "replicas": 1, "strategy": strategy, "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        }),
    );
    fill(object, "/spec/strategy", strategy);
    if text(object, "/spec/strategy/type") == "RollingUpdate" {
        let quarter = json!({"maxUnavailable": "25%", "maxSurge": "25%"});
        fill(object, "/spec/strategy", json!({"rollingUpdate": quarter}));
    }
    pods::spec(object.pointer_mut("/spec/template/spec"));
    fill(object, "", json!({"status": {}}));
}

fn each(list: Option<&mut Value>, change: impl FnMut(&mut Value)) {
    list.and_then(Value::as_array_mut).into_iter().flatten().for_each(change);
}

/// Sets the fields of a map that are absent, null or empty text; the map is made if it is missing.
fn fill(object: &mut Value, pointer: &str, with: Value) {
    let Value::Object(with) = with else {
        return;
    };
    for (field, value) in with {
        let missing = match at(object, pointer).and_then(|map| map.get(&field)) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty() && value != json!(""),
            Some(_) => false,
        };
        if missing {
            set(object, pointer, &field, value);
        }
    }
}
