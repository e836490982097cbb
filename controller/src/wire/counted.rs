//! Clients whose requests are counted.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::Context as _;
use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::connection::connections;
use crate::metrics::Metrics;

/// A client of a cluster.
///
/// # Errors
/// If the credentials cannot be used.
pub fn client(config: kube::Config, metrics: &Arc<Metrics>) -> anyhow::Result<Client> {
    let host = config.cluster_url.authority().map(ToString::to_string).unwrap_or_default();
    let counter = Counter { host: host.into(), metrics: metrics.clone() };
    let connections =
        connections(&config).context("the kubeconfig's credentials cannot be used")?;
    Ok(Client::new(counter.layer(connections), config.default_namespace))
}

/// Counts every request by how it was answered.
#[derive(Clone)]
struct Counter {
    /// `HOST:PORT` of the API server.
    host: Arc<str>,
    metrics: Arc<Metrics>,
}

impl<S> Layer<S> for Counter {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Counted { inner, counter: self.clone() }
    }
}

struct Counted<S> {
    inner: S,
    counter: Counter,
}

impl<S, B> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Counter { host, metrics } = self.counter.clone();
        let method = request.method().clone();
        let sent = Instant::now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            let status = answer.as_ref().ok().map(Response::status);
            // client-go's word for no answer.
            let code = status.as_ref().map_or("<error>", StatusCode::as_str);
            metrics.answered(&host, method.as_str(), code, sent.elapsed());
            answer
        })
    }
}
