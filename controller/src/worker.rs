//! A worker: takes a key, looks at the Service, decides, writes, and settles the key.

use std::sync::Arc;

use controller_core::endpoint_slices::{self, Limits, Plan, Snapshot};
use controller_core::error_text;
use controller_core::index::Trigger;
use controller_core::key::NamespacedName;
use controller_core::reason::Reason;

use crate::complaints::Complaints;
use crate::events::Recorder;
use crate::executor::Executor;
use crate::queue::{Due, Outcome};
use crate::shared_index::SharedIndex;

/// The event reason for a visit that failed, as kube-controller-manager names it.
const FAILED_TO_UPDATE: &str = "FailedToUpdateEndpointSlices";

/// What all workers of the EndpointSlice controller share.
pub struct Worker {
    /// Where Services are looked up and keys come from.
    pub index: Arc<SharedIndex>,
    /// Carries out plans.
    pub executor: Executor,
    /// Takes events.
    pub recorder: Recorder,
    /// What was complained of.
    pub complaints: Complaints,
    /// What the operator limits.
    pub limits: Limits,
}

impl Worker {
    /// Works until the queue is closed. Nothing is touched before every kind has been listed:
    /// until then an absence means nothing.
    pub async fn run(self: Arc<Self>) {
        self.index.synced().await;
        while let Some(Due { key, reason: trigger }) = self.index.queue().next().await {
            let outcome = self.visit(&key, trigger).await;
            self.index.queue().settle(&key, outcome);
        }
    }

    async fn visit(&self, key: &NamespacedName, trigger: Trigger) -> Outcome<Trigger> {
        if let Err(error) = self.executor.settle_doubt(key).await {
            tracing::warn!(service = %key, err = %error, "Cannot find out whether a slice was created; trying again");
            return Outcome::Failed { reason: trigger, at_least: error.retry_after() };
        }
        // The lock lives for these lines.
        let snapshot = self.index.with(|index| index.endpoint_slices(key));
        let plan = endpoint_slices::plan(&snapshot, &self.limits);
        self.index.with(|index| index.remember_trigger_times(key, plan.trigger_times.clone()));
        trace(key, &trigger, &plan);
        let execution = self.executor.execute(key, &plan).await;
        self.complain(&snapshot, &plan, &trigger);
        let failed = plan.errors.iter().chain(&execution.errors).cloned();
        let error = error_text::join(failed);
        if error.is_empty() {
            return Outcome::Done;
        }
        self.report(&snapshot, &error);
        Outcome::Failed { reason: trigger, at_least: execution.retry_after }
    }

    fn report(&self, snapshot: &Snapshot, error: &str) {
        tracing::warn!(service = %snapshot.key, err = error, "Cannot bring the slices of a Service up to date; trying again");
        if let Some(service) = &snapshot.service {
            let message =
                format!("Error updating Endpoint Slices for Service {}: {error}", service.key);
            self.recorder.warn(service, FAILED_TO_UPDATE, message);
        }
    }

    fn complain(&self, snapshot: &Snapshot, plan: &Plan, trigger: &Trigger) {
        let telling = self.complaints.about(&snapshot.key, plan, self.index.now());
        for message in telling.new {
            tracing::warn!(service = %snapshot.key, reason = Reason::AddressInvalid.name(), "{message}");
        }
        if let Some(service) = &snapshot.service {
            for message in telling.lasting {
                self.recorder.warn(service, Reason::AddressInvalid.name(), message);
            }
        }
        if let Some(delay) = telling.again_in {
            self.index.queue().add(snapshot.key.clone(), delay, trigger.clone());
        }
    }
}

/// One line per decision.
fn trace(key: &NamespacedName, trigger: &Trigger, plan: &Plan) {
    let writes: usize = plan.families.iter().map(|family| family.slices.len()).sum();
    tracing::trace!(
        service = %key,
        reason = plan.service.first().map(|reason| reason.name()),
        writes = writes + plan.strays.len(),
        pods = plan.pods.len(),
        trigger = %format_args!("{} {} {}", trigger.kind, trigger.key, trigger.field.name()),
        resourceVersion = trigger.resource_version.0,
        "Planned"
    );
}
