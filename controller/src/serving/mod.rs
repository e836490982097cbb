//! The HTTPS port: health, metrics and what the process tells of itself, for those who may know.
//! Read in this order.

mod listener;

mod certificate;
mod reloaded;
pub mod tls;

mod handler;

mod authentication;
mod authorization;
mod cache;
mod review;
mod user;

mod answer;
mod pages;

use std::sync::Arc;

use anyhow::{Context, Result};

use crate::config::cluster;
use crate::config::serving::Serving;
use authentication::{Authenticator, Authorities, Tokens};
use authorization::Authorizer;
use certificate::Identity;
use handler::Handler;
use review::Reviewer;

pub use authorization::Decision;
pub use listener::Server;
pub use pages::Pages;
pub use user::User;

/// Gets all ready that is needed to serve, and opens the port last.
///
/// # Errors
/// If a certificate, a kubeconfig or an authority cannot be used, or the port cannot be opened.
pub async fn start(serving: &Serving, pages: Pages) -> Result<Server> {
    for suite in serving.suites.not_spoken() {
        tracing::warn!(suite, "Cipher suite is not offered here");
    }
    let identity = Identity::new(serving)?;
    let metrics = pages.metrics.clone();
    let authenticator = authenticator(serving).await?;
    let authorizer = authorizer(serving).await?;
    let handler = Handler { authenticator, authorizer, pages, metrics };
    Server::open(serving, identity, Arc::new(handler)).await
}

async fn authenticator(serving: &Serving) -> Result<Authenticator> {
    let settings = &serving.authentication;
    let reviewer = reviewer(settings.kubeconfig.as_deref(), "authentication").await?;
    let authorities = Authorities::find(settings, reviewer.as_ref()).await?;
    let tokens = reviewer.map(|reviewer| Tokens::new(reviewer, settings.token_ttl));
    Ok(Authenticator { authorities, tokens })
}

async fn authorizer(serving: &Serving) -> Result<Authorizer> {
    let settings = &serving.authorization;
    let reviewer = reviewer(settings.kubeconfig.as_deref(), "authorization").await?;
    if reviewer.is_none() {
        tracing::warn!(
            "No authorization-kubeconfig provided, so SubjectAccessReview of authorization tokens won't work."
        );
    }
    Ok(Authorizer::new(settings, reviewer))
}

/// By a kubeconfig, else as the Pod that this runs in, else not at all.
async fn reviewer(kubeconfig: Option<&str>, purpose: &str) -> Result<Option<Reviewer>> {
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
    Reviewer::new(config).map(Some)
}
