//! `roster controller-manager`, from checked flags to the end of the process.

mod signals;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use controller_core::key::Controller;
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Takeover};
use crate::environment::{Clock, Randomness, since_boot};
use crate::events::Recorder;
use crate::health::Health;
use crate::leader::{self, Candidate, Surroundings};
use crate::logging::{PLAIN, Verbosity};
use crate::manager::{Manager, Parts};
use crate::metrics::Metrics;
use crate::serving::{self, Pages, Server};
use crate::shift::Shift;
use crate::takeover::{Guard, Lookout};
use crate::version::VERSION;
use crate::webhook;
use crate::wire::Wire;

/// How long events of the election may take to be sent at the end.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// Runs until SIGTERM or SIGINT, then finishes what is in flight and gives the Lease back. A second
/// signal ends the process at once, with exit code 1.
///
/// # Errors
/// If the configuration cannot be used, if the port cannot be opened, if a part of the manager fails, if
/// what is in flight does not finish in time, or if the Lease is lost.
pub async fn controller_manager(config: Config, verbosity: Verbosity) -> Result<()> {
    let stop = signals::first()?;
    announce(&config);
    let metrics =
        Metrics::new()?.without(&config.disabled_metrics).allowing(&config.allowed_labels);
    let watched = Watched { health: Arc::default(), metrics: Arc::new(metrics) };
    let wire = config.connect(&watched.metrics).await?;
    let config = Arc::new(config);
    // All checks are there before anybody can ask for them: a replica must not be ready for a moment
    // because nothing is checked yet.
    let work = Work::prepare(&config, wire.clone(), &watched, stop).await?;
    let servers =
        [serve(&config, &watched, verbosity).await?, admit(&config, wire, &work, &watched).await?];
    let ended = work.run().await;
    for server in servers.into_iter().flatten() {
        server.stop().await;
    }
    ended
}

/// What the port shows of whoever works.
struct Watched {
    health: Arc<Health>,
    metrics: Arc<Metrics>,
}

/// Opens the port, if there is to be one. It is open before the election, so that standbys are seen.
async fn serve(
    config: &Arc<Config>,
    watched: &Watched,
    verbosity: Verbosity,
) -> Result<Option<Server>> {
    let Some(serving) = &config.serving else {
        return Ok(None);
    };
    let pages = Pages {
        health: watched.health.clone(),
        metrics: watched.metrics.clone(),
        config: config.clone(),
        started: Timestamp::now(),
        verbosity,
        debugging: serving.debugging,
    };
    serving::start(serving, pages).await.map(Some)
}

/// Opens the port of the admission webhook, if there is to be one. Every replica answers, leader or not.
async fn admit(
    config: &Config,
    wire: Wire,
    work: &Work,
    watched: &Watched,
) -> Result<Option<Server>> {
    let Some(settings) = &config.webhook else {
        return Ok(None);
    };
    let parts = webhook::Parts {
        wire,
        index: work.shift.manager.index().clone(),
        randomness: Randomness::seeded(rand::random()),
        holder: leader::identity(),
        metrics: watched.metrics.clone(),
    };
    webhook::start(settings, parts).await.map(Some)
}

/// What is to be done, all ready.
struct Work {
    shift: Shift,
    election: Option<Election>,
}

/// A replica among others.
struct Election {
    candidate: Candidate,
    /// Sends its events, and ends when all are sent.
    events: JoinHandle<()>,
}

impl Work {
    /// Begins to watch, and adds the checks.
    async fn prepare(
        config: &Config,
        wire: Wire,
        watched: &Watched,
        stop: CancellationToken,
    ) -> Result<Self> {
        let clock: Clock = Arc::new(Timestamp::now);
        let randomness = Randomness::seeded(rand::random());
        let Watched { health, metrics } = watched;
        let manager = Manager::start(Parts {
            wire: wire.clone(),
            identities: config.identities(&wire, metrics).await?,
            clock: clock.clone(),
            randomness: randomness.clone(),
            settings: config.settings.clone(),
            metrics: metrics.clone(),
        });
        let guard = guard(config, metrics, &clock).await?;
        let shift = Shift { manager, guard, shutdown_timeout: config.shutdown_timeout, stop };
        let Some(settings) = config.election.clone() else {
            shift.manager.add_checks(health);
            return Ok(Self { shift, election: None });
        };
        let client = config.connect_for_election(metrics).await?;
        let (recorder, events) = Recorder::start(wire, clock.clone(), randomness.clone());
        let metrics = metrics.clone();
        let surroundings =
            Surroundings { client, clock, since_boot: since_boot(), randomness, recorder, metrics };
        let candidate = Candidate::new(settings, surroundings, leader::identity());
        health.add(leader::CHECK, candidate.check());
        shift.manager.add_checks(health);
        Ok(Self { shift, election: Some(Election { candidate, events }) })
    }

    /// Works until told to stop.
    async fn run(self) -> Result<()> {
        let Some(Election { candidate, events }) = self.election else {
            return self.shift.alone().await;
        };
        let ended = self.shift.elected(candidate).await;
        let _ = tokio::time::timeout(LAST_EVENTS, events).await;
        ended
    }
}

async fn guard(config: &Config, metrics: &Arc<Metrics>, clock: &Clock) -> Result<Option<Guard>> {
    match config.takeover {
        Takeover::Wait => {
            let ours = config.contended();
            Ok(Some(Guard::new(Lookout::new(config.client(metrics).await?), ours, clock.clone())))
        }
        Takeover::Force => Ok(None),
    }
}

fn announce(config: &Config) {
    if config.logging.verbosity > 0 {
        for (name, value) in &config.flags {
            tracing::info!(name: PLAIN, "FLAG: --{name}={value:?}");
        }
    }
    let settings = &config.settings;
    let running: Vec<&str> = settings.controllers.keys().map(|running| running.name()).collect();
    tracing::info!(
        version = VERSION,
        controllers = running.join(","),
        maxEndpointsPerSlice = settings.max_endpoints_per_slice.get(),
        maxEndpointsPerSubset = settings.mirroring_max_endpoints_per_subset.get(),
        kubeAPIQPS = settings.kube_api_qps.unwrap_or(f64::INFINITY),
        kubeAPIBurst = settings.kube_api_burst,
        "Starting"
    );
    for controller in Controller::ALL {
        if !settings.controllers.contains_key(&controller) {
            tracing::info!(controller = controller.name(), "Warning: controller is disabled");
        }
    }
    for flag in &config.without_effect {
        tracing::warn!(flag, "flag has no effect here");
    }
    for gate in &config.feature_gates {
        tracing::warn!(gate, "feature gate has no effect here");
    }
    for controller in config.controllers.of_others() {
        tracing::info!(controller, "controller stays with kube-controller-manager");
    }
}
