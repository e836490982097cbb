//! Leader election: of several replicas one works, by the rules of client-go and on the same object, a
//! Lease. It goes further than client-go in this: whoever reads another's name stops at once, writes
//! leave only while the Lease is fresh by a clock that counts suspend, and a replica that waits watches
//! the Lease, so that one that is given back is taken up at once.

mod check;
mod fence;
mod lock;
mod record;

use std::sync::Arc;
use std::time::Duration;

use controller_core::key::NamespacedName;
use controller_core::reconcile::{Notice, NoticeSeverity, Reference};
use futures::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::api::WatchEvent;
use tokio_util::sync::CancellationToken;

use crate::environment::{Clock, Randomness, SinceBoot};
use crate::events::Recorder;
use crate::health::Check;
use crate::metrics::Metrics;
use crate::wire::WireError;

use check::ElectionCheck;
pub use fence::Fence;
use lock::Lock;
use record::{Record, Standing};

/// The name of the election's check.
pub const CHECK: &str = "leaderElection";

/// The source that events of the election name.
const COMPONENT: &str = "roster-controller-manager";
/// A wait between two tries is up to so much longer than the retry period, as in client-go.
const JITTER: f64 = 1.2;
/// The shortest time that a request may take.
const SHORTEST_REQUEST: Duration = Duration::from_secs(1);

/// What the operator sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `--leader-elect-resource-namespace`.
    pub namespace: String,
    /// `--leader-elect-resource-name`.
    pub name: String,
    /// `--leader-elect-lease-duration`: how long others wait for a leader that is silent.
    pub lease_duration: Duration,
    /// `--leader-elect-renew-deadline`: how long a leader goes on after its last renewal.
    pub renew_deadline: Duration,
    /// `--leader-elect-retry-period`: how long between two tries.
    pub retry_period: Duration,
}

/// What an election takes from its surroundings.
pub struct Surroundings {
    /// The way to the API server.
    pub client: Client,
    /// The time of day, for what is written.
    pub clock: Clock,
    /// The time that leases are measured in.
    pub since_boot: SinceBoot,
    /// For jitter.
    pub randomness: Randomness,
    /// Takes events.
    pub recorder: Recorder,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

/// A replica that waits for the Lease.
pub struct Candidate {
    settings: Settings,
    surroundings: Surroundings,
    identity: String,
    lock: Lock,
    record: Record,
    fence: Fence,
    watch: Option<lock::Watch>,
    /// Whom the log has named as the holder.
    told: Option<Standing>,
}

/// A replica that has the Lease.
pub struct Leader(Candidate);

/// Why a leader is one no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// Somebody else has the Lease.
    #[error("the Lease is held by {0}")]
    Taken(String),
    /// The Lease was not renewed in time.
    #[error("the Lease was not renewed within {}s", .0.as_secs_f64())]
    Late(Duration),
}

/// A try that came to nothing.
struct Failure {
    /// What could not be done, in client-go's words.
    step: &'static str,
    error: WireError,
}

impl Failure {
    fn of(step: &'static str) -> impl Fn(WireError) -> Self {
        move |error| Self { step, error }
    }
}

/// The name of a replica, different for each process: the host's name and a random UUID.
pub fn identity() -> String {
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    let uuid = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    format!("{host}_{uuid}")
}

impl Candidate {
    /// Stands for election under a name. Nothing is sent yet.
    pub fn new(settings: Settings, surroundings: Surroundings, identity: String) -> Self {
        let deadline = SHORTEST_REQUEST.max(settings.renew_deadline / 2);
        let client = surroundings.client.clone();
        surroundings.metrics.stands_by(&settings.name);
        Self {
            lock: Lock::new(client, &settings.namespace, &settings.name, deadline),
            record: Record::new(identity.clone(), settings.lease_duration),
            fence: Fence::shut_at_first(surroundings.since_boot.clone()),
            watch: None,
            told: None,
            settings,
            surroundings,
            identity,
        }
    }

    /// Tells whether the election is alive, for as long as anybody asks.
    pub fn check(&self) -> Arc<dyn Check> {
        Arc::new(ElectionCheck::new(&self.settings, self.fence.clone()))
    }

