//! The Endpoints controller as the shell drives it.

use super::{Plan, Snapshot, Write, plan};
use crate::index::Index;
use crate::key::{Controller, NamespacedName};
use crate::reconcile::{
    Failure, Notice, NoticeSeverity, Outline, Reconcile, Reference, Sizes, Stage, Verb,
};

/// The Endpoints controller.
pub struct EndpointsController;

impl Reconcile for EndpointsController {
    const CONTROLLER: Controller = Controller::Endpoints;
    const COMPONENT: &'static str = "endpoint-controller";
    type Snapshot = Snapshot;
    type Plan = Plan;

    fn snapshot(&self, index: &Index, key: &NamespacedName) -> Snapshot {
        index.endpoints(key)
    }

    fn plan(&self, snapshot: &Snapshot) -> Plan {
        plan(snapshot)
    }

    fn outline<'a>(&self, _: &'a Snapshot, plan: &'a Plan) -> Outline<'a> {
        Outline {
            stages: plan.write.iter().map(Stage::Endpoints).collect(),
            errors: &[],
            notices: Vec::new(),
            memory: plan.memory.clone(),
            // The EndpointSlice controller tells of Pods; telling twice helps nobody.
            invalid: Vec::new(),
            reason: Some(plan.reason),
            rest: plan.write.as_ref().map(Write::rest).unwrap_or_default(),
            sizes: Sizes::Unchanged,
        }
    }

    fn describe(&self, key: &NamespacedName, failure: &Failure) -> String {
        let error = &failure.error;
        match failure.verb {
            Verb::Create => format!("Failed to create endpoint for service {key}: {error}"),
            Verb::Update => format!("Failed to update endpoint {key}: {error}"),
            Verb::Delete => format!("Failed to delete endpoint {key}: {error}"),
        }
    }

    fn complaint(&self, snapshot: &Snapshot, failures: &[Failure], error: &str) -> Option<Notice> {
        let reason = match failures.first()?.verb {
            Verb::Create => "FailedToCreateEndpoint",
            Verb::Update => "FailedToUpdateEndpoint",
            Verb::Delete => return None,
        };
        Some(Notice {
            about: Reference::endpoints(&snapshot.key, snapshot.endpoints.as_deref()),
            severity: NoticeSeverity::Warning,
            reason,
            message: error.to_owned(),
        })
    }
}
