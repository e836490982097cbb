//! Connections that notice when their peer has vanished: a cable that was pulled, a machine
//! that lost its power, a load balancer that forgot us. Nothing comes back from there, not even an end.

use std::time::Duration;

use anyhow::{Result, bail};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use tower::util::BoxService;
use tower::{BoxError, ServiceBuilder};

/// A connection that is silent for this long is asked whether it is there, so often, at most so many
/// times. An idle watch whose peer is gone ends after 25 s.
const ASK_AFTER: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_secs(5);
const ASK_TIMES: u32 = 3;
/// How long what was sent may stay unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(25);

/// What sends requests to a cluster, with the credentials of its configuration.
pub type Connections = BoxService<Request<Body>, Response<Incoming>, BoxError>;

/// Opens none yet; the first request does.
///
/// # Errors
/// If the credentials cannot be used, or if the cluster is to be reached by a proxy.
pub fn connections(config: &kube::Config) -> Result<Connections> {
    if let Some(proxy) = &config.proxy_url {
        bail!("the API server is to be reached by the proxy {proxy}, which is not supported");
    }
    let tls = config.rustls_https_connector_with_connector(sockets())?;
    let mut connector = TimeoutConnector::new(tls);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let requests = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(requests.build::<_, Body>(connector));
    Ok(BoxService::new(service))
}

fn sockets() -> HttpConnector {
    let mut sockets = HttpConnector::new();
    sockets.enforce_http(false);
    sockets.set_nodelay(true);
    sockets.set_keepalive(Some(ASK_AFTER));
    sockets.set_keepalive_interval(Some(ASK_EVERY));
    sockets.set_keepalive_retries(Some(ASK_TIMES));
    sockets.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    sockets
}
