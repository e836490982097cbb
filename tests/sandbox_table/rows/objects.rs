//! The objects of the rows.

use serde_json::{Value, json};

use crate::session::named;

/// A ConfigMap with one key.
pub fn config_map(name: &str, value: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {"key": value}})
}

/// A ConfigMap with a label.
pub fn labelled(name: &str, value: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"i": value}}})
}

/// A Service with one port.
pub fn service(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})
}

/// A Pod that nobody schedules.
pub fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "image:1"}]}})
}

/// A Pod with a Node.
pub fn bound_pod(name: &str) -> Value {
    let mut pod = pod(name);
    pod["spec"]["nodeName"] = json!("n0");
    pod
}

/// A Deployment of one container.
pub fn deployment(name: &str) -> Value {
    let labels = json!({"app": "web"});
    let container = json!({"name": "a", "image": "image:1", "args": ["x"]});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
    let spec = json!({"selector": {"matchLabels": labels}, "template": template});
    json!({"metadata": {"name": name}, "spec": spec})
}

/// A Lease without an owner.
pub fn lease(name: &str) -> Value {
    let mut lease = named(name);
    lease["spec"] = json!({"leaseDurationSeconds": 15});
    lease
}
