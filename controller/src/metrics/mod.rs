//! What the manager tells of itself in numbers. Decisions know nothing of it: plans carry their
//! sizes as data, workers pass on how visits went, and here it is counted, under the names that
//! kube-controller-manager uses and a few of our own.

mod allocations;
mod cluster_ips;
mod constrained;
mod endpoint_slices;
mod extents;
mod family;
mod leader_election;
mod mirroring;
mod process;
mod requests;
mod rest_client;
mod slis;
mod text;
mod visits;
mod watches;
mod webhook;
mod workqueue;

use std::sync::Arc;
use std::time::Duration;

use controller_core::index::Trigger;
use controller_core::key::{Controller, Kind, NamespacedName};
use controller_core::reconcile::{Outline, Sizes, Stage};
use controller_core::slice_plan::SlicePlan;
use prometheus::Registry;

use crate::config::AllowedLabels;
use crate::executor::{Execution, Progress, Write};
use crate::health::{Finding, Probe};
use crate::queue::Queue;
use crate::serving::{Decision, User};
use crate::shared_index::SharedIndex;

use cluster_ips::ClusterIpMetrics;
use endpoint_slices::EndpointSliceMetrics;
use leader_election::LeaderElectionMetrics;
use mirroring::MirroringMetrics;
use process::ProcessMetrics;
use requests::RequestMetrics;
use rest_client::RestClientMetrics;
use slis::HealthMetrics;
use visits::VisitMetrics;
use watches::WatchMetrics;
use webhook::WebhookMetrics;
use workqueue::WorkqueueMetrics;

pub use webhook::Verdict;

/// The `Content-Type` of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// All metrics of a manager.
pub struct Metrics {
    registry: Registry,
    /// The names of families that are not shown.
    disabled: Vec<String>,
    /// What labels may say.
    allowed: AllowedLabels,
    slices: EndpointSliceMetrics,
    mirrors: MirroringMetrics,
    cluster_ips: ClusterIpMetrics,
    workqueues: WorkqueueMetrics,
    visits: VisitMetrics,
    watches: WatchMetrics,
    elections: LeaderElectionMetrics,
    process: ProcessMetrics,
    requests: RequestMetrics,
    rest_clients: RestClientMetrics,
    webhook: WebhookMetrics,
    health: HealthMetrics,
}

/// What came of carrying out a plan.
pub struct Executed<'a> {
    /// The change that asked for the visit.
    pub trigger: &'a Trigger,
    /// What was to be done.
    pub outline: &'a Outline<'a>,
    /// What was done.
    pub execution: &'a Execution,
}

/// How a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VisitResult {
    /// All was done that was to be done.
    Success,
    /// The key comes again.
    Error,
}

