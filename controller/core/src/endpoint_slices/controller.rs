//! The EndpointSlice controller as the shell drives it.

use std::time::Duration;

use super::{FamilyPlan, Limits, Plan, Snapshot, plan};
use crate::facts::{IpFamily, Pod};
use crate::index::Index;
use crate::key::{Controller, NamespacedName};
use crate::reason::Reason;
use crate::reconcile::{
    Failure, Notice, NoticeSeverity, Outline, Reconcile, Reference, Sizes, Stage, StageKind,
};

/// The event reason for a visit that failed.
const FAILED_TO_UPDATE: &str = "FailedToUpdateEndpointSlices";

/// The EndpointSlice controller.
pub struct EndpointSliceController {
    /// What the operator limits.
    pub limits: Limits,
}

impl Reconcile for EndpointSliceController {
    const CONTROLLER: Controller = Controller::EndpointSlice;
    const COMPONENT: &'static str = "endpoint-slice-controller";
    type Snapshot = Snapshot;
    type Plan = Plan;

    fn snapshot(&self, index: &Index, key: &NamespacedName) -> Snapshot {
        index.endpoint_slices(key)
    }

    fn plan(&self, snapshot: &Snapshot) -> Plan {
        plan(snapshot, &self.limits)
    }

    fn outline<'a>(&self, snapshot: &'a Snapshot, plan: &'a Plan) -> Outline<'a> {
        let families = plan.families.iter().map(|family| Stage::Slices(&family.slices));
        let strays = plan.strays.iter().map(|slice| Stage::Removal(slice));
        Outline {
            stages: families.chain(strays).collect(),
            errors: &plan.errors,
            notices: plan.notices.clone(),
            memory: plan.memory.clone(),
            invalid: invalid(snapshot, plan),
            reason: plan.service.first().copied(),
            rest: Duration::ZERO,
            sizes: sizes(snapshot, plan),
        }
    }

    fn describe(&self, key: &NamespacedName, failure: &Failure) -> String {
        let Failure { verb, stage, name, error, .. } = failure;
        let name = name.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
        match stage {
            StageKind::Removal => {
                format!("error deleting {name}EndpointSlice for Service {key}: {error}")
            }
            _ => {
                format!("failed to {} {name}EndpointSlice for Service {key}: {error}", verb.name())
            }
        }
    }

    fn complaint(&self, snapshot: &Snapshot, _: &[Failure], error: &str) -> Option<Notice> {
        let service = snapshot.service.as_deref()?;
        Some(Notice {
            about: Reference::service(service),
            severity: NoticeSeverity::Warning,
            reason: FAILED_TO_UPDATE,
            message: format!("Error updating Endpoint Slices for Service {}: {error}", service.key),
        })
    }
}

/// The Pods whose addresses no slice may hold, by family and name.
fn invalid<'a>(snapshot: &'a Snapshot, plan: &Plan) -> Vec<(&'a Pod, IpFamily)> {
    let of_family = |family: &FamilyPlan| {
        let verdicts = snapshot.pods.iter().zip(&family.pods);
        let invalid = verdicts.filter(|(_, verdict)| verdict.reason == Reason::AddressInvalid);
        let name = family.family;
        invalid.map(|(pod, _)| (&**pod, name)).collect::<Vec<_>>()
    };
    plan.families.iter().flat_map(of_family).collect()
}

fn sizes(snapshot: &Snapshot, plan: &Plan) -> Sizes {
    match &snapshot.service {
        None => Sizes::Gone,
        // Slices of a Service that lost its selector stay, and so does what was counted.
        Some(_) if plan.families.is_empty() => Sizes::Unchanged,
        Some(service) => Sizes::Slices {
            families: plan.families.iter().map(|family| family.counts).collect(),
            hint_mode: service.hint_mode(),
        },
    }
}