    /// Tries until the Lease is ours, or until `stop` comes between two tries.
    pub async fn win(mut self, stop: &CancellationToken) -> Option<Leader> {
        tracing::info!(lock = self.lock_name(), "Attempting to acquire leader lease...");
        while !stop.is_cancelled() {
            match self.attempt().await {
                Ok(Standing::Ours) => {
                    self.watch = None;
                    self.surroundings.metrics.leads(&self.settings.name);
                    tracing::info!(lock = self.lock_name(), "Successfully acquired lease");
                    self.tell("became leader");
                    return Some(Leader(self));
                }
                Ok(standing) => self.tell_of(standing),
                Err(failure) => self.complain(&failure),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wait() => {}
            }
        }
        None
    }

    /// One try, as client-go makes it: a leader renews what it knows; else the Lease is read, and
    /// taken if it may be.
    async fn attempt(&mut self) -> Result<Standing, Failure> {
        if let Some(renewal) = self.record.renewal(self.now(), self.time()) {
            match self.replace(renewal).await {
                Ok(()) => return Ok(Standing::Ours),
                Err(error) => tracing::debug!(
                    lock = self.lock_name(),
                    err = %error,
                    "Failed to update lease optimistically, falling back to slow path"
                ),
            }
        }
        let Some(lease) =
            self.lock.get().await.map_err(Failure::of("Error retrieving lease lock"))?
        else {
            let created = self.create().await.map(|()| Standing::Ours);
            return created.map_err(Failure::of("Error initially creating lease lock"));
        };
        self.record.observe(lease, self.now());
        match self.record.standing(self.now()) {
            Standing::Ours => self.surroundings.metrics.took_the_slow_path(&self.settings.name),
            Standing::Free => {}
            standing @ (Standing::HeldBy(_) | Standing::Assigned) => return Ok(standing),
        }
        let replaced = self.replace(self.record.claim(self.time())).await;
        replaced.map(|()| Standing::Ours).map_err(Failure::of("Failed to update lock"))
    }

    async fn create(&mut self) -> Result<(), WireError> {
        let Settings { namespace, name, .. } = &self.settings;
        let sent = self.now();
        let lease = self.record.creation(sent, self.time(), namespace, name);
        let created = self.lock.create(&lease).await?;
        self.hold(created, sent);
        Ok(())
    }

    async fn replace(&mut self, lease: Lease) -> Result<(), WireError> {
        let sent = self.now();
        let stored = self.lock.replace(&lease).await?;
        self.hold(stored, sent);
        Ok(())
    }

    /// The Lease is ours. Others cannot have seen it before it was sent, so it is from then on that
    /// it holds for certain.
    fn hold(&mut self, stored: Lease, sent: Duration) {
        self.record.wrote(stored, sent);
        self.fence.extend(sent + self.settings.renew_deadline);
    }

    /// Waits for the next try: as long as client-go does, unless the Lease can be had earlier.
    async fn wait(&mut self) {
        let jitter = 1.0 + JITTER * self.surroundings.randomness.fraction();
        let mut longest = self.settings.retry_period.mul_f64(jitter);
        let remaining = self.record.remaining(self.now());
        if !remaining.is_zero() {
            longest = longest.min(remaining);
        }
        let _ = tokio::time::timeout(longest, self.chance()).await;
    }

    /// Watches until the Lease is free or gone. If it cannot be watched, the next try comes in time.
    async fn chance(&mut self) {
        if self.follow().await.is_err() {
            self.watch = None;
            std::future::pending::<()>().await;
        }
    }

    async fn follow(&mut self) -> Result<(), WireError> {
        let seen = self.record.lease().and_then(|lease| lease.metadata.resource_version.clone());
        let ended = || WireError::Transport("the watch has ended".to_owned());
        let from = seen.ok_or_else(ended)?;
        let watch = match &mut self.watch {
            Some(watch) => watch,
            none => none.insert(self.lock.watch(&from).await?),
        };
        loop {
            match watch.next().await.ok_or_else(ended)?? {
                WatchEvent::Added(lease) | WatchEvent::Modified(lease) => {
                    let now = (self.surroundings.since_boot)();
                    self.record.observe(lease, now);
                    if self.record.standing(now) == Standing::Free {
                        return Ok(());
                    }
                }
                WatchEvent::Deleted(_) => return Ok(()),
                WatchEvent::Bookmark(_) => {}
                WatchEvent::Error(status) => return Err(kube::Error::Api(status).into()),
            }
        }
    }

