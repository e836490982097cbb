//! A Deployment has one ReplicaSet per template. The newest gets all replicas at once; the others
//! go down to none when it is ready.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::{Plan, at, number, reference, says};
use crate::kinds::{DEPLOYMENT, Part, REPLICA_SET};
use crate::object::{set, text};
use crate::request::Verb;
use crate::serve::discovery::hash;

const HASH: &str = "pod-template-hash";

/// Decides about one Deployment.
pub fn plan(deployment: &Value, cluster: &Cluster, now: Timestamp, plan: &mut Plan) {
    let template = deployment.pointer("/spec/template").cloned().unwrap_or_default();
    let hash = format!("{:08x}", hash(template.to_string().as_bytes()) >> 32);
    let name = format!("{}-{hash}", text(deployment, "/metadata/name"));
    let own = cluster.sets_of(deployment);
    let (newest, others): (Vec<&Value>, Vec<&Value>) =
        own.iter().partition(|found| text(found, "/metadata/name") == name);
    let wanted = number(deployment, "/spec/replicas");
    let Some(newest) = newest.first() else {
        let made = replica_set(deployment, &name, &hash, others.len() + 1);
        plan.write(Verb::Create, Part::Main, &REPLICA_SET, deployment, made);
        let message = format!("Scaled up replica set {name} to {wanted}");
        return plan.event((&DEPLOYMENT, deployment), "ScalingReplicaSet", &message, now);
    };
    let scale = |found: &Value, to: i64, plan: &mut Plan| {
        if number(found, "/spec/replicas") != to {
            let patch = json!({"spec": {"replicas": to}});
            plan.write(Verb::Patch, Part::Main, &REPLICA_SET, found, patch);
            let message = format!("Scaled replica set {} to {to}", text(found, "/metadata/name"));
            plan.event((&DEPLOYMENT, deployment), "ScalingReplicaSet", &message, now);
        }
    };
    scale(newest, wanted, plan);
    if number(newest, "/status/readyReplicas") >= wanted {
        others.iter().for_each(|found| scale(found, 0, plan));
    }
    tell(deployment, newest, &others, now, plan);
}

fn replica_set(deployment: &Value, name: &str, hash: &str, revision: usize) -> Value {
    let spec = |field: &str| deployment.pointer(&format!("/spec/{field}")).cloned();
    let mut selector = spec("selector").unwrap_or_default();
    set(&mut selector, "/matchLabels", HASH, json!(hash));
    let mut template = spec("template").unwrap_or_default();
    set(&mut template, "/metadata/labels", HASH, json!(hash));
    json!({
        "metadata": {
            "name": name, "namespace": text(deployment, "/metadata/namespace"),
            "labels": template.pointer("/metadata/labels"),
            "annotations": {"deployment.kubernetes.io/revision": revision.to_string()},
            "ownerReferences": reference(&DEPLOYMENT, deployment),
        },
        "spec": {"replicas": spec("replicas"), "selector": selector, "template": template},
    })
}

fn tell(deployment: &Value, newest: &Value, others: &[&Value], now: Timestamp, plan: &mut Plan) {
    let sum = |pointer: &str| {
        number(newest, pointer) + others.iter().map(|found| number(found, pointer)).sum::<i64>()
    };
    let (wanted, ready) = (number(deployment, "/spec/replicas"), sum("/status/readyReplicas"));
    let status = json!({
        "observedGeneration": number(deployment, "/metadata/generation"),
        "replicas": sum("/status/replicas"), "readyReplicas": ready, "availableReplicas": ready,
        "updatedReplicas": number(newest, "/status/replicas"),
        "unavailableReplicas": (wanted - ready).max(0),
    });
    if says(deployment, &status) {
        return;
    }
    let word = if ready >= wanted { "True" } else { "False" };
    let condition = |of: &str, status: &str, reason: &str| {
        json!({
            "type": of, "status": status, "reason": reason, "lastUpdateTime": at(now),
            "lastTransitionTime": at(now),
        })
    };
    let mut body = json!({"status": status});
    let reason =
        if ready >= wanted { "MinimumReplicasAvailable" } else { "MinimumReplicasUnavailable" };
    let conditions = json!([
        condition("Available", word, reason),
        condition("Progressing", "True", "ReplicaSetUpdated"),
    ]);
    set(&mut body, "/status", "conditions", conditions);
    plan.write(Verb::Patch, Part::Status, &DEPLOYMENT, deployment, body);
}
