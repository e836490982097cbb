//! What there is to read.

mod configz;
mod health;
mod metrics;
mod verbosity;
mod zpages;

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use super::answer::{self, Answer};
use crate::config::Config;
use crate::config::serving::Debugging;
use crate::health::{Health, Probe};
use crate::logging::Verbosity;
use crate::metrics::Metrics;

/// The pages of a process.
pub struct Pages {
    /// How it fares.
    pub health: Arc<Health>,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// How it was started.
    pub config: Arc<Config>,
    /// When it was started.
    pub started: Timestamp,
    /// How much it logs.
    pub verbosity: Verbosity,
    /// Whether how much it logs can be changed.
    pub debugging: Debugging,
}

impl Pages {
    /// The page that a request asks for. The method does not matter but where something is changed.
    pub async fn answer<B>(&self, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>,
    {
        let path = request.uri().path().to_owned();
        if let Some((probe, name)) = probe(&path) {
            return health::answer(&self.health, &self.metrics, probe, name, request.uri().query());
        }
        match path.as_str() {
            "/metrics" => metrics::all(&self.metrics, request.headers()),
            "/metrics/slis" => metrics::slis(&self.metrics, request.headers()),
            "/configz" => configz::answer(&self.config),
            "/flagz" => zpages::flagz(&self.config, request.headers()),
            "/statusz" => zpages::statusz(self.started, request.headers()),
            "/debug/flags/v" if self.debugging == Debugging::On => {
                verbosity::answer(&self.verbosity, request).await
            }
            _ => answer::not_found(),
        }
    }
}

/// The probe that a path means, and the one check that it names, if it does.
fn probe(path: &str) -> Option<(Probe, Option<&str>)> {
    let path = path.strip_prefix('/')?;
    let (name, check) = match path.split_once('/') {
        Some((name, check)) => (name, Some(check)),
        None => (path, None),
    };
    let probe = Probe::ALL.into_iter().find(|probe| probe.name() == name)?;
    Some((probe, check))
}
