//! A control plane with a tier on it, and what it should look like at any moment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use controller::wire::Wire;
use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use testbed::{ApiServer, ApiServerOptions, Etcd};

use crate::contestant::{Contestant, Entry, Mode, Who};
use crate::driver::{Change, Driver};
use crate::pods::Pod;
use crate::progress::Progress;
use crate::published::{self, Members, Published};
use crate::tiers::{Backend, Tier};
use crate::writes::Writes;

/// Fairness between clients and limits on requests would be measured otherwise.
const UNLIMITED: [&str; 3] = [
    "--enable-priority-and-fairness=false",
    "--max-requests-inflight=0",
    "--max-mutating-requests-inflight=0",
];

/// The namespace and the name of a Pod.
pub type PodKey = (String, String);

/// A control plane with Pods and Services.
pub struct Cluster {
    /// What it holds.
    pub tier: Tier,
    /// May do everything.
    pub client: Client,
    /// Reads and writes as Roster does.
    pub wire: Wire,
    /// Changes Pods.
    pub driver: Driver,
    /// The Services and how many Pods each has.
    pub backends: Vec<Backend>,
    /// The Pods as they are.
    pub pods: BTreeMap<PodKey, Pod>,
    /// How many requests a second the API server took while it was filled.
    rate: f64,
    /// The trace to be played on it, if one was given.
    pub trace: Option<PathBuf>,
    /// The API server.
    pub server: ApiServer,
    _etcd: Etcd,
}

impl Cluster {
    /// Fills a control plane, and lets Roster settle it.
    pub async fn start(tier: Tier, roster: &Path, progress: &Progress) -> Result<Self> {
        progress.says(&format!("starting a control plane for tier {}", tier.name));
        let etcd = Etcd::start().await?;
        let flags = UNLIMITED.map(str::to_owned).into();
        let options = ApiServerOptions { flags, ..ApiServerOptions::default() };
        let server = ApiServer::start(&etcd, options).await?;
        let client = server.client().await?;
        let wire = Wire::new(client.clone(), client.clone());
        let driver = Driver::connect(&server).await?;
        let (backends, pods) = (tier.backends(), BTreeMap::new());
        let mut cluster = Self {
            tier,
            client,
            wire,
            driver,
            backends,
            pods,
            rate: f64::INFINITY,
            trace: None,
            server,
            _etcd: etcd,
        };
        cluster.fill(progress).await?;
        progress.says("settling");
        let entry = Entry { who: Who::Roster, mode: Mode::T, roster: roster.to_owned() };
        let settling = entry.start(&cluster.server).await?;
        cluster.agree().await?;
        settling.calm().await?;
        Ok(cluster)
    }

    async fn fill(&mut self, progress: &Progress) -> Result<()> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        for number in 0..self.tier.nodes {
            create(&nodes, node(number)).await?;
        }
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        for name in self.tier.namespaces() {
            create(&namespaces, json!({"metadata": {"name": name}})).await?;
        }
        let pods: usize = self.backends.iter().map(|backend| backend.pods).sum();
        let services = self.backends.len();
        progress.says(&format!("creating {services} Services and {pods} Pods"));
        for backend in &self.backends {
            let services: Api<Service> = Api::namespaced(self.client.clone(), &backend.namespace);
            create(&services, service(&backend.name)).await?;
        }
        let members = self
            .backends
            .iter()
            .flat_map(|backend| (0..backend.pods).map(move |number| (backend, number)));
        let pods: Vec<Pod> = members
            .enumerate()
            .map(|(place, (backend, number))| Pod::of(backend, number, place, self.tier.nodes))
            .collect();
        let mut changes = Vec::with_capacity(pods.len());
        for pod in pods {
            changes.push(self.note(Change::Create(pod)));
        }
        let (began, requests) = (Instant::now(), changes.len() * 2);
        self.driver.make(changes).await?;
        if requests > 0 {
            self.rate = requests as f64 / began.elapsed().as_secs_f64();
        }
        Ok(())
    }

    /// So many changes a second, or fewer where the API server would be what everybody waits for: the
    /// managers' writes need a part of what it can take.
    pub fn pace(&self, wanted: u32) -> u32 {
        let half = self.rate / 2.0;
        if half < f64::from(wanted) { (half as u32).max(1) } else { wanted }
    }

    /// Notes what a change makes of the cluster.
    pub fn note(&mut self, change: Change) -> Change {
        let key = |pod: &Pod| (pod.namespace.clone(), pod.name.clone());
        match &change {
            Change::Create(pod) | Change::Update(pod) => {
                self.pods.insert(key(pod), pod.clone());
            }
            Change::Delete(pod) => {
                self.pods.remove(&key(pod));
            }
        }
        change
    }

    /// What should be published.
    pub fn wanted(&self) -> Members {
        let member = |pod: &Pod| (pod.namespace.clone(), pod.app.clone(), pod.name.clone());
        self.pods.values().map(|pod| (member(pod), pod.ready)).collect()
    }

    /// Waits until what should be published is.
    pub async fn agree(&self) -> Result<Published> {
        published::agree(&self.wire, &self.wanted()).await
    }

    /// Starts a contestant and lets it come to rest.
    pub async fn calm(&self, entry: &Entry) -> Result<Contestant> {
        let contestant = entry.start(&self.server).await?;
        contestant.calm().await?;
        Ok(contestant)
    }

    /// What has been written so far.
    pub async fn writes(&self) -> Result<Writes> {
        Writes::read(&self.client).await
    }
}

/// Creates an object that is written as JSON.
pub async fn create<K>(api: &Api<K>, object: Value) -> Result<K>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned + serde::Serialize,
{
    let object: K = serde_json::from_value(object)?;
    Ok(api.create(&PostParams::default(), &object).await?)
}

fn node(number: usize) -> Value {
    let zone = format!("zone-{}", number % 3);
    json!({
        "metadata": {"name": format!("node-{number}"), "labels": {"topology.kubernetes.io/zone": zone}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": "16"}},
    })
}

/// A Service that selects the Pods of an app by its own name.
pub fn service(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    })
}
