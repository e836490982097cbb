//! The driver: creates, changes and deletes Pods, as kubelets would, at a steady pace. It speaks
//! protobuf over several connections and builds its requests without reading any, so that it is
//! never what is waited for.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::future::{try_join, try_join_all};
use futures::{StreamExt, TryStreamExt, stream};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request};
use kube::Client;
use kube::client::Body;
use testbed::ApiServer;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::pods::Pod;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// How many connections there are, at least: each client has its own.
const CLIENTS: usize = 4;
/// How many requests may be under way at once. Those of one Pod go one after the other.
const LANES: usize = 32;

/// Connections to an API server.
pub struct Driver {
    clients: Vec<Client>,
}

/// One change of one Pod.
#[derive(Clone, Debug)]
pub enum Change {
    /// It comes to be, running.
    Create(Pod),
    /// It is as this from now on.
    Update(Pod),
    /// It is gone at once.
    Delete(Pod),
}

/// A change, and how long after the beginning it is due.
pub type Timed = (Duration, Change);

/// How changes went.
#[derive(Clone, Copy, Debug)]
pub struct Offered {
    /// How long it took until the last was answered.
    pub took: Duration,
    /// How long after its time the last change began.
    pub late: Duration,
}

impl Change {
    fn pod(&self) -> &Pod {
        match self {
            Change::Create(pod) | Change::Update(pod) | Change::Delete(pod) => pod,
        }
    }
}

impl Driver {
    /// Connects to a server.
    pub async fn connect(server: &ApiServer) -> Result<Self> {
        let clients = try_join_all((0..CLIENTS).map(|_| server.client())).await?;
        Ok(Self { clients })
    }

    /// Makes changes as fast as the server takes them, in no order.
    pub async fn make(&self, changes: impl IntoIterator<Item = Change>) -> Result<()> {
        let made = changes.into_iter().enumerate().map(|(lane, change)| self.send(lane, change));
        stream::iter(made).buffer_unordered(LANES).try_collect::<()>().await
    }

    /// Makes each change at its time after now. Changes of one Pod stay in order.
    pub async fn offer(&self, changes: Vec<Timed>) -> Result<Offered> {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..LANES).map(|_| mpsc::unbounded_channel()).unzip();
        let began = Instant::now();
        let lanes = receivers.into_iter().enumerate();
        let lanes = lanes.map(|(lane, receiver)| self.follow(lane, began, receiver));
        let pace = async {
            for (at, change) in changes {
                tokio::time::sleep_until(began + at).await;
                let sender = senders.get(lane_of(change.pod())).context("no lane")?;
                sender.send((at, change))?;
            }
            drop(senders);
            Ok(())
        };
        let ((), late) = try_join(pace, try_join_all(lanes)).await?;
        let late = late.into_iter().max().unwrap_or_default();
        Ok(Offered { took: began.elapsed(), late })
    }

    async fn follow(
        &self,
        lane: usize,
        began: Instant,
        mut changes: mpsc::UnboundedReceiver<Timed>,
    ) -> Result<Duration> {
        let mut late = Duration::ZERO;
        while let Some((at, change)) = changes.recv().await {
            late = began.elapsed().saturating_sub(at);
            self.send(lane, change).await?;
        }
        Ok(late)
    }

    async fn send(&self, lane: usize, change: Change) -> Result<()> {
        let client = self.clients.get(lane % CLIENTS).context("no client")?;
        match change {
            Change::Create(pod) => {
                let collection = format!("/api/v1/namespaces/{}/pods", pod.namespace);
                request(client, Method::POST, &collection, pod.created()).await?;
                request(client, Method::PUT, &status(&pod), pod.updated()).await
            }
            Change::Update(pod) => request(client, Method::PUT, &status(&pod), pod.updated()).await,
            Change::Delete(pod) => {
                let at_once = format!("{}?gracePeriodSeconds=0", path(&pod));
                request(client, Method::DELETE, &at_once, Vec::new()).await
            }
        }
    }
}

async fn request(client: &Client, method: Method, uri: &str, body: Vec<u8>) -> Result<()> {
    let request = Request::builder()
        .method(method.clone())
        .uri(uri)
        .header(ACCEPT, PROTOBUF)
        .header(CONTENT_TYPE, PROTOBUF)
        .body(Body::from(body))?;
    let answer = client.send(request).await.with_context(|| format!("{method} {uri}"))?;
    let code = answer.status();
    let body = answer.into_body().collect_bytes().await?;
    if !code.is_success() {
        bail!("{method} {uri}: {code} {}", String::from_utf8_lossy(&body));
    }
    Ok(())
}

fn path(pod: &Pod) -> String {
    format!("/api/v1/namespaces/{}/pods/{}", pod.namespace, pod.name)
}

fn status(pod: &Pod) -> String {
    format!("{}/status", path(pod))
}

fn lane_of(pod: &Pod) -> usize {
    let mut hasher = DefaultHasher::new();
    (&pod.namespace, &pod.name).hash(&mut hasher);
    usize::try_from(hasher.finish() % LANES as u64).unwrap_or_default()
}
