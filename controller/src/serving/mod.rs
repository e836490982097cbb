//! The HTTPS port: health, metrics and what the process tells of itself, for those who may know.
//! Read in this order.

mod listener;

mod certificate;
mod pairs;
mod reloaded;
pub mod self_signed;
pub mod tls;

mod handler;

mod authentication;
mod authorization;
mod cache;
mod review;
mod user;

pub mod answer;
mod pages;

use std::sync::Arc;

use anyhow::{Context, Result};

use crate::config::cluster;
use crate::config::serving::Serving;
use crate::metrics::Metrics;
use authentication::{Authenticator, Authorities, Tokens};
use authorization::Authorizer;
use handler::Handler;
use review::Reviewer;

pub use authentication::{Verifier, authorities_in};
pub use authorization::Decision;
pub use certificate::Identity;
pub use listener::{Answers, Server};
pub use pages::Pages;
pub use reloaded::Reloaded;
pub use user::User;

/// Gets all ready that is needed to serve, and opens the port last.
///
/// # Errors
/// If a certificate, a kubeconfig or an authority cannot be used, or the port cannot be opened.
pub async fn start(serving: &Serving, pages: Pages) -> Result<Server> {
    for suite in serving.listening.suites.not_spoken() {
        tracing::warn!(suite, "Cipher suite is not offered here");
    }
    for group in serving.listening.groups.not_offered() {
        tracing::warn!(group, "Group of --tls-curve-preferences is not offered here");
    }
    let identity = Identity::new(&serving.listening)?;
    let metrics = pages.metrics.clone();
    let authenticator = authenticator(serving, &metrics).await?;
    let authorizer = authorizer(serving, &metrics).await?;
    let handler = Handler { authenticator, authorizer, pages, metrics };
    Server::open(&serving.listening, identity, Arc::new(handler)).await
}

async fn authenticator(serving: &Serving, metrics: &Arc<Metrics>) -> Result<Authenticator> {
    let settings = &serving.authentication;
    let reviewer = reviewer(settings.kubeconfig.as_deref(), "authentication", metrics).await?;
    let authorities = Authorities::find(settings, reviewer.as_ref()).await?;
    let tokens = reviewer.map(|reviewer| Tokens::new(reviewer, settings.token_ttl));
    Ok(Authenticator { authorities, tokens })
}

async fn authorizer(serving: &Serving, metrics: &Arc<Metrics>) -> Result<Authorizer> {
    let settings = &serving.authorization;
    let reviewer = reviewer(settings.kubeconfig.as_deref(), "authorization", metrics).await?;
    if reviewer.is_none() {
        tracing::warn!(
            "No authorization-kubeconfig provided, so SubjectAccessReview of authorization tokens won't work."
        );
    }
    Ok(Authorizer::new(settings, reviewer))
}

/// By a kubeconfig, else as the Pod that this runs in, else not at all.
async fn reviewer(
    kubeconfig: Option<&str>,
    purpose: &str,
    metrics: &Arc<Metrics>,
) -> Result<Option<Reviewer>> {
    let config = match kubeconfig {
        Some(path) => cluster::from_kubeconfig(path)
            .await
            .with_context(|| format!("failed to get delegated {purpose} kubeconfig"))?,
        None => match kube::Config::incluster() {
            Ok(config) => config,
            Err(error) => {
                tracing::debug!(err = %error, purpose, "Not in a Pod");
                return Ok(None);
            }
        },
    };
    Reviewer::new(config, metrics).map(Some)
}
