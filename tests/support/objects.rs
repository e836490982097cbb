//! Objects in a line: what a test says is there, the rest is what any such object would have.

use serde_json::{Value, json};

/// A Service on port 80 that selects `app=NAME`; further fields of its spec on top.
pub fn service(name: &str, spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 9376}]},
    });
    merge(&mut object["spec"], spec);
    object
}

/// A ready Node in a zone, or in none if the zone is empty.
pub fn node(name: &str, zone: &str) -> Value {
    let labels =
        if zone.is_empty() { json!({}) } else { json!({"topology.kubernetes.io/zone": zone}) };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": "4"}},
    })
}

/// A Pod with label `app`, running and ready on node `node-a`.
pub fn pod(name: &str, app: &str, ip: &str) -> PodObject {
    PodObject {
        spec: json!({
            "nodeName": "node-a",
            "containers": [{"name": "main", "image": "hostnames", "ports": [{"name": "web", "containerPort": 9376}]}],
        }),
        metadata: json!({"name": name, "labels": {"app": app}}),
        status: json!({
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"}],
        }),
    }
}

/// A Pod in its three parts; the status is written after the Pod is created.
#[derive(Clone, Debug)]
pub struct PodObject {
    /// `metadata`.
    pub metadata: Value,
    /// `spec`.
    pub spec: Value,
    /// `status`.
    pub status: Value,
}

impl PodObject {
    /// Running, and not ready.
    #[must_use]
    pub fn not_ready(mut self) -> Self {
        self.status["conditions"][0]["status"] = json!("False");
        self
    }

    /// On another Node.
    #[must_use]
    pub fn on(mut self, node: &str) -> Self {
        self.spec["nodeName"] = json!(node);
        self
    }

    /// With these addresses.
    #[must_use]
    pub fn with_ips(mut self, ips: &[&str]) -> Self {
        self.status["podIP"] = json!(ips.first());
        self.status["podIPs"] = ips.iter().map(|ip| json!({"ip": ip})).collect();
        self
    }

    /// With these fields of the spec on top.
    #[must_use]
    pub fn with_spec(mut self, spec: Value) -> Self {
        merge(&mut self.spec, spec);
        self
    }

    /// With this phase.
    #[must_use]
    pub fn in_phase(mut self, phase: &str) -> Self {
        self.status["phase"] = json!(phase);
        self
    }

    /// The whole object.
    pub fn object(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": self.metadata,
            "spec": self.spec,
            "status": self.status,
        })
    }
}

/// Puts the fields of one object over those of another, as a merge patch does.
pub fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                if value.is_null() {
                    into.remove(&key);
                } else {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (into, from) => *into = from,
    }
}
