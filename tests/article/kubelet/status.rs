//! What kubelet says of a Pod.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::network;

/// What the probe of a Pod found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It answered that it can serve.
    Ready,
    /// It did not answer, or that it cannot.
    NotReady,
}

/// A merge patch of the status of a Pod whose readiness has just changed.
pub fn running(addresses: [IpAddr; 2], readiness: Readiness) -> Value {
    // Kubernetes keeps whole seconds.
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let word = match readiness {
        Readiness::Ready => "True",
        Readiness::NotReady => "False",
    };
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "lastTransitionTime": now});
    json!({"status": {
        "phase": "Running",
        "hostIP": network::NODE[0],
        "hostIPs": network::NODE.map(|ip| json!({"ip": ip})),
        "podIP": addresses[0],
        "podIPs": addresses.map(|ip| json!({"ip": ip})),
        "conditions": [
            condition("PodScheduled", "True"),
            condition("Initialized", "True"),
            condition("ContainersReady", word),
            condition("Ready", word),
        ],
        "containerStatuses": [{
            "name": "hostnames", "image": "hostnames", "imageID": "", "restartCount": 0,
            "ready": readiness == Readiness::Ready, "started": true, "state": {"running": {"startedAt": now}},
        }],
    }})
}
