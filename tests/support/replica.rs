//! One of several Rosters on the API server in memory, with a cable that can be pulled and a machine
//! that can be put to sleep.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use controller::environment::{Clock, Randomness, SinceBoot};
use controller::events::Recorder;
use controller::leader::{Candidate, Settings, Surroundings};
use controller::manager::{Manager, Parts};
use controller::metrics::Metrics;
use controller::shift::Shift;
use controller::wire::Wire;
use controller_core::key::Controller;
use http::{Method, Request, Response};
use jiff::SignedDuration;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use kube::Client;
use parking_lot::Mutex;
use sandbox::{Answer, Cut, Sandbox};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::World;
use crate::roster::of_controllers;

/// A replica that runs Roster's EndpointSlice controller when it leads.
pub struct Replica {
    name: &'static str,
    cable: Cable,
    asleep: Arc<Mutex<Duration>>,
    set: Arc<Mutex<SignedDuration>>,
    stop: CancellationToken,
    metrics: Arc<Metrics>,
    shift: JoinHandle<anyhow::Result<()>>,
}

impl Replica {
    /// Starts one under a name, with upstream's times.
    pub fn start(world: &World, name: &'static str) -> Self {
        let cable = Cable {
            sandbox: world.sandbox.clone(),
            pulled: Arc::new(watch::channel(false).0),
            writes: Arc::default(),
        };
        let client = Client::new(cable.clone(), "default");
        let wire = Wire::new(client.clone(), client.clone());
        let metrics = Arc::new(Metrics::new().unwrap());
        let asleep: Arc<Mutex<Duration>> = Arc::default();
        let set: Arc<Mutex<SignedDuration>> = Arc::default();
        let clock = wrong_by(set.clone(), world.clock.clone());
        let seed = u64::from(name.as_bytes()[0]);
        let randomness = Randomness::seeded(seed);
        let manager = Manager::start(Parts {
            wire: wire.clone(),
            identities: BTreeMap::new(),
            clock: clock.clone(),
            randomness: randomness.clone(),
            settings: of_controllers(&[Controller::EndpointSlice]),
            metrics: metrics.clone(),
        });
        let surroundings = Surroundings {
            client,
            since_boot: since_boot(asleep.clone()),
            recorder: Recorder::start(wire, clock.clone(), randomness.clone()).0,
            clock,
            randomness,
            metrics: metrics.clone(),
        };
        let candidate = Candidate::new(settings(), surroundings, name.to_owned());
        let stop = CancellationToken::new();
        let shift = Shift { manager, guard: None, shutdown_timeout: None, stop: stop.clone() };
        let shift = tokio::spawn(shift.elected(candidate));
        Self { name, cable, asleep, set, stop, metrics, shift }
    }

    /// Starts one, and waits until it leads.
    pub async fn leading(world: &World, name: &'static str) -> Self {
        let replica = Self::start(world, name);
        world.until_held_by(name).await;
        replica
    }

    /// Asks it to end, as SIGTERM does, and waits until it has.
    pub async fn stop(self) {
        self.stop.cancel();
        self.shift.await.unwrap().unwrap();
    }

    /// Ends it without a word, as SIGKILL does.
    pub fn kill(&self) {
        self.shift.abort();
    }

    /// Waits until it has ended by itself, and tells why.
    pub async fn ends(self) -> String {
        format!("{:#}", self.shift.await.unwrap().unwrap_err())
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.shift.is_finished()
    }

    /// From now on no request of it gets anywhere, and no answer comes.
    pub fn pull_the_cable(&self) {
        self.cable.pulled.send_replace(true);
    }

    /// Puts its machine to sleep for a while, which passes at once. Timers do not notice.
    pub fn sleep(&self, time: Duration) {
        *self.asleep.lock() += time;
    }

    /// Sets the clock of its machine by so much.
    pub fn set_clock(&self, by: SignedDuration) {
        *self.set.lock() += by;
    }

    /// When it has sent writes of slices, since the start of the test.
    pub fn slice_writes(&self) -> Vec<Instant> {
        self.cable.writes.lock().clone()
    }

    /// What it counts of elections: `leader_election_master_status 1`.
    pub fn election_metrics(&self) -> Vec<String> {
        let text = self.metrics.render();
        let lines = text.lines().filter(|line| line.starts_with("leader_election"));
        lines.map(|line| line.replace("{name=\"roster\"}", "")).collect()
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl World {
    /// The record of the Lease, if there is one.
    pub async fn lease(&self) -> Option<LeaseSpec> {
        self.cluster.lease("roster").await.and_then(|lease| lease.spec)
    }

    /// Waits until a replica has the Lease.
    pub async fn until_held_by(&self, name: &str) {
        let held_by = async || self.lease().await.and_then(|lease| lease.holder_identity);
        self.cluster.until(Some(name.to_owned()), held_by).await;
    }
}

/// Upstream's times, for the Lease `default/roster`.
pub fn settings() -> Settings {
    Settings {
        namespace: "default".to_owned(),
        name: "roster".to_owned(),
        lease_duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
    }
}

/// A clock that is ahead of another, or behind.
fn wrong_by(set: Arc<Mutex<SignedDuration>>, clock: Clock) -> Clock {
    Arc::new(move || clock() + *set.lock())
}

/// Goes with tokio's time and, unlike it, with what the machine slept.
fn since_boot(asleep: Arc<Mutex<Duration>>) -> SinceBoot {
    let start = Instant::now();
    Arc::new(move || Duration::from_secs(1000) + start.elapsed() + *asleep.lock())
}

/// What stands between a replica and the API server.
#[derive(Clone)]
struct Cable {
    sandbox: Sandbox,
    pulled: Arc<watch::Sender<bool>>,
    writes: Arc<Mutex<Vec<Instant>>>,
}

impl<B> tower::Service<Request<B>> for Cable
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Answer>;
    type Error = Cut;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.method() != Method::GET && request.uri().path().contains("endpointslices") {
            self.writes.lock().push(Instant::now());
        }
        let Self { mut sandbox, pulled, .. } = self.clone();
        Box::pin(async move {
            if *pulled.borrow() {
                return std::future::pending().await;
            }
            sandbox.call(request).await
        })
    }
}
