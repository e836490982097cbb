//! The cluster that everything is measured on, and what it should look like at any moment.

use std::path::Path;

use anyhow::Result;
use kube::Client;
use testbed::{ApiServer, ControlPlane};

use crate::contestant::{Contestant, Who};
use crate::load::{self, Backend};
use crate::published::{self, Members};

/// A control plane with Pods and Services, all of them published.
pub struct Cluster {
    plane: ControlPlane,
    /// May do everything.
    pub client: Client,
    /// The Services and how many Pods each has.
    pub backends: Vec<Backend>,
    /// Which Pods are ready.
    pub members: Members,
}

impl Cluster {
    /// Fills a cluster, and lets Roster settle it.
    pub async fn start(roster: &Path) -> Result<Self> {
        let plane = ControlPlane::start().await?;
        let client = plane.api_server.client().await?;
        let backends = load::small();
        let members: Members = backends.iter().flat_map(ready).collect();
        let cluster = Self { plane, client, backends, members };
        let (pods, services) = (cluster.members.len(), cluster.backends.len());
        eprintln!("creating {pods} Pods and {services} Services …");
        load::fill(&cluster.client, &cluster.backends).await?;
        eprintln!("settling …");
        let settling = Contestant::start(Who::Roster, roster, cluster.server()).await?;
        published::agree(&cluster.client, &cluster.members).await?;
        settling.calm().await?;
        Ok(cluster)
    }

    /// The API server.
    pub fn server(&self) -> &ApiServer {
        &self.plane.api_server
    }
}

/// The Pods of a backend, as they are created.
fn ready(backend: &Backend) -> impl Iterator<Item = ((String, String), bool)> {
    let name = |number| load::pod_name(&backend.name, number);
    (0..backend.pods).map(move |number| ((backend.name.clone(), name(number)), true))
}
