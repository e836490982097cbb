//! The ClusterIP controller as the shell drives it.

use std::time::Duration;

use super::plan::POOL_MISMATCH;
use super::{Plan, Snapshot, plan};
use crate::facts::ip_address::Manager;
use crate::index::Index;
use crate::key::{Controller, NamespacedName};
use crate::reconcile::{
    Failure, FailureNature, Notice, NoticeSeverity, Outline, Reconcile, Reference, Sizes, Stage,
    StageKind,
};

/// The ClusterIP controller.
pub struct ClusterIpController {
    /// What it has to do.
    pub duty: Duty,
}

/// Who gives Services their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// We do.
    Reconcile,
    /// The API server does, and keeps their claims right. What is left to us are claims that we
    /// made while it did not, and to tell of addresses that are not of the pool they should be of.
    Audit,
}

impl Duty {
    /// The word for `--cluster-ip-mode` and logs.
    pub fn name(self) -> &'static str {
        match self {
            Duty::Reconcile => "reconcile",
            Duty::Audit => "audit",
        }
    }

    /// What of a plan is to be carried out.
    fn limit(self, plan: Plan) -> Plan {
        match self {
            Duty::Reconcile => plan,
            Duty::Audit => {
                let Plan { mut release, mut notices, reason, .. } = plan;
                release.retain(|claim| claim.manager == Manager::Roster);
                // All else the API server tells by itself.
                notices.retain(|notice| notice.reason == POOL_MISMATCH);
                Plan { release, notices, ..Plan::nothing(reason) }
            }
        }
    }
}

impl Reconcile for ClusterIpController {
    const CONTROLLER: Controller = Controller::ClusterIp;
    const COMPONENT: &'static str = "clusterip-controller";
    type Snapshot = Snapshot;
    type Plan = Plan;

    fn snapshot(&self, index: &Index, key: &NamespacedName) -> Snapshot {
        index.cluster_ip(key)
    }

    fn plan(&self, snapshot: &Snapshot) -> Plan {
        self.duty.limit(plan(snapshot))
    }

    fn outline<'a>(&self, _: &'a Snapshot, plan: &'a Plan) -> Outline<'a> {
        let claims = plan.claim.iter().map(Stage::Claim);
        let assignment = plan.assignment.iter().map(Stage::Assignment);
        let relabelling = plan.relabel.iter().map(|claim| Stage::Relabelling(claim));
        let release = plan.release.iter().map(|claim| Stage::Release(claim));
        Outline {
            stages: claims.chain(assignment).chain(relabelling).chain(release).collect(),
            errors: &plan.errors,
            notices: plan.notices.clone(),
            memory: None,
            invalid: Vec::new(),
            reason: Some(plan.reason),
            rest: Duration::ZERO,
            sizes: Sizes::Unchanged,
        }
    }

    fn describe(&self, key: &NamespacedName, failure: &Failure) -> String {
        let (verb, error) = (failure.verb.name(), &failure.error);
        let name = failure.name.as_deref().unwrap_or_default();
        match failure.stage {
            StageKind::Assignment if matches!(failure.nature, FailureNature::Shortage(_)) => {
                format!("failed to allocate a cluster IP: {error}")
            }
            StageKind::Assignment if name == &*key.name => {
                format!("failed to {verb} Service {key} with its cluster IPs: {error}")
            }
            _ => format!("failed to {verb} IPAddress {name} for Service {key}: {error}"),
        }
    }

    fn complaint(&self, snapshot: &Snapshot, failures: &[Failure], error: &str) -> Option<Notice> {
        let (service, _) = snapshot.service.as_ref()?;
        let of_note = |failure: &Failure| failure.nature != FailureNature::Conflict;
        failures.iter().any(of_note).then(|| Notice {
            about: Reference::service(service),
            severity: NoticeSeverity::Warning,
            reason: "FailedToAllocateClusterIP",
            message: error.to_owned(),
        })
    }
}
