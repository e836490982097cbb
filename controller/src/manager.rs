//! The manager: feeds, index, queue, workers and events wired together, in start order.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use controller_core::cluster_ip::{ClusterIpController, Duty};
use controller_core::endpoint_slices::{self, EndpointSliceController};
use controller_core::endpoints::EndpointsController;
use controller_core::index::Trigger;
use controller_core::key::{Controller, Kind, NamespacedName};
use controller_core::mirroring::{self, MirroringController};
use controller_core::reconcile::Reconcile;
use jiff::SignedDuration;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cluster_ip_mode::ClusterIpMode;
use crate::complaints::Complaints;
use crate::environment::{Clock, Randomness};
use crate::events::Recorder;
use crate::executor::Executor;
use crate::feed::Feed;
use crate::health::{ControllerCheck, Health, Need};
use crate::leader::Fence;
use crate::limiter::Limiter;
use crate::metrics::Metrics;
use crate::pool_status::PoolStatusWriter;
use crate::queue::Queue;
use crate::reachability::Reachability;
use crate::shared_index::{Intake, SharedIndex};
use crate::spent_holds::HoldRemover;
use crate::wire::Wire;
use crate::worker::Worker;

/// How long the watch may owe us the echo of a write before a live read settles it.
const LONGEST_DEBT: Duration = Duration::from_secs(30);
/// How often debts are looked at.
const DEBT_CHECK: Duration = Duration::from_secs(10);
/// How long a claim may stand for a Service that is not there before it counts as left over, where
/// nobody has seen the Service go.
const LONGEST_ABSENCE: Duration = Duration::from_secs(120);
/// How long the loops of a kube-apiserver have time with a claim before we label it as it would. They
/// take seconds.
const CLAIM_SETTLES: SignedDuration = SignedDuration::from_secs(60);
/// How often all ClusterIPs are looked over.
const CLUSTER_IP_AUDIT: Duration = Duration::from_secs(180);
/// How long events may take to be sent at the end.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// What a manager is made of.
pub struct Parts {
    /// The way to the API server.
    pub wire: Wire,
    /// The ways on which controllers write in a name of their own; the others write by `wire`.
    pub identities: BTreeMap<Controller, Wire>,
    /// Tells the time.
    pub clock: Clock,
    /// For jitter.
    pub randomness: Randomness,
    /// What the operator sets.
    pub settings: Settings,
    /// Counts. It may be read before the manager starts, and after it has stopped.
    pub metrics: Arc<Metrics>,
}

/// What the operator sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The controllers that run (`--controllers`), and how each works.
    pub controllers: BTreeMap<Controller, Pace>,
    /// Those of them that nobody asked for by name and that kube-controller-manager lacks. While the
    /// API server refuses them what they have to see they rest, and the manager is no less ready.
    pub optional: BTreeSet<Controller>,
    /// `--max-endpoints-per-slice`.
    pub max_endpoints_per_slice: NonZeroUsize,
    /// `--mirroring-max-endpoints-per-subset`.
    pub mirroring_max_endpoints_per_subset: NonZeroUsize,
    /// `--cluster-ip-mode`.
    pub cluster_ip_mode: ClusterIpMode,
    /// `--kube-api-qps`: writes a second; none means no limit.
    pub kube_api_qps: Option<f64>,
    /// `--kube-api-burst`: writes at once.
    pub kube_api_burst: u32,
    /// `--min-resync-period`: everything is visited again after one to two of these; none means never.
    pub min_resync_period: Option<Duration>,
    /// `--controller-start-interval`: each controller begins one to two of these after leading has.
    pub start_interval: Duration,
}

/// How a controller works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many keys are worked on at once.
    pub concurrent_syncs: NonZeroUsize,
    /// How long changes of Pods, Nodes and slices may gather.
    pub batch_period: Duration,
}

/// A manager. It gathers from the start, and writes once it leads.
pub struct Manager {
    wire: Wire,
    identities: BTreeMap<Controller, Wire>,
    clock: Clock,
    randomness: Randomness,
    settings: Settings,
    metrics: Arc<Metrics>,
    index: Arc<SharedIndex>,
    checks: BTreeMap<Controller, Arc<ControllerCheck>>,
    intake: JoinSet<()>,
    workers: JoinSet<()>,
    events: JoinSet<()>,
}

