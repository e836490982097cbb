//! `roster_…`: what kube-controller-manager does not tell: how visits end, and how long it takes from
//! a change to what is published because of it.

use controller_core::key::Controller;
use jiff::SignedDuration;
use prometheus::{HistogramVec, IntCounterVec, Registry, Result, exponential_buckets};

use super::family::{Families, Family, Stability};
use super::{Executed, VisitResult};

/// Visits of all controllers, by the names they have on the command line.
pub struct VisitMetrics {
    event_to_write: HistogramVec,
    visits: IntCounterVec,
}

impl VisitMetrics {
    pub fn new(registry: &Registry) -> Result<Self> {
        let families = Families { registry, prefix: "roster" };
        let event_to_write = Family {
            stability: Stability::Alpha,
            name: "event_to_write_seconds",
            help: "Time from the first change seen that a visit answers to the answer to its last write",
            labels: &["controller"],
        };
        Ok(Self {
            // From a millisecond to longer than the longest wait between two tries.
            event_to_write: families
                .histogram(event_to_write, exponential_buckets(0.001, 2.0, 20)?)?,
            visits: families.counter(Family {
                stability: Stability::Alpha,
                name: "visits_total",
                help: "Number of visits of a key by a controller, by how they ended",
                labels: &["controller", "result"],
            })?,
        })
    }

    /// Visits that write nothing, or fail, publish nothing yet; the next one still knows the change
    /// that asked for them.
    pub fn executed(&self, controller: Controller, executed: &Executed<'_>) {
        if let (Some(last), []) =
            (executed.execution.writes.last(), &executed.execution.failures[..])
            && last.error.is_none()
        {
            let took = last.answered.duration_since(executed.trigger.seen);
            // The clock of a machine may be set back.
            let seconds = took.max(SignedDuration::ZERO).as_secs_f64();
            self.event_to_write.with_label_values(&[controller.name()]).observe(seconds);
        }
    }

    pub fn visited(&self, controller: Controller, result: VisitResult) {
        self.visits.with_label_values(&[controller.name(), result.name()]).inc();
    }
}
