//! A worker: takes a key, looks at what is known of it, decides, writes, and settles the key. The
//! same for every controller.

use std::sync::Arc;
use std::time::Duration;

use controller_core::error_text;
use controller_core::index::Trigger;
use controller_core::key::{Controller, NamespacedName};
use controller_core::reason::Reason;
use controller_core::reconcile::{Notice, NoticeSeverity, Outline, Reconcile, Reference, Stage};
use tokio::time::Instant;

use crate::complaints::Complaints;
use crate::events::Recorder;
use crate::executor::Executor;
use crate::health::Failures;
use crate::metrics::{Executed, Metrics, VisitResult};
use crate::queue::{Due, Outcome, Queue};
use crate::shared_index::SharedIndex;

/// What all workers of one controller share.
pub struct Worker<C> {
    /// The controller.
    pub controller: C,
    /// Where keys come from.
    pub queue: Arc<Queue<NamespacedName, Trigger>>,
    /// The queue whose visits of a key come before ours.
    pub after: Option<Arc<Queue<NamespacedName, Trigger>>>,
    /// Where objects are looked up.
    pub index: Arc<SharedIndex>,
    /// Carries out plans.
    pub executor: Arc<Executor>,
    /// Takes events.
    pub recorder: Recorder,
    /// What was complained of.
    pub complaints: Complaints,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Knows what fails.
    pub failures: Arc<Failures>,
    /// How long to wait before the first visit.
    pub pause: Duration,
}

impl<C: Reconcile> Worker<C> {
    /// Works until the queue is closed. Nothing is touched before every kind that the controller
    /// depends on has been listed: until then an absence means nothing.
    pub async fn run(self: Arc<Self>) {
        let begin = async {
            tokio::time::sleep(self.pause).await;
            self.index.synced(C::CONTROLLER.kinds()).await;
        };
        tokio::select! {
            () = begin => {}
            () = self.queue.closed() => return,
        }
        while let Some(Due { key, reason: trigger, waited }) = self.queue.next().await {
            let taken = Instant::now();
            self.metrics.taken(C::CONTROLLER, waited);
            if let Some(first) = &self.after {
                first.passed(&key).await;
            }
            let outcome = self.visit(&key, trigger).await;
            let result = match outcome {
                Outcome::Done | Outcome::DoneFor(_) => VisitResult::Success,
                Outcome::Failed { .. } => VisitResult::Error,
            };
            self.metrics.visited(C::CONTROLLER, taken.elapsed(), result);
            self.queue.settle(&key, outcome);
        }
    }

    async fn visit(&self, key: &NamespacedName, trigger: Trigger) -> Outcome<Trigger> {
        if let Err(error) = self.executor.settle_doubt(key).await {
            tracing::warn!(key = %key, err = %error, "Cannot find out whether something was created; trying again");
            self.failures.visited(key, VisitResult::Error);
            return Outcome::Failed { reason: trigger, at_least: error.retry_after() };
        }
        // The lock lives for this line.
        let snapshot = self.index.with(|index| self.controller.snapshot(index, key));
        let plan = self.controller.plan(&snapshot);
        let outline = self.controller.outline(&snapshot, &plan);
        if let Some(memory) = outline.memory.clone() {
            self.index.with(|index| index.remember(C::CONTROLLER, key, memory));
        }
        trace(C::CONTROLLER, key, &trigger, &outline);
        self.metrics.planned(C::CONTROLLER, key, &outline.sizes);
        let execution = self.executor.execute(key, &outline.stages).await;
        let executed = Executed { trigger: &trigger, outline: &outline, execution: &execution };
        self.metrics.executed(C::CONTROLLER, &executed);
        if executed.writes().next().is_some() {
            self.failures.wrote();
        }
        self.failures.visited(
            key,
            if execution.is_troubled() { VisitResult::Error } else { VisitResult::Success },
        );
        self.complain(key, &outline, &trigger);
        for notice in outline.notices {
            self.recorder.record(C::COMPONENT, notice);
        }
        let failed = execution.failures.iter();
        let failed = failed.map(|failure| self.controller.describe(key, failure));
        let error = error_text::join(outline.errors.iter().cloned().chain(failed));
        if error.is_empty() {
            return match outline.rest {
                Duration::ZERO => Outcome::Done,
                rest => Outcome::DoneFor(rest),
            };
        }
        tracing::warn!(controller = C::CONTROLLER.name(), key = %key, err = error, "Cannot bring a Service up to date; trying again");
        if let Some(notice) = self.controller.complaint(&snapshot, &execution.failures, &error) {
            self.recorder.record(C::COMPONENT, notice);
        }
        Outcome::Failed { reason: trigger, at_least: execution.retry_after }
    }

    fn complain(&self, key: &NamespacedName, outline: &Outline<'_>, trigger: &Trigger) {
        let telling = self.complaints.about(key, &outline.invalid, self.index.now());
        for message in telling.new {
            tracing::warn!(service = %key, reason = Reason::AddressInvalid.name(), "{message}");
        }
        let service = self.index.with(|index| index.service(key));
        if let Some(service) = service {
            for message in telling.lasting {
                let notice = Notice {
                    about: Reference::service(&service),
                    severity: NoticeSeverity::Warning,
                    reason: Reason::AddressInvalid.name(),
                    message,
                };
                self.recorder.record(C::COMPONENT, notice);
            }
        }
        if let Some(delay) = telling.again_in {
            self.queue.add_after(key.clone(), delay, trigger.clone());
        }
    }
}

/// One line per decision.
fn trace(controller: Controller, key: &NamespacedName, trigger: &Trigger, outline: &Outline<'_>) {
    tracing::trace!(
        controller = controller.name(),
        key = %key,
        reason = outline.reason.map(|reason| reason.name()),
        writes = outline.stages.iter().map(Stage::len).sum::<usize>(),
        trigger = %format_args!("{} {} {}", trigger.kind, trigger.key, trigger.field.name()),
        resourceVersion = trigger.resource_version.0,
        "Planned"
    );
}