impl Manager {
    /// Starts standing by: everything is watched, and nothing is written.
    pub fn start(parts: Parts) -> Self {
        let Parts { wire, identities, clock, randomness, settings, metrics } = parts;
        let intake = |pace: &Pace| Intake {
            queue: Arc::new(Queue::new(randomness.clone())),
            batch_period: pace.batch_period,
        };
        let intakes: BTreeMap<Controller, Intake> =
            settings.controllers.iter().map(|(name, pace)| (*name, intake(pace))).collect();
        let queues: BTreeMap<Controller, Arc<Queue<NamespacedName, Trigger>>> =
            intakes.iter().map(|(name, intake)| (*name, intake.queue.clone())).collect();
        let index = Arc::new(SharedIndex::new(intakes, clock.clone()));
        if settings.controllers.contains_key(&Controller::ClusterIp) {
            metrics.watch_cluster_ips(&index);
        }
        let reachability = Arc::new(Reachability::new(settings.optional_kinds()));
        let mut intake = JoinSet::new();
        for kind in index.with(|index| index.kinds().clone()) {
            let feed = Feed {
                kind,
                wire: wire.clone(),
                index: index.clone(),
                randomness: randomness.clone(),
                reachability: reachability.clone(),
                metrics: metrics.clone(),
            };
            intake.spawn(feed.run());
        }

        let check = |(controller, queue)| {
            let need = match settings.optional.contains(&controller) {
                true => Need::Optional,
                false => Need::Required,
            };
            let check = ControllerCheck {
                controller,
                need,
                index: index.clone(),
                reachability: reachability.clone(),
                queue,
                failures: Arc::default(),
            };
            (controller, Arc::new(check))
        };
        let checks = queues.into_iter().map(check).collect();
        let (workers, events) = (JoinSet::new(), JoinSet::new());
        Self {
            wire,
            identities,
            clock,
            randomness,
            settings,
            metrics,
            index,
            checks,
            intake,
            workers,
            events,
        }
    }

    /// Sets to work, for as long as the fence is open. A controller writes nothing before all that
    /// it depends on is listed.
    pub fn lead(&mut self, fence: Fence) {
        let reader = |writers: &[Controller]| self.executor(self.wire_of(writers), fence.clone());
        let readers = BTreeMap::from([
            (Kind::Endpoints, reader(&[Controller::Endpoints])),
            (Kind::Service, reader(&[Controller::ClusterIp])),
            (Kind::IpAddress, reader(&[Controller::ClusterIp])),
            (Kind::ClusterIpHold, reader(&[Controller::ClusterIp])),
            (
                Kind::EndpointSlice,
                reader(&[Controller::EndpointSlice, Controller::EndpointSliceMirroring]),
            ),
        ]);
        self.intake.spawn(collect_debts(self.index.clone(), readers));
        let slices = EndpointSliceController { limits: self.settings.slice_limits() };
        let mirrors = MirroringController { limits: self.settings.mirror_limits() };
        self.employ(slices, &fence);
        self.employ(EndpointsController, &fence);
        self.employ(mirrors, &fence);
        self.employ_for_cluster_ips(&fence);
        self.index.begin_work();
        if let Some(period) = self.settings.min_resync_period {
            self.intake.spawn(visit_again(self.index.clone(), self.once_to_twice(period)));
        }
    }

    /// Waits until every kind has been listed.
    pub async fn synced(&self) {
        let kinds: Vec<Kind> = self.index.with(|index| index.kinds().iter().copied().collect());
        self.index.synced(&kinds).await;
    }

    /// The index and queue, for looking at.
    pub fn index(&self) -> &Arc<SharedIndex> {
        &self.index
    }

    /// What it counts.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Adds a check for each controller that runs, under its name.
    pub fn add_checks(&self, health: &Health) {
        for (controller, check) in &self.checks {
            health.add(controller.name(), check.clone());
        }
    }

    /// Comes back only if a part has ended that should never end.
    pub async fn failed(&mut self) -> anyhow::Error {
        let ended = tokio::select! {
            Some(ended) = self.intake.join_next() => ended,
            Some(ended) = self.workers.join_next() => ended,
            // No controller was asked for.
            else => std::future::pending().await,
        };
        match ended {
            Ok(()) => anyhow::anyhow!("a task ended that should run for ever"),
            Err(error) => anyhow::Error::from(error).context("a task failed"),
        }
    }

