//! Objects as a busy cluster has them.

use serde_json::{Value, json};

/// The path of Pods.
pub const PODS: &str = "/api/v1/namespaces/default/pods";

/// The name of a Pod.
pub fn pod_name(number: usize) -> String {
    format!("web-5d78c9869d-{number:05}")
}

/// A Pod as a ReplicaSet makes it.
pub fn pod(number: usize) -> Value {
    let owner = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d78c9869d",
        "uid": "2d0f4f6e-7c5e-4c57-9a0e-0c6c1a0b7f11", "controller": true,
    });
    let probe = json!({"httpGet": {"path": "/ready", "port": "http"}, "initialDelaySeconds": 5});
    let container = json!({
        "name": "web", "image": "registry.example.com/web:1.2.3",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "LEVEL", "value": "info"},
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "readinessProbe": probe,
    });
    json!({
        "metadata": {
            "name": pod_name(number),
            "labels": {"app": "web", "tier": "front", "pod-template-hash": "5d78c9869d"},
            "annotations": {"example.com/build": "20260102-1"},
            "ownerReferences": [owner],
        },
        "spec": {"containers": [container], "nodeName": format!("node-{}", number % 500)},
    })
}

/// The status of a Pod that is ready.
pub fn status(number: usize) -> Value {
    let address = format!("10.{}.{}.{}", 64 + number / 62_500, number / 250 % 250, number % 250);
    let now = "2026-01-02T03:04:05Z";
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"]
        .map(|of| json!({"type": of, "status": "True", "lastTransitionTime": now}));
    let container = json!({
        "name": "web", "image": "registry.example.com/web:1.2.3", "imageID": "", "ready": true,
        "started": true, "restartCount": 0, "state": {"running": {"startedAt": now}},
    });
    json!({"status": {
        "phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "startTime": now,
        "conditions": conditions, "containerStatuses": [container],
    }})
}

/// A Service with two ports.
pub fn service(number: usize) -> Value {
    json!({
        "metadata": {"name": format!("web-{number:05}"), "labels": {"app": "web"}},
        "spec": {
            "selector": {"app": "web", "shard": number.to_string()},
            "ports": [
                {"name": "http", "port": 80, "targetPort": "http"},
                {"name": "metrics", "port": 9090},
            ],
        },
    })
}
