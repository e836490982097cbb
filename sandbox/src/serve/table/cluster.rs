//! Namespaces and Nodes in tables.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{NAME, View, age, column, joined, or, wide};
use crate::object::{elements, text};

/// Namespaces.
pub const NAMESPACE: View = View {
    columns: &[NAME, column("Status"), column("Age")],
    cells: |namespace, now| {
        vec![
            or(namespace, "/metadata/name", ""),
            or(namespace, "/status/phase", ""),
            age::of(namespace, now),
        ]
    },
};

/// Nodes.
pub const NODE: View = View {
    columns: &[
        NAME,
        column("Status"),
        column("Roles"),
        column("Age"),
        column("Version"),
        wide("Internal-IP"),
        wide("External-IP"),
        wide("OS-Image"),
        wide("Kernel-Version"),
        wide("Container-Runtime"),
    ],
    cells: node,
};

fn node(node: &Value, now: Timestamp) -> Vec<Value> {
    let info = |field: &str| or(node, &format!("/status/nodeInfo/{field}"), "<unknown>");
    vec![
        or(node, "/metadata/name", ""),
        json!(status(node)),
        json!(roles(node)),
        age::of(node, now),
        or(node, "/status/nodeInfo/kubeletVersion", ""),
        address(node, "InternalIP"),
        address(node, "ExternalIP"),
        info("osImage"),
        json!(kernel(node)),
        info("containerRuntimeVersion"),
    ]
}

/// `6.1.0 (amd64)`.
fn kernel(node: &Value) -> String {
    let info = |field: &str| text(node, &format!("/status/nodeInfo/{field}"));
    match (info("kernelVersion"), info("architecture")) {
        ("", _) => "<unknown>".to_owned(),
        (version, "") => version.to_owned(),
        (version, architecture) => format!("{version} ({architecture})"),
    }
}

fn status(node: &Value) -> String {
    let ready =
        elements(node, "/status/conditions").find(|condition| text(condition, "/type") == "Ready");
    let ready = match ready.map(|condition| text(condition, "/status")) {
        None => "Unknown",
        Some("True") => "Ready",
        Some(_) => "NotReady",
    };
    let cordoned = node.pointer("/spec/unschedulable") == Some(&json!(true));
    format!("{ready}{}", if cordoned { ",SchedulingDisabled" } else { "" })
}

fn roles(node: &Value) -> String {
    let labels = node.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
    let roles = labels.filter_map(|(key, value)| match key.as_str() {
        "kubernetes.io/role" => value.as_str().map(str::to_owned),
        key => key.strip_prefix("node-role.kubernetes.io/").map(str::to_owned),
    });
    joined(roles.filter(|role| !role.is_empty()), "<none>")
}

fn address(node: &Value, of: &str) -> Value {
    let found = elements(node, "/status/addresses").find(|address| text(address, "/type") == of);
    found.map_or(json!("<none>"), |address| or(address, "/address", "<none>"))
}
