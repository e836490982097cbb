//! The mirroring controller as the shell drives it.

use std::time::Duration;

use super::{Limits, Plan, Skipped, Snapshot, plan};
use crate::index::Index;
use crate::key::{Controller, NamespacedName};
use crate::reconcile::{
    Failure, Notice, NoticeSeverity, Outline, Reconcile, Reference, Sizes, Stage,
};

/// The mirroring controller.
pub struct MirroringController {
    /// What the operator limits.
    pub limits: Limits,
}

impl Reconcile for MirroringController {
    const CONTROLLER: Controller = Controller::EndpointSliceMirroring;
    const COMPONENT: &'static str = "endpoint-slice-mirroring-controller";
    type Snapshot = Snapshot;
    type Plan = Plan;

    fn snapshot(&self, index: &Index, key: &NamespacedName) -> Snapshot {
        index.mirroring(key)
    }

    fn plan(&self, snapshot: &Snapshot) -> Plan {
        plan(snapshot, &self.limits)
    }

    fn outline<'a>(&self, snapshot: &'a Snapshot, plan: &'a Plan) -> Outline<'a> {
        let writes = [Stage::Slices(&plan.slices)].into_iter();
        let removals = plan.clean_up.iter().map(|slice| Stage::Removal(slice));
        Outline {
            stages: writes.chain(removals).filter(|stage| !stage.is_empty()).collect(),
            errors: &[],
            notices: self.notices(snapshot, plan.skipped),
            memory: None,
            invalid: Vec::new(),
            reason: Some(plan.reason),
            rest: Duration::ZERO,
            sizes: match plan.counts {
                Some(counts) => Sizes::Mirror { counts, skipped: plan.skipped },
                None => Sizes::Gone,
            },
        }
    }

    fn describe(&self, key: &NamespacedName, failure: &Failure) -> String {
        let Failure { verb, name, error, .. } = failure;
        let name = name.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
        format!("failed to {} {name}EndpointSlice for Endpoints {key}: {error}", verb.name())
    }

    /// kube-controller-manager is silent here; whoever wrote the Endpoints should know.
    fn complaint(&self, snapshot: &Snapshot, _: &[Failure], error: &str) -> Option<Notice> {
        snapshot.endpoints.as_ref()?;
        Some(warning(snapshot, "FailedToUpdateEndpointSlices", error.to_owned()))
    }
}

impl MirroringController {
    fn notices(&self, snapshot: &Snapshot, skipped: Skipped) -> Vec<Notice> {
        let mut notices = Vec::new();
        if skipped.invalid > 0 {
            let message = format!(
                "Skipped {} invalid IP addresses when mirroring to EndpointSlices",
                skipped.invalid
            );
            notices.push(warning(snapshot, "InvalidIPAddress", message));
        }
        if skipped.total > skipped.invalid {
            let message = format!(
                "A max of {} addresses can be mirrored to EndpointSlices per Endpoints subset. {} addresses were skipped",
                self.limits.max_endpoints_per_subset, skipped.total
            );
            notices.push(warning(snapshot, "TooManyAddressesToMirror", message));
        }
        notices
    }
}

fn warning(snapshot: &Snapshot, reason: &'static str, message: String) -> Notice {
    Notice {
        about: Reference::endpoints(&snapshot.key, snapshot.endpoints.as_deref()),
        severity: NoticeSeverity::Warning,
        reason,
        message,
    }
}