impl Metrics {
    /// Metrics of a manager that has done nothing yet.
    ///
    /// # Errors
    /// If two metrics have one name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        Ok(Self {
            slices: EndpointSliceMetrics::new(&registry)?,
            mirrors: MirroringMetrics::new(&registry)?,
            cluster_ips: ClusterIpMetrics::new(&registry)?,
            workqueues: WorkqueueMetrics::new(&registry)?,
            visits: VisitMetrics::new(&registry)?,
            watches: WatchMetrics::new(&registry)?,
            elections: LeaderElectionMetrics::new(&registry)?,
            process: ProcessMetrics::new(&registry)?,
            requests: RequestMetrics::new(&registry)?,
            rest_clients: RestClientMetrics::new(&registry)?,
            webhook: WebhookMetrics::new(&registry)?,
            health: HealthMetrics::new()?,
            disabled: Vec::new(),
            allowed: AllowedLabels::default(),
            registry,
        })
    }

    /// The same, but for some families. Names that there are not change nothing.
    #[must_use]
    pub fn without(self, disabled: &[String]) -> Self {
        Self { disabled: disabled.to_vec(), ..self }
    }

    /// The same, but for values of labels that are not allowed: they are told as one.
    #[must_use]
    pub fn allowing(self, allowed: &AllowedLabels) -> Self {
        Self { allowed: allowed.clone(), ..self }
    }

    /// The admission webhook has answered.
    pub fn reviewed(&self, verdict: Verdict, took: Duration) {
        self.webhook.reviewed(verdict, took);
    }

    /// Looks at a controller's queue from now on.
    pub fn watch(&self, controller: Controller, queue: Arc<Queue<NamespacedName, Trigger>>) {
        self.workqueues.watch(controller, queue);
    }

    /// Tells from now on how full the ranges and pools are that an index knows.
    pub fn watch_cluster_ips(&self, index: &Arc<SharedIndex>) {
        self.cluster_ips.watch(index);
    }

    /// ClusterIPs are given by this replica from now on.
    pub fn gives_cluster_ips(&self) {
        self.cluster_ips.gives();
    }

    /// A key was taken from the queue, after it had been due for a while.
    pub fn taken(&self, controller: Controller, waited: Duration) {
        self.workqueues.taken(controller, waited);
    }

    /// It is decided what to write. Sizes are counted whether or not the writes succeed.
    pub fn planned(&self, controller: Controller, key: &NamespacedName, sizes: &Sizes) {
        match controller {
            Controller::EndpointSlice => self.slices.planned(key, sizes),
            Controller::EndpointSliceMirroring => self.mirrors.planned(key, sizes),
            Controller::Endpoints | Controller::ClusterIp => {}
        }
    }

    /// A plan was carried out, as far as the API server let us.
    pub fn executed(&self, controller: Controller, executed: &Executed<'_>) {
        match controller {
            Controller::EndpointSlice => self.slices.executed(executed),
            Controller::EndpointSliceMirroring => self.mirrors.executed(executed),
            Controller::ClusterIp => self.cluster_ips.executed(executed),
            Controller::Endpoints => {}
        }
        self.visits.executed(controller, executed);
    }

    /// A visit has ended; it began when the key was taken.
    pub fn visited(&self, controller: Controller, took: Duration, result: VisitResult) {
        match controller {
            Controller::EndpointSlice => self.slices.visited(result),
            Controller::EndpointSliceMirroring => self.mirrors.visited(took),
            Controller::Endpoints | Controller::ClusterIp => {}
        }
        self.workqueues.visited(controller, took);
        self.visits.visited(controller, result);
    }

    /// A list or a watch of a kind has brought something, if only a sign of life.
    pub fn heard(&self, kind: Kind) {
        self.watches.heard(kind);
    }

    /// This replica does not lead, by the name of the Lease.
    pub fn stands_by(&self, lease: &str) {
        self.elections.stands_by(lease);
    }

    /// This replica leads.
    pub fn leads(&self, lease: &str) {
        self.elections.leads(lease);
    }

    /// The leader had to read its Lease before it could renew it.
    pub fn took_the_slow_path(&self, lease: &str) {
        self.elections.took_the_slow_path(lease);
    }

    /// The API server at a `HOST:PORT` began to answer a request with a code, or did not.
    pub fn answered(&self, host: &str, method: &str, code: &str, took: Duration) {
        self.rest_clients.answered(host, method, code, took);
    }

    /// Somebody was asked who they are. None means that what they showed was not believed.
    pub fn authenticated(&self, user: Option<&User>, took: Duration) {
        self.requests.authenticated(user, took);
    }

    /// It was asked whether somebody may have what they want.
    pub fn authorized(&self, decision: &anyhow::Result<Decision>, took: Duration) {
        self.requests.authorized(decision, took);
    }

    /// Health checks were made.
    pub fn examined(&self, probe: Probe, findings: &[Finding]) {
        self.health.examined(probe, findings);
    }

    /// When the process started, in whole seconds since 1970.
    pub fn process_started(&self) -> Option<u64> {
        self.process.started().map(|seconds| seconds.round() as u64)
    }

    /// How health checks went, in the same format.
    pub fn render_slis(&self) -> String {
        self.health.render()
    }

    /// All the rest in the Prometheus text format 0.0.4. What has never been used is left out.
    pub fn render(&self) -> String {
        self.process.refresh();
        self.watches.refresh();
        self.cluster_ips.refresh();
        let _current = self.workqueues.refresh();
        let mut families = self.registry.gather();
        families.retain(|family| !self.disabled.iter().any(|name| name == family.name()));
        for family in &mut families {
            if let Some(allowed) = self.allowed.of(family.name()) {
                constrained::constrain(family, allowed);
            }
        }
        text::render(&families)
    }
}

impl<'a> Executed<'a> {
    /// The writes that the API server accepted.
    pub fn writes(&self) -> impl Iterator<Item = &'a Write> + use<'a> {
        self.execution.writes.iter().filter(|write| write.error.is_none())
    }

    /// The plans for slices that were carried out to their end.
    fn finished(&self) -> impl Iterator<Item = &'a SlicePlan> {
        let stages = self.outline.stages.iter().zip(&self.execution.stages);
        stages.filter_map(|(stage, progress)| match (stage, progress) {
            (Stage::Slices(plan), Progress::Done) => Some(*plan),
            _ => None,
        })
    }
}

impl VisitResult {
    /// The word of the label.
    fn name(self) -> &'static str {
        match self {
            VisitResult::Success => "success",
            VisitResult::Error => "error",
        }
    }
}
