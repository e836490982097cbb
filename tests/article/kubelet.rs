//! The test's stand-in for kubelet and scheduler: it binds Pods to the one Node, gives each a network
//! namespace with a process, probes it over HTTP, and writes what it sees to the status of the Pod.
//!
//! What it does unlike kubelet: it probes ten times a second and counts the first failure, so that a
//! test takes seconds; and a process that ended starts again when the test says so, since a back-off
//! would be a race.

mod life;
mod status;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, SystemTime};

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use parking_lot::Mutex;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::answerer::out_of_order;
use crate::inside::FILES;
use crate::kubelet::life::Life;

/// The Node.
pub const NODE: &str = "node";

/// A running stand-in.
pub struct Kubelet {
    node: Arc<Node>,
    watching: JoinHandle<()>,
}

/// What is known of the Pods.
struct Node {
    client: Client,
    pods: Api<Pod>,
    lives: Mutex<BTreeMap<String, Arc<Life>>>,
    /// Where Pods are or have been.
    ips: Mutex<BTreeMap<String, IpAddr>>,
    numbers: AtomicU16,
}

impl Kubelet {
    /// Begins with the Pods of namespace `default`.
    pub fn start(client: Client) -> Self {
        let node = Arc::new(Node {
            pods: Api::namespaced(client.clone(), "default"),
            client,
            lives: Mutex::default(),
            ips: Mutex::default(),
            numbers: AtomicU16::new(1),
        });
        let watching = tokio::spawn(node.clone().watch());
        Self { node, watching }
    }

    /// From now on the program of a Pod says that it cannot serve.
    pub fn disturb(&self, pod: &str) {
        std::fs::write(out_of_order(Path::new(FILES), pod), "").unwrap();
    }

    /// From now on it serves again.
    pub fn mend(&self, pod: &str) {
        std::fs::remove_file(out_of_order(Path::new(FILES), pod)).unwrap();
    }

    /// Kills the process of a Pod.
    pub fn kill(&self, pod: &str) {
        self.life(pod).process.lock().kill();
    }

    /// Starts a process in a Pod anew.
    pub fn start_again(&self, pod: &str) {
        self.life(pod).start();
    }

    /// When the readiness of a Pod last changed, by the clock of this machine.
    pub fn changed(&self, pod: &str) -> SystemTime {
        *self.life(pod).changed.lock()
    }

    /// The IPv4 address that a Pod has or had.
    pub fn ip(&self, pod: &str) -> IpAddr {
        self.node.ips.lock()[pod]
    }

    fn life(&self, pod: &str) -> Arc<Life> {
        self.node.lives.lock()[pod].clone()
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Node {
    /// A watch that ends begins anew with a list.
    async fn watch(self: Arc<Self>) {
        loop {
            let list = self.pods.list(&ListParams::default()).await.unwrap();
            for pod in list.items {
                self.see(pod).await;
            }
            let version = list.metadata.resource_version.unwrap();
            let events = self.pods.watch(&WatchParams::default(), &version).await.unwrap();
            let mut events = std::pin::pin!(events);
            while let Ok(Some(event)) = events.try_next().await {
                match event {
                    WatchEvent::Added(pod) | WatchEvent::Modified(pod) => self.see(pod).await,
                    WatchEvent::Deleted(pod) => self.end(&pod, Duration::ZERO),
                    WatchEvent::Bookmark(_) | WatchEvent::Error(_) => {}
                }
            }
        }
    }

    async fn see(self: &Arc<Self>, pod: Pod) {
        let spec = pod.spec.as_ref().unwrap();
        if pod.metadata.deletion_timestamp.is_some() {
            let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or_default();
            self.end(&pod, Duration::from_secs(grace.unsigned_abs()));
        } else if spec.node_name.is_none() {
            self.bind(pod.metadata.name.as_deref().unwrap()).await;
        } else {
            self.begin(&pod);
        }
    }

    async fn bind(&self, pod: &str) {
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": {"name": pod}, "target": {"kind": "Node", "name": NODE},
        });
        let request = http::Request::post(format!("/api/v1/namespaces/default/pods/{pod}/binding"))
            .header("content-type", "application/json")
            .body(serde_json::to_vec(&binding).unwrap())
            .unwrap();
        // Whoever was faster, it is bound.
        let _ = self.client.request_text(request).await;
    }

    fn begin(self: &Arc<Self>, pod: &Pod) {
        let name = pod.metadata.name.clone().unwrap();
        if let Entry::Vacant(place) = self.lives.lock().entry(name.clone()) {
            let number = self.numbers.fetch_add(1, Ordering::Relaxed);
            let life = Arc::new(Life::new(pod, number));
            self.ips.lock().insert(name, life.ip());
            place.insert(life.clone());
            tokio::spawn(self.clone().live(life));
        }
    }

    fn end(&self, pod: &Pod, grace: Duration) {
        let name = pod.metadata.name.as_deref().unwrap();
        if let Some(life) = self.lives.lock().get(name) {
            life.grace.send_if_modified(|known| known.replace(grace) != Some(grace));
        }
    }

    async fn live(self: Arc<Self>, life: Arc<Life>) {
        life.live(&self.pods).await;
        self.lives.lock().remove(&life.name);
    }
}
