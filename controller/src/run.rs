//! `roster controller-manager`, from checked flags to the end of the process.

use std::sync::Arc;

use anyhow::Result;
use controller_core::key::Controller;
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::environment::{Clock, Randomness};
use crate::health::Health;
use crate::manager::{Manager, Parts};
use crate::metrics::Metrics;

/// Runs until SIGTERM or SIGINT, then finishes what is in flight. A second signal ends the process
/// at once, with exit code 1.
///
/// # Errors
/// If the configuration cannot be used, or if a part of the manager fails.
pub async fn controller_manager(config: Config) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    announce(&config);
    let wire = config.connect().await?;
    let metrics = Arc::new(Metrics::new()?);
    let health = Health::default();
    let mut manager = (!config.settings.controllers.is_empty()).then(|| {
        let clock: Clock = Arc::new(Timestamp::now);
        let settings = config.settings.clone();
        Manager::start(Parts {
            wire,
            clock,
            randomness: Randomness::seeded(rand::random()),
            settings,
            metrics,
        })
    });
    if let Some(manager) = &manager {
        manager.add_checks(&health);
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        error = failure(&mut manager) => return Err(error),
    }
    tracing::info!("Shutting down");
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::error!("Second signal: ending at once");
        std::process::exit(1);
    });
    if let Some(manager) = manager {
        manager.stop().await;
    }
    Ok(())
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

/// The failure of a manager. Without a manager there is none.
async fn failure(manager: &mut Option<Manager>) -> anyhow::Error {
    match manager {
        Some(manager) => manager.failed().await,
        None => std::future::pending().await,
    }
}
