//! Asking the API server who somebody is and what they may do.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use http::{Request, header};
use kube::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limiter::Limiter;
use crate::metrics::Metrics;
use crate::wire::counted;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Strangers make us ask, so how often is bounded: so many a second, after a burst of so many.
const REVIEWS_PER_SECOND: f64 = 200.0;
const REVIEW_BURST: u32 = 400;
const USER_AGENT: &str = concat!("roster/v", env!("CARGO_PKG_VERSION"));

/// A client for reviews.
#[derive(Clone)]
pub struct Reviewer {
    client: Client,
    /// `https://HOST:PORT`, for messages.
    server: String,
    limiter: Arc<Limiter>,
}

impl Reviewer {
    /// Speaks to a cluster.
    ///
    /// # Errors
    /// If the credentials cannot be used.
    pub fn new(mut config: kube::Config, metrics: &Arc<Metrics>) -> Result<Self> {
        config.connect_timeout = Some(PATIENCE);
        config.default_retry = false;
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        Ok(Self { client: counted::client(config, metrics)?, server, limiter: limiter() })
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
        self.limiter.acquire().await;
        let url = || format!("Post \"{}{path}\"", self.server);
        match tokio::time::timeout(PATIENCE, self.client.request(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kube::Error::Api(status))) => Err(anyhow!("{}", status.message)),
            Ok(Err(error)) => Err(anyhow!("{}: {}", url(), innermost(&error))),
            Err(_) => Err(anyhow!("{}: no answer within {} s", url(), PATIENCE.as_secs())),
        }
    }
}

fn limiter() -> Arc<Limiter> {
    Arc::new(Limiter::new(Some(REVIEWS_PER_SECOND), REVIEW_BURST))
}

/// The outer errors only say that a request failed; the innermost says why.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
pub mod fake {
    //! An API server that knows one thing: how to answer a review.

    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use http::Response;
    use http_body_util::{BodyExt, Full};
    use kube::client::Body;
    use serde_json::Value;

    use super::*;

    /// A reviewer whose reviews get this status, and how often it was asked.
    pub fn reviewer(
        status: impl Fn(&Value) -> Value + Clone + Send + Sync + 'static,
    ) -> (Reviewer, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            count.fetch_add(1, Ordering::Relaxed);
            let status = status.clone();
            async move {
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let mut review: Value = serde_json::from_slice(&body).unwrap();
                review["status"] = status(&review["spec"]);
                let body = Full::new(Bytes::from(review.to_string()));
                Ok::<_, Infallible>(Response::new(body))
            }
        });
        let server = "https://fake".to_owned();
        let client = Client::new(service, "default");
        (Reviewer { client, server, limiter: limiter() }, asked)
    }
}