    fn tell_of(&mut self, standing: Standing) {
        if self.told.as_ref() == Some(&standing) {
            return;
        }
        match &standing {
            Standing::HeldBy(holder) => {
                tracing::info!(lock = self.lock_name(), holder, "Standing by");
            }
            Standing::Assigned => tracing::warn!(
                lock = self.lock_name(),
                "The Lease has a strategy, so the API server gives it to whom it chooses; it is not taken"
            ),
            Standing::Ours | Standing::Free => {}
        }
        self.told = Some(standing);
    }

    fn complain(&self, Failure { step, error }: &Failure) {
        tracing::error!(err = %error, lock = self.lock_name(), "{step}");
    }

    /// Says something of this replica in an event on the Lease.
    fn tell(&self, what: &str) {
        let metadata = self.record.lease().map(|lease| lease.metadata.clone()).unwrap_or_default();
        let version = metadata.resource_version.and_then(|version| version.parse().ok());
        let notice = Notice {
            about: Reference {
                api_version: "coordination.k8s.io/v1",
                kind: "Lease",
                key: NamespacedName::new(&*self.settings.namespace, &*self.settings.name),
                uid: metadata.uid.unwrap_or_default().as_str().into(),
                resource_version: version,
            },
            severity: NoticeSeverity::Normal,
            reason: "LeaderElection",
            message: format!("{} {what}", self.identity),
        };
        self.surroundings.recorder.record(COMPONENT, notice);
    }

    fn lock_name(&self) -> String {
        format!("{}/{}", self.settings.namespace, self.settings.name)
    }

    fn now(&self) -> Duration {
        (self.surroundings.since_boot)()
    }

    fn time(&self) -> jiff::Timestamp {
        (self.surroundings.clock)()
    }
}

impl Leader {
    /// Open while this replica may write.
    pub fn fence(&self) -> Fence {
        self.0.fence.clone()
    }

    /// Renews the Lease for as long as it can, and shuts the fence when it no longer can. What is
    /// dropped goes on where it was when it is called again.
    pub async fn keep(&mut self) -> Lost {
        let lost = self.renew().await;
        let candidate = &self.0;
        candidate.fence.shut();
        candidate.surroundings.metrics.stands_by(&candidate.settings.name);
        tracing::info!(lock = candidate.lock_name(), err = %lost, "Failed to renew lease");
        candidate.tell("stopped leading");
        lost
    }

    async fn renew(&mut self) -> Lost {
        let candidate = &mut self.0;
        let late = Lost::Late(candidate.settings.renew_deadline);
        loop {
            let pause = candidate.settings.retry_period.min(candidate.fence.remaining());
            tokio::time::sleep(pause).await;
            // Checked before anything is sent: after a long sleep of the machine the Lease may be
            // somebody else's by now.
            let remaining = candidate.fence.remaining();
            if remaining.is_zero() {
                return late;
            }
            match tokio::time::timeout(remaining, candidate.attempt()).await {
                Ok(Ok(Standing::HeldBy(other))) => return Lost::Taken(other),
                Ok(Ok(_)) => {}
                Ok(Err(failure)) => candidate.complain(&failure),
                Err(_) => return late,
            }
        }
    }

    /// Gives the Lease back, unless it is somebody else's by now. To be called when the last write
    /// has returned.
    ///
    /// # Errors
    /// If the API server does not take it in time. The Lease then expires by itself.
    pub async fn release(mut self) -> Result<(), WireError> {
        let candidate = &mut self.0;
        candidate.fence.shut();
        candidate.surroundings.metrics.stands_by(&candidate.settings.name);
        candidate.tell("stopped leading");
        let limit = candidate.lock.deadline;
        let released = tokio::time::timeout(limit, candidate.give_back()).await;
        released.map_err(|_| WireError::Deadline(limit))?
    }
}

impl Candidate {
    async fn give_back(&mut self) -> Result<(), WireError> {
        while let Some(lease) = self.record.release(self.time()) {
            match self.lock.replace(&lease).await {
                Ok(released) => {
                    self.record.observe(released, self.now());
                    tracing::info!(lock = self.lock_name(), "Released lease");
                }
                Err(error) if error.is_conflict() => match self.lock.get().await? {
                    Some(lease) => self.record.observe(lease, self.now()),
                    None => return Ok(()),
                },
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