    /// Stops: takes nothing in any more, lets every write in flight finish, sends the last events.
    pub async fn stop(mut self) {
        if !self.workers.is_empty() {
            for controller in self.settings.controllers.keys() {
                tracing::info!("Shutting down {}", title(*controller));
            }
        }
        self.intake.shutdown().await;
        self.index.queues().for_each(|queue| queue.close());
        while self.workers.join_next().await.is_some() {}
        // The workers held the last recorders, so the events end by themselves.
        let events = async { while self.events.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_EVENTS, events).await;
    }

    /// Starts the workers of a controller, if it is to run.
    fn employ<C: Reconcile>(&mut self, controller: C, fence: &Fence) {
        let Some(post) = self.post(C::CONTROLLER, fence) else {
            return;
        };
        let (team, worker) = (post.pace.concurrent_syncs.get(), post.taken_by(controller));
        for _ in 0..team {
            self.workers.spawn(worker.clone().run());
        }
    }

    /// The same for the ClusterIP controller, once it is known what there is to do.
    fn employ_for_cluster_ips(&mut self, fence: &Fence) {
        let Some(post) = self.post(Controller::ClusterIp, fence) else {
            return;
        };
        self.intake.spawn(look_over_cluster_ips(self.index.clone()));
        let pools = PoolStatusWriter {
            wire: post.wire.clone(),
            index: self.index.clone(),
            fence: fence.clone(),
            recorder: post.recorder.clone(),
        };
        self.intake.spawn(pools.run());
        let (wire, index, fence) = (post.wire.clone(), self.index.clone(), fence.clone());
        self.intake.spawn(HoldRemover { wire, index, fence }.run());
        let mode = self.settings.cluster_ip_mode;
        self.workers.spawn(async move {
            let duty = tokio::select! {
                duty = mode.duty(&post.wire) => duty,
                () = post.check.queue.closed() => return,
            };
            if duty == Duty::Reconcile {
                post.metrics.gives_cluster_ips();
            }
            let team = post.pace.concurrent_syncs.get();
            let worker = post.taken_by(ClusterIpController { duty });
            let team = (0..team).map(|_| worker.clone().run());
            futures::future::join_all(team).await;
        });
    }

    /// What the workers of a controller share, if it is to run. Each controller writes in its own
    /// name and has its own share of requests.
    fn post(&mut self, controller: Controller, fence: &Fence) -> Option<Post> {
        let pace = *self.settings.controllers.get(&controller)?;
        let check = self.checks.get(&controller)?.clone();
        tracing::info!("Starting {}", title(controller));
        self.metrics.watch(controller, check.queue.clone());
        // More depends on slices than on Endpoints, so they go first.
        let first = match controller {
            Controller::Endpoints => self.checks.get(&Controller::EndpointSlice),
            _ => None,
        };
        let after = first.map(|first| first.queue.clone());
        let wire = self.wire_of(&[controller]);
        let (recorder, events) =
            Recorder::start(wire.clone(), self.clock.clone(), self.randomness.clone());
        self.events.spawn(async move {
            // It ends with its last recorder, or is aborted with us.
            let _ = events.await;
        });
        let executor = Arc::new(self.executor(wire.clone(), fence.clone()));
        let (index, metrics) = (self.index.clone(), self.metrics.clone());
        let pause = self.once_to_twice(self.settings.start_interval);
        Some(Post { pace, check, after, wire, index, executor, recorder, metrics, pause })
    }

    /// The way of the first of some controllers that has one of its own. Whose rights are
    /// kube-controller-manager's may list and watch everything, and read no single object.
    fn wire_of(&self, controllers: &[Controller]) -> Wire {
        let own = controllers.iter().find_map(|name| self.identities.get(name));
        own.unwrap_or(&self.wire).clone()
    }

    /// A time that is different for every replica, as kube-controller-manager draws it.
    fn once_to_twice(&self, time: Duration) -> Duration {
        time.mul_f64(1.0 + self.randomness.fraction())
    }

