//! A ReplicaSet keeps as many Pods as it says.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::{Plan, number, reference, says};
use crate::kinds::{POD, Part, REPLICA_SET};
use crate::object::text;
use crate::request::Verb;

/// How many Pods are made at a time.
const AT_ONCE: usize = 500;

/// Decides about one ReplicaSet.
pub fn plan(set: &Value, cluster: &Cluster, now: Timestamp, plan: &mut Plan) {
    let mut own = cluster.pods_of(set);
    own.retain(|(_, pod)| pod.stays);
    let wanted = usize::try_from(number(set, "/spec/replicas")).unwrap_or(0);
    for _ in own.len()..wanted.min(own.len() + AT_ONCE) {
        plan.write(Verb::Create, Part::Main, &POD, set, pod(set));
    }
    // Those that serve least go first; of equals, the newest.
    own.sort_by_key(|(_, pod)| (pod.ready, std::cmp::Reverse(&pod.created)));
    for (name, _) in own.iter().take(own.len().saturating_sub(wanted)) {
        plan.write(Verb::Delete, Part::Main, &POD, set, json!({}));
        if let Some(write) = plan.writes.last_mut() {
            (*name).clone_into(&mut write.name);
        }
        let message = format!("Deleted pod: {name}");
        plan.event((&REPLICA_SET, set), "SuccessfulDelete", &message, now);
    }
    let ready = own.iter().filter(|(_, pod)| pod.ready).count();
    let status = json!({
        "replicas": own.len(), "fullyLabeledReplicas": own.len(), "readyReplicas": ready,
        "availableReplicas": ready, "observedGeneration": number(set, "/metadata/generation"),
    });
    if !says(set, &status) {
        plan.write(Verb::Patch, Part::Status, &REPLICA_SET, set, json!({"status": status}));
    }
}

fn pod(set: &Value) -> Value {
    let template = |field: &str| set.pointer(&format!("/spec/template/{field}")).cloned();
    let mut metadata = template("metadata").unwrap_or(json!({}));
    if let Some(fields) = metadata.as_object_mut() {
        let base = format!("{}-", text(set, "/metadata/name"));
        fields.insert("generateName".to_owned(), json!(base));
        fields.insert("ownerReferences".to_owned(), reference(&REPLICA_SET, set));
    }
    json!({"metadata": metadata, "spec": template("spec")})
}
