//! The floor of rows in which nothing has to be done: a client that reads the same watches over TLS,
//! in protobuf, and discards what comes.

use std::path::Path;

use anyhow::{Context, Result};
use http::Request;
use http::header::ACCEPT;
use http_body_util::BodyExt;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// What all three controllers watch.
const WATCHED: [&str; 5] = [
    "/api/v1/pods",
    "/api/v1/services",
    "/api/v1/nodes",
    "/api/v1/endpoints",
    "/apis/discovery.k8s.io/v1/endpointslices",
];
/// A list that arrives as a stream and goes on as a watch.
const QUERY: &str = "watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=7200";

/// Reads until it is killed. One thread is enough, and costs the least.
pub fn run(kubeconfig: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
        config.read_timeout = None;
        let client = Client::try_from(config)?;
        futures::future::try_join_all(WATCHED.map(|path| discard(&client, path))).await?;
        Ok(())
    })
}

async fn discard(client: &Client, path: &str) -> Result<()> {
    let request = Request::get(format!("{path}?{QUERY}"))
        .header(ACCEPT, "application/vnd.kubernetes.protobuf")
        .body(Body::empty())?;
    let mut body = client.send(request).await.context("the floor cannot watch")?.into_body();
    while let Some(frame) = body.frame().await {
        frame.context("a watch of the floor broke")?;
    }
    Ok(())
}