    fn executor(&self, wire: Wire, fence: Fence) -> Executor {
        let limiter = Limiter::new(self.settings.kube_api_qps, self.settings.kube_api_burst);
        Executor::new(wire, self.index.clone(), limiter, fence, self.randomness.clone())
    }
}

/// A place for the workers of a controller.
struct Post {
    pace: Pace,
    check: Arc<ControllerCheck>,
    /// The queue whose visits of a key come before theirs.
    after: Option<Arc<Queue<NamespacedName, Trigger>>>,
    wire: Wire,
    index: Arc<SharedIndex>,
    executor: Arc<Executor>,
    recorder: Recorder,
    metrics: Arc<Metrics>,
    /// How long they wait before they begin.
    pause: Duration,
}

impl Post {
    fn taken_by<C: Reconcile>(self, controller: C) -> Arc<Worker<C>> {
        Arc::new(Worker {
            controller,
            queue: self.check.queue.clone(),
            after: self.after,
            index: self.index,
            executor: self.executor,
            recorder: self.recorder,
            complaints: Complaints::default(),
            metrics: self.metrics,
            failures: self.check.failures.clone(),
            pause: self.pause,
        })
    }
}

/// What kube-controller-manager's log calls a controller.
fn title(controller: Controller) -> &'static str {
    match controller {
        Controller::Endpoints => "endpoint controller",
        Controller::EndpointSlice => "endpoint slice controller",
        Controller::EndpointSliceMirroring => "EndpointSliceMirroring controller",
        Controller::ClusterIp => "ClusterIP controller",
    }
}

impl Settings {
    /// The kinds that only optional controllers depend on, with those.
    fn optional_kinds(&self) -> BTreeMap<Kind, Controller> {
        let required = self.controllers.keys().filter(|it| !self.optional.contains(it));
        let required: BTreeSet<Kind> = required.flat_map(|it| it.kinds()).copied().collect();
        let of_each =
            self.optional.iter().flat_map(|it| it.kinds().iter().map(|kind| (*kind, *it)));
        of_each.filter(|(kind, _)| !required.contains(kind)).collect()
    }

    fn slice_limits(&self) -> endpoint_slices::Limits {
        endpoint_slices::Limits { max_endpoints_per_slice: self.max_endpoints_per_slice }
    }

    fn mirror_limits(&self) -> mirroring::Limits {
        mirroring::Limits { max_endpoints_per_subset: self.mirroring_max_endpoints_per_subset }
    }
}

/// Visits everything from time to time, so that not even a mistake of ours lasts.
async fn visit_again(index: Arc<SharedIndex>, period: Duration) {
    loop {
        tokio::time::sleep(period).await;
        index.visit_all();
    }
}

/// Looks over all ClusterIPs again and again, as kube-apiserver does, and in between for claims whose
/// Services are gone, although nobody saw them go, and for claims that have come of age.
async fn look_over_cluster_ips(index: Arc<SharedIndex>) {
    let limit = SignedDuration::try_from(LONGEST_ABSENCE).unwrap_or(SignedDuration::ZERO);
    index.synced(Controller::ClusterIp.kinds()).await;
    let mut looked_over = Instant::now();
    loop {
        tokio::time::sleep(DEBT_CHECK).await;
        index.presume_departed(index.now() - limit);
        index.settle_claims(index.now() - CLAIM_SETTLES);
        if looked_over.elapsed() >= CLUSTER_IP_AUDIT {
            looked_over = Instant::now();
            index.revisit(Controller::ClusterIp);
        }
    }
}

/// Settles by a live read what the watch should have shown and did not.
async fn collect_debts(index: Arc<SharedIndex>, readers: BTreeMap<Kind, Executor>) {
    let limit = SignedDuration::try_from(LONGEST_DEBT).unwrap_or(SignedDuration::ZERO);
    loop {
        tokio::time::sleep(DEBT_CHECK).await;
        let before = index.now() - limit;
        for (kind, key) in index.with(|index| index.overdue(before)) {
            let Some(executor) = readers.get(&kind) else {
                continue;
            };
            tracing::warn!(kind = kind.name(), object = %key, "The watch does not show a write of ours; reading the object live");
            if let Err(error) = executor.read_live(kind, &key).await {
                tracing::warn!(kind = kind.name(), object = %key, err = %error, "Cannot read an object live; trying again");
            }
        }
    }
}
