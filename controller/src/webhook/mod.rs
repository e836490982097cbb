//! The admission webhook: on an API server that gives addresses by itself, it says which ones the server
//! is to take, before the server looks for any. Every replica answers, whether or not it leads; holds
//! keep them from giving one address twice. Read in this order.

mod handler;

mod request;
mod response;

mod chooser;

mod certificate;
pub mod manifest;

use std::sync::Arc;

use anyhow::{Context, Result};

use crate::config;
use crate::environment::Randomness;
use crate::metrics::Metrics;
use crate::serving::{Identity, Server, authorities_in};
use crate::shared_index::SharedIndex;
use crate::wire::Wire;
use chooser::Chooser;
use handler::Webhook;

/// Where Services are sent.
const PATH: &str = "/admit-services";

/// What a webhook works with.
pub struct Parts {
    /// The way to the API server.
    pub wire: Wire,
    /// What is known.
    pub index: Arc<SharedIndex>,
    /// For picking addresses.
    pub randomness: Randomness,
    /// Who we are, for holds.
    pub holder: String,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

/// Opens the port.
///
/// # Errors
/// If a certificate cannot be used, read or made, or the port cannot be opened.
pub async fn start(settings: &config::Webhook, parts: Parts) -> Result<Server> {
    let Parts { wire, index, randomness, holder, metrics } = parts;
    let (listening, directory) = (&settings.listening, &settings.directory);
    certificate::ensure(directory, listening.bind_address)
        .with_context(|| format!("no certificate for the webhook in {}", directory.display()))?;
    let identity = Identity::new(listening)?;
    let callers = settings.client_ca.as_deref().map(authorities_in).transpose()?;
    let chooser = Chooser { wire, index, randomness, holder };
    let webhook = Webhook::new(chooser, callers, metrics);
    Server::open(listening, identity, Arc::new(webhook)).await
}
