//! Pods, ReplicaSets and Deployments in tables.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{NAME, View, age, column, joined, number, numbers, or, wide};
use crate::kinds::Kind;
use crate::object::{elements, text};

/// Pods.
pub const POD: View = View {
    columns: &[
        NAME,
        column("Ready"),
        column("Status"),
        column("Restarts"),
        column("Age"),
        wide("IP"),
        wide("Node"),
        wide("Nominated Node"),
        wide("Readiness Gates"),
    ],
    cells: pod,
};

/// What the row of a Pod says that will not run again.
pub fn completed(kind: &Kind, pod: &Value) -> Option<Value> {
    let (reason, message) = match (kind.kind, text(pod, "/status/phase")) {
        ("Pod", "Succeeded") => ("Succeeded", "The pod has completed successfully."),
        ("Pod", "Failed") => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!({"type": "Completed", "status": "True", "reason": reason, "message": message}))
}

/// Numbers of replicas.
pub const SCALE: View = View {
    columns: &[column("Name"), numbers("Desired"), numbers("Available"), column("Age")],
    cells: |scale, now| {
        vec![
            or(scale, "/metadata/name", ""),
            json!(number(scale, "/spec/replicas")),
            json!(number(scale, "/status/replicas")),
            age::of(scale, now),
        ]
    },
};

/// ReplicaSets.
pub const REPLICA_SET: View = View {
    columns: &[
        NAME,
        numbers("Desired"),
        numbers("Current"),
        numbers("Ready"),
        column("Age"),
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |set, now| {
        let mut cells = vec![
            or(set, "/metadata/name", ""),
            json!(number(set, "/spec/replicas")),
            json!(number(set, "/status/replicas")),
            json!(number(set, "/status/readyReplicas")),
            age::of(set, now),
        ];
        cells.extend(template(set));
        cells
    },
};

/// Deployments.
pub const DEPLOYMENT: View = View {
    columns: &[
        NAME,
        column("Ready"),
        column("Up-to-date"),
        column("Available"),
        column("Age"),
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |deployment, now| {
        let ready = number(deployment, "/status/readyReplicas");
        let mut cells = vec![
            or(deployment, "/metadata/name", ""),
            json!(format!("{ready}/{}", number(deployment, "/spec/replicas"))),
            json!(number(deployment, "/status/updatedReplicas")),
            json!(number(deployment, "/status/availableReplicas")),
            age::of(deployment, now),
        ];
        cells.extend(template(deployment));
        cells
    },
};

fn pod(pod: &Value, now: Timestamp) -> Vec<Value> {
    let containers = elements(pod, "/spec/containers").count();
    let ready = elements(pod, "/status/containerStatuses")
        .filter(|container| container.get("ready") == Some(&json!(true)))
        .count();
    vec![
        or(pod, "/metadata/name", ""),
        json!(format!("{ready}/{containers}")),
        json!(status(pod)),
        json!(restarts(pod, now)),
        age::of(pod, now),
        or(pod, "/status/podIP", "<none>"),
        or(pod, "/spec/nodeName", "<none>"),
        or(pod, "/status/nominatedNodeName", "<none>"),
        json!(gates(pod)),
    ]
}

fn status(pod: &Value) -> String {
    if !text(pod, "/metadata/deletionTimestamp").is_empty() {
        return "Terminating".to_owned();
    }
    let mut status = text(pod, "/status/phase");
    if !text(pod, "/status/reason").is_empty() {
        status = text(pod, "/status/reason");
    }
    for container in elements(pod, "/status/containerStatuses") {
        for state in ["/state/waiting/reason", "/state/terminated/reason"] {
            if !text(container, state).is_empty() {
                status = text(container, state);
            }
        }
    }
    status.to_owned()
}

fn restarts(pod: &Value, now: Timestamp) -> String {
    let containers = || elements(pod, "/status/containerStatuses");
    let count: i64 = containers().map(|container| number(container, "/restartCount")).sum();
    let ends = containers().map(|container| text(container, "/lastState/terminated/finishedAt"));
    match ends.max().unwrap_or("") {
        end if count > 0 && !end.is_empty() => format!("{count} ({} ago)", age::since(end, now)),
        _ => count.to_string(),
    }
}

fn gates(pod: &Value) -> String {
    let gates: Vec<&str> =
        elements(pod, "/spec/readinessGates").map(|gate| text(gate, "/conditionType")).collect();
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let passed = elements(pod, "/status/conditions").filter(|condition| {
        gates.contains(&text(condition, "/type")) && text(condition, "/status") == "True"
    });
    format!("{}/{}", passed.count(), gates.len())
}

/// Containers, images and selector.
fn template(owner: &Value) -> [Value; 3] {
    let containers = || elements(owner, "/spec/template/spec/containers");
    let of = |field: &str| {
        json!(joined(containers().map(|container| text(container, field).to_owned()), "<none>"))
    };
    [of("/name"), of("/image"), json!(selector(owner))]
}

fn selector(owner: &Value) -> String {
    let labels = owner.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    let labels = labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")));
    let expressions = elements(owner, "/spec/selector/matchExpressions").map(|expression| {
        let values = elements(expression, "/values").filter_map(Value::as_str);
        let values: Vec<&str> = values.collect();
        let (key, values) = (text(expression, "/key"), values.join(","));
        match text(expression, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        }
    });
    joined(labels.chain(expressions), "<none>")
}
