//! The manager: feeds, index, queue, workers and events wired together, in start order.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use controller_core::endpoint_slices::Limits;
use controller_core::key::Kind;
use jiff::SignedDuration;
use tokio::task::{JoinHandle, JoinSet};

use crate::complaints::Complaints;
use crate::environment::{Clock, Randomness};
use crate::events::Recorder;
use crate::executor::Executor;
use crate::feed::Feed;
use crate::limiter::Limiter;
use crate::queue::Queue;
use crate::reachability::Reachability;
use crate::shared_index::SharedIndex;
use crate::wire::Wire;
use crate::worker::Worker;

/// How long the watch may owe us the echo of a write before a live read settles it.
const LONGEST_DEBT: Duration = Duration::from_secs(30);
/// How often debts are looked at.
const DEBT_CHECK: Duration = Duration::from_secs(10);
/// How long events may take to be sent at the end.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// What a manager is made of.
pub struct Parts {
    /// The way to the API server.
    pub wire: Wire,
    /// Tells the time.
    pub clock: Clock,
    /// For jitter.
    pub randomness: Randomness,
    /// What the operator sets.
    pub settings: Settings,
}

/// What the operator sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `--concurrent-service-endpoint-syncs`: how many Services are worked on at once.
    pub concurrent_service_endpoint_syncs: NonZeroUsize,
    /// `--max-endpoints-per-slice`.
    pub max_endpoints_per_slice: NonZeroUsize,
    /// `--endpointslice-updates-batch-period`.
    pub endpointslice_updates_batch_period: Duration,
    /// `--kube-api-qps`: writes a second; none means no limit.
    pub kube_api_qps: Option<f64>,
    /// `--kube-api-burst`: writes at once.
    pub kube_api_burst: u32,
}

/// A running manager.
pub struct Manager {
    index: Arc<SharedIndex>,
    intake: JoinSet<()>,
    workers: JoinSet<()>,
    events: JoinHandle<()>,
}

impl Manager {
    /// Starts everything. Nothing is written before every kind has been listed.
    pub fn start(parts: Parts) -> Self {
        let Parts { wire, clock, randomness, settings } = parts;
        let queue = Queue::new(randomness.clone());
        let batch_period = settings.endpointslice_updates_batch_period;
        let index = Arc::new(SharedIndex::new(queue, batch_period, clock.clone()));
        let (recorder, events) = Recorder::start(wire.clone(), clock);
        let limiter = Limiter::new(settings.kube_api_qps, settings.kube_api_burst);
        let worker = Arc::new(Worker {
            index: index.clone(),
            executor: Executor::new(wire.clone(), index.clone(), limiter),
            recorder,
            complaints: Complaints::default(),
            limits: Limits { max_endpoints_per_slice: settings.max_endpoints_per_slice },
        });
        let reachability = Arc::new(Reachability::default());
        let mut intake = JoinSet::new();
        for kind in Kind::ALL {
            let feed = Feed {
                kind,
                wire: wire.clone(),
                index: index.clone(),
                randomness: randomness.clone(),
                reachability: reachability.clone(),
            };
            intake.spawn(feed.run());
        }
        intake.spawn(collect_debts(worker.clone()));
        let mut workers = JoinSet::new();
        for _ in 0..settings.concurrent_service_endpoint_syncs.get() {
            workers.spawn(worker.clone().run());
        }
        Self { index, intake, workers, events }
    }

    /// Waits until every kind has been listed.
    pub async fn synced(&self) {
        self.index.synced().await;
    }

    /// The index and queue, for looking at.
    pub fn index(&self) -> &Arc<SharedIndex> {
        &self.index
    }

    /// Comes back only if a part has ended that should never end.
    pub async fn failed(&mut self) -> anyhow::Error {
        let ended = tokio::select! {
            Some(ended) = self.intake.join_next() => ended,
            Some(ended) = self.workers.join_next() => ended,
            else => return anyhow::anyhow!("nothing is running any more"),
        };
        match ended {
            Ok(()) => anyhow::anyhow!("a task ended that should run for ever"),
            Err(error) => anyhow::Error::from(error).context("a task failed"),
        }
    }

    /// Stops: takes nothing in any more, lets every write in flight finish, sends the last events.
    pub async fn stop(mut self) {
        self.intake.shutdown().await;
        self.index.queue().close();
        if !self.index.with(|index| index.is_synced()) {
            // Workers still wait for the first lists, and have nothing in flight.
            self.workers.abort_all();
        }
        while self.workers.join_next().await.is_some() {}
        // The workers held the last recorders, so the events end by themselves.
        let _ = tokio::time::timeout(LAST_EVENTS, self.events).await;
    }
}

/// Settles by a live read what the watch should have shown and did not.
async fn collect_debts(worker: Arc<Worker>) {
    let limit = SignedDuration::try_from(LONGEST_DEBT).unwrap_or(SignedDuration::ZERO);
    loop {
        tokio::time::sleep(DEBT_CHECK).await;
        let before = worker.index.now() - limit;
        for slice in worker.index.with(|index| index.overdue(before)) {
            tracing::warn!(slice = %slice, "The watch does not show a write of ours; reading the slice live");
            if let Err(error) = worker.executor.read_live(&slice).await {
                tracing::warn!(slice = %slice, err = %error, "Cannot read a slice live; trying again");
            }
        }
    }
}
