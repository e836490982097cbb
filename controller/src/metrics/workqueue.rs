//! `workqueue_…`: what client-go counts of a queue. Lengths of time are observed as they end; the
//! rest is asked of the queue whenever somebody looks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use controller_core::index::Trigger;
use controller_core::key::{Controller, NamespacedName};
use parking_lot::{Mutex, MutexGuard};
use prometheus::{
    GaugeVec, HistogramVec, IntCounterVec, IntGaugeVec, Registry, Result, exponential_buckets,
};

use super::family::{Families, Family, Stability};
use crate::queue::Queue;

/// Queues by controller.
type Queues = BTreeMap<Controller, Arc<Queue<NamespacedName, Trigger>>>;

/// What is counted of the queues.
pub struct WorkqueueMetrics {
    depth: IntGaugeVec,
    adds: IntCounterVec,
    retries: IntCounterVec,
    queue_duration: HistogramVec,
    work_duration: HistogramVec,
    unfinished_work: GaugeVec,
    longest_running_processor: GaugeVec,
    queues: Mutex<Queues>,
}

impl WorkqueueMetrics {
    pub fn new(registry: &Registry) -> Result<Self> {
        let families = Families { registry, prefix: "workqueue" };
        let family =
            |name, help| Family { stability: Stability::Beta, name, help, labels: &["name"] };
        let duration = |name, help| {
            families.histogram(family(name, help), exponential_buckets(10e-9, 10.0, 10)?)
        };
        Ok(Self {
            depth: families.gauge(family("depth", "Current depth of workqueue"))?,
            adds: families
                .counter(family("adds_total", "Total number of adds handled by workqueue"))?,
            retries: families
                .counter(family("retries_total", "Total number of retries handled by workqueue"))?,
            queue_duration: duration(
                "queue_duration_seconds",
                "How long in seconds an item stays in workqueue before being requested.",
            )?,
            work_duration: duration(
                "work_duration_seconds",
                "How long in seconds processing an item from workqueue takes.",
            )?,
            unfinished_work: families.fractional_gauge(family(
                "unfinished_work_seconds",
                "How many seconds of work has done that is in progress and hasn't been observed by work_duration. Large values indicate stuck threads. One can deduce the number of stuck threads by observing the rate at which this increases.",
            ))?,
            longest_running_processor: families.fractional_gauge(family(
                "longest_running_processor_seconds",
                "How many seconds has the longest running processor for workqueue been running.",
            ))?,
            queues: Mutex::default(),
        })
    }

    /// Looks at a queue from now on; all its series are there at once.
    pub fn watch(&self, controller: Controller, queue: Arc<Queue<NamespacedName, Trigger>>) {
        let name = [name(controller)];
        self.queue_duration.with_label_values(&name);
        self.work_duration.with_label_values(&name);
        self.queues.lock().insert(controller, queue);
    }

    pub fn taken(&self, controller: Controller, waited: Duration) {
        let durations = self.queue_duration.with_label_values(&[name(controller)]);
        durations.observe(waited.as_secs_f64());
    }

    pub fn visited(&self, controller: Controller, took: Duration) {
        let durations = self.work_duration.with_label_values(&[name(controller)]);
        durations.observe(took.as_secs_f64());
    }

    /// Brings up to date what is asked of the queues. It stays so while the guard lives.
    pub fn refresh(&self) -> MutexGuard<'_, Queues> {
        let queues = self.queues.lock();
        for (controller, queue) in queues.iter() {
            let name = [name(*controller)];
            let load = queue.load();
            self.depth.with_label_values(&name).set(load.depth as i64);
            for (counter, count) in [(&self.adds, load.adds), (&self.retries, load.postponed)] {
                let counter = counter.with_label_values(&name);
                counter.reset();
                counter.inc_by(count);
            }
            let unfinished = load.unfinished.as_secs_f64();
            self.unfinished_work.with_label_values(&name).set(unfinished);
            let longest = load.longest_running.as_secs_f64();
            self.longest_running_processor.with_label_values(&name).set(longest);
        }
        queues
    }
}

/// The names that kube-controller-manager gives to the queues, and one in their manner.
fn name(controller: Controller) -> &'static str {
    match controller {
        Controller::EndpointSlice => "endpoint_slice",
        Controller::Endpoints => "endpoint",
        Controller::EndpointSliceMirroring => "endpoint_slice_mirroring",
        Controller::ClusterIp => "cluster_ip",
    }
}
