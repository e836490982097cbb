//! `roster controller-manager`, from checked flags to the end of the process.

mod signals;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use controller_core::key::Controller;
use jiff::Timestamp;

use crate::config::Config;
use crate::environment::{Clock, Randomness, since_boot};
use crate::events::Recorder;
use crate::health::Health;
use crate::leader::{self, Candidate, Surroundings};
use crate::manager::{Manager, Parts};
use crate::metrics::Metrics;
use crate::shift::Shift;

/// How long events of the election may take to be sent at the end.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// Runs until SIGTERM or SIGINT, then finishes what is in flight and gives the Lease back. A second
/// signal ends the process at once, with exit code 1.
///
/// # Errors
/// If the configuration cannot be used, if a part of the manager fails, if what is in flight does not
/// finish in time, or if the Lease is lost.
pub async fn controller_manager(config: Config) -> Result<()> {
    let stop = signals::first()?;
    announce(&config);
    let wire = config.connect().await?;
    let metrics = Arc::new(Metrics::new()?);
    let health = Health::default();
    let clock: Clock = Arc::new(Timestamp::now);
    let randomness = Randomness::seeded(rand::random());
    let manager = Manager::start(Parts {
        wire: wire.clone(),
        clock: clock.clone(),
        randomness: randomness.clone(),
        settings: config.settings.clone(),
        metrics: metrics.clone(),
    });
    manager.add_checks(&health);
    let shift = Shift { manager, shutdown_timeout: config.shutdown_timeout, stop };
    let Some(settings) = config.election.clone() else {
        return shift.alone().await;
    };
    let client = config.connect_for_election().await?;
    let (recorder, events) = Recorder::start(wire, clock.clone());
    let surroundings =
        Surroundings { client, clock, since_boot: since_boot(), randomness, recorder, metrics };
    let candidate = Candidate::new(settings, surroundings, leader::identity());
    health.add(leader::CHECK, candidate.check());
    let ended = shift.elected(candidate).await;
    let _ = tokio::time::timeout(LAST_EVENTS, events).await;
    ended
}

fn announce(config: &Config) {
    tracing::info!(version = concat!("v", env!("CARGO_PKG_VERSION")), "Starting");
    for controller in Controller::ALL {
        match config.settings.controllers.get(&controller) {
            Some(pace) => tracing::info!(
                controller = controller.name(),
                concurrentSyncs = pace.concurrent_syncs.get(),
                batchPeriod = ?pace.batch_period,
                "Starting controller"
            ),
            None => {
                tracing::warn!(controller = controller.name(), "Warning: controller is disabled")
            }
        }
    }
    for flag in &config.without_effect {
        tracing::warn!(flag, "flag has no effect here");
    }
    for controller in config.controllers.of_others() {
        tracing::info!(controller, "controller stays with kube-controller-manager");
    }
}
