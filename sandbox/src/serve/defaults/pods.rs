//! What is filled in for Pods, wherever their spec stands.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{each, fill};
use crate::object::{elements, set, text};

/// The resources that decide which Pods have to go first when a Node is short of them.
const COUNTED: [&str; 2] = ["cpu", "memory"];

/// A Pod: what every spec has, and what admission adds to a Pod alone.
pub fn pod(pod: &mut Value) {
    spec(pod.pointer_mut("/spec"));
    if let Some(spec) = pod.get_mut("spec") {
        admitted(spec);
    }
    one_address(pod);
    let class = quality_of_service(pod);
    fill(pod, "/status", json!({"phase": "Pending", "qosClass": class}));
    each(pod.pointer_mut("/status/conditions"), |condition| {
        fill(condition, "", json!({"lastProbeTime": null, "lastTransitionTime": null}));
    });
    each(pod.pointer_mut("/status/containerStatuses"), |container| {
        fill(container, "", json!({"lastState": {}}));
        if container.pointer("/state/running").is_some() {
            fill(container, "/state/running", json!({"startedAt": null}));
        }
    });
}

/// A Pod's first address is said twice. Whoever says it once, or in two ways, means `podIP`.
fn one_address(pod: &mut Value) {
    let single = text(pod, "/status/podIP").to_owned();
    let first = pod.pointer("/status/podIPs/0/ip").and_then(Value::as_str).unwrap_or("").to_owned();
    if !single.is_empty() && single != first {
        set(pod, "/status", "podIPs", json!([{"ip": single}]));
    } else if single.is_empty() && !first.is_empty() {
        set(pod, "/status", "podIP", json!(first));
    }
}

/// The spec of a Pod, or of a template of Pods.
pub fn spec(spec: Option<&mut Value>) {
    let Some(spec) = spec else {
        return;
    };
    fill(
        spec,
        "",
        json!({
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst", "securityContext": {},
            "schedulerName": "default-scheduler",
        }),
    );
    let on_the_node = spec.get("hostNetwork") == Some(&json!(true));
    for list in ["initContainers", "containers"] {
        each(spec.get_mut(list), container);
        if on_the_node {
            each(spec.get_mut(list), |container| each(container.get_mut("ports"), of_the_node));
        }
    }
    each(spec.get_mut("volumes"), volume);
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        fill(spec, "", json!({"serviceAccount": account}));
    }
}

/// What templates do not get.
fn admitted(spec: &mut Value) {
    let tolerated = ["not-ready", "unreachable"].map(|why| {
        json!({
            "key": format!("node.kubernetes.io/{why}"), "operator": "Exists",
            "effect": "NoExecute", "tolerationSeconds": 300,
        })
    });
    fill(
        spec,
        "",
        json!({
            "enableServiceLinks": true, "priority": 0, "tolerations": tolerated,
            "preemptionPolicy": "PreemptLowerPriority",
        }),
    );
    each(spec.get_mut("containers"), |container| {
        let limits = container.pointer("/resources/limits").and_then(Value::as_object).cloned();
        for (resource, limit) in limits.into_iter().flatten() {
            fill(container, "/resources/requests", json!({ resource: limit }));
        }
    });
}

fn container(container: &mut Value) {
    let image = text(container, "/image").rsplit('/').next().unwrap_or("").to_owned();
    let tag = image.split_once(':').map_or("latest", |(_, tag)| tag);
    let pull = if tag == "latest" && !image.contains('@') { "Always" } else { "IfNotPresent" };
    fill(
        container,
        "",
        json!({
            "resources": {}, "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File", "imagePullPolicy": pull,
        }),
    );
    each(container.get_mut("ports"), |port| fill(port, "", json!({"protocol": "TCP"})));
    each(container.get_mut("env"), |variable| {
        if variable.pointer("/valueFrom/fieldRef").is_some() {
            fill(variable, "/valueFrom/fieldRef", json!({"apiVersion": "v1"}));
        }
    });
    for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe) {
            self::probe(probe);
        }
    }
}

fn probe(probe: &mut Value) {
    let defaults = json!({
        "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
    });
    fill(probe, "", defaults);
    if probe.get("httpGet").is_some() {
        fill(probe, "/httpGet", json!({"path": "/", "scheme": "HTTP"}));
    }
}

/// A Pod that uses the network of its Node listens there.
fn of_the_node(port: &mut Value) {
    let number = port.get("containerPort").cloned().unwrap_or_default();
    fill(port, "", json!({"hostPort": number}));
}

fn volume(volume: &mut Value) {
    let named = |(field, value): (&String, &Value)| field == "name" || value.is_null();
    if volume.as_object().is_some_and(|fields| fields.iter().all(named)) {
        fill(volume, "", json!({"emptyDir": {}}));
    }
    for (source, with) in [
        ("secret", json!({"defaultMode": 420})),
        ("configMap", json!({"defaultMode": 420})),
        ("downwardAPI", json!({"defaultMode": 420})),
        ("projected", json!({"defaultMode": 420})),
        ("hostPath", json!({"type": ""})),
    ] {
        if volume.get(source).is_some() {
            fill(volume, &format!("/{source}"), with);
        }
    }
}

/// `Guaranteed` if every container gets exactly what it asks for, `BestEffort` if none asks for
/// anything, else `Burstable`.
fn quality_of_service(pod: &Value) -> &'static str {
    let containers = elements(pod, "/spec/initContainers").chain(elements(pod, "/spec/containers"));
    let mut classes = containers.map(|container| {
        let of = |list: &str| counted(container.pointer(&format!("/resources/{list}")));
        let (requests, limits) = (of("requests"), of("limits"));
        if requests.is_empty() && limits.is_empty() {
            "BestEffort"
        } else if limits.len() == COUNTED.len() && requests == limits {
            "Guaranteed"
        } else {
            "Burstable"
        }
    });
    let first = classes.next().unwrap_or("BestEffort");
    if classes.all(|class| class == first) { first } else { "Burstable" }
}

fn counted(resources: Option<&Value>) -> BTreeMap<&'static str, &Value> {
    let found = COUNTED.into_iter().filter_map(|name| Some((name, resources?.get(name)?)));
    found.collect()
}
