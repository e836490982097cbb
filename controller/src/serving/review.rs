//! Asking the API server who somebody is and what they may do.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use http::{Request, header};
use kube::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
const USER_AGENT: &str = concat!("roster/v", env!("CARGO_PKG_VERSION"));

/// A client for reviews.
#[derive(Clone)]
pub struct Reviewer {
    client: Client,
    /// `https://HOST:PORT`, for messages.
    server: String,
}

impl Reviewer {
    /// Speaks to a cluster.
    ///
    /// # Errors
    /// If the credentials cannot be used.
    pub fn new(mut config: kube::Config) -> Result<Self> {
        config.connect_timeout = Some(PATIENCE);
        config.default_retry = false;
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client =
            Client::try_from(config).context("the kubeconfig's credentials cannot be used")?;
        Ok(Self { client, server })
    }

    /// The client, for what is no review.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Creates a review; the answer is the same review with its status.
    ///
    /// # Errors
    /// What the API server said, or why it could not be asked.
    pub async fn create<T: Serialize + DeserializeOwned>(
        &self,
        path: &str,
        review: &T,
    ) -> Result<T> {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, USER_AGENT)
            .body(serde_json::to_vec(review)?)?;
        let url = || format!("Post \"{}{path}\"", self.server);
        match tokio::time::timeout(PATIENCE, self.client.request(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kube::Error::Api(status))) => Err(anyhow!("{}", status.message)),
            Ok(Err(error)) => Err(anyhow!("{}: {}", url(), innermost(&error))),
            Err(_) => Err(anyhow!("{}: no answer within {} s", url(), PATIENCE.as_secs())),
        }
    }
}

/// The outer errors only say that a request failed; the innermost says why.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
