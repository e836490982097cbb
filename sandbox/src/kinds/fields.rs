//! The fields that objects of a kind can be selected by.

use super::Kind;
use crate::refusal::Refusal;

/// Those of every kind.
const OF_ALL: [&str; 2] = ["metadata.name", "metadata.namespace"];

impl Kind {
    /// Whether a field selector may look at a field.
    ///
    /// # Errors
    /// 400 if it may not. Kinds with fields of their own say that in other words than the others.
    pub fn selects_by(&self, field: &str) -> Result<(), Refusal> {
        let own = own(self);
        if OF_ALL.contains(&field) || own.contains(&field) {
            return Ok(());
        }
        Err(Refusal::bad_request(match own {
            [] => format!(
                "\"{field}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
            ),
            _ => format!("field label not supported: {field}"),
        }))
    }
}

fn own(kind: &Kind) -> &'static [&'static str] {
    match kind.kind {
        "Event" => &[
            "involvedObject.apiVersion",
            "involvedObject.fieldPath",
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.resourceVersion",
            "involvedObject.uid",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "Namespace" => &["status.phase"],
        "Node" => &["spec.unschedulable"],
        "Pod" => &[
            "spec.hostNetwork",
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.nominatedNodeName",
            "status.phase",
            "status.podIP",
            "status.podIPs",
        ],
        "ReplicaSet" => &["status.replicas"],
        "Secret" => &["type"],
        "Service" => &["spec.clusterIP", "spec.type"],
        _ => &[],
    }
}
