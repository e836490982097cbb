//! Looks for stock managers on the API server. Nothing is written.

use std::collections::BTreeSet;

use controller_core::endpoint_slices;
use controller_core::facts::endpoint_slice::MANAGED_BY_LABEL;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Endpoints, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use super::arguments;
use super::verdict::{Sighting, StockLease, StockPod, StockWrite};
use crate::wire::WireError;

const NAMESPACE: &str = "kube-system";
const STOCK: &str = "kube-controller-manager";
/// How its Pods are labelled: by kubeadm, and by Talos and kops.
const LABELS: [&str; 2] = ["component", "k8s-app"];
/// Under which names it writes: alone, and as part of k3s, RKE2, MicroK8s and old images.
const MANAGERS: [&str; 5] = [STOCK, "k3s", "rke2", "kubelite", "hyperkube"];
/// How many objects are asked for at once.
const PAGE_SIZE: u32 = 500;

/// Looks at a cluster.
#[derive(Clone)]
pub struct Lookout {
    client: Client,
}

impl Lookout {
    /// Looks through a client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// All that can be seen.
    ///
    /// # Errors
    /// If something may not be read, or the API server does not answer.
    pub async fn look(&self) -> Result<Sighting, WireError> {
        let mut sighting = self.glance().await?;
        if sighting.pods.is_empty() && sighting.lease.is_some() {
            sighting.last_write = self.last_write().await?;
        }
        Ok(sighting)
    }

    /// What costs little to see: Pods and the Lease.
    ///
    /// # Errors
    /// As [`Lookout::look`].
    pub async fn glance(&self) -> Result<Sighting, WireError> {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), NAMESPACE);
        let lease = leases.get_opt(STOCK).await?;
        Ok(Sighting {
            pods: self.pods().await?,
            lease: lease.and_then(stock_lease),
            last_write: None,
        })
    }

    async fn pods(&self) -> Result<Vec<StockPod>, WireError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), NAMESPACE);
        let mut found = Vec::new();
        for label in LABELS {
            let labelled = ListParams::default().labels(&format!("{label}={STOCK}"));
            found.extend(pods.list(&labelled).await?.items.into_iter().filter_map(stock_pod));
        }
        Ok(found)
    }

    async fn last_write(&self) -> Result<Option<StockWrite>, WireError> {
        let ours = format!("{MANAGED_BY_LABEL}={}", endpoint_slices::MANAGED_BY);
        let slices =
            self.last_write_of::<EndpointSlice>(ListParams::default().labels(&ours)).await?;
        let endpoints = self.last_write_of::<Endpoints>(ListParams::default()).await?;
        Ok(slices.into_iter().chain(endpoints).max_by_key(|write| write.at))
    }

    async fn last_write_of<K>(&self, only: ListParams) -> Result<Option<StockWrite>, WireError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug,
    {
        let objects: Api<K> = Api::all(self.client.clone());
        let mut page = only.limit(PAGE_SIZE);
        let mut last: Option<StockWrite> = None;
        loop {
            let list = objects.list_metadata(&page).await?;
            let writes =
                list.items.iter().flat_map(|PartialObjectMeta { metadata, .. }| writes(metadata));
            last = last.into_iter().chain(writes).max_by_key(|write| write.at);
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(last),
            }
        }
    }
}

/// A Pod that runs the stock manager and has not ended.
fn stock_pod(pod: Pod) -> Option<StockPod> {
    let phase = pod.status.and_then(|status| status.phase).unwrap_or_default();
    let ended = matches!(phase.as_str(), "Succeeded" | "Failed");
    let containers = pod.spec?.containers;
    let line = containers.iter().flat_map(|container| {
        container.command.iter().flatten().chain(container.args.iter().flatten())
    });
    let name = format!(
        "{}/{}",
        pod.metadata.namespace.unwrap_or_default(),
        pod.metadata.name.unwrap_or_default()
    );
    (!ended).then(|| StockPod { name, arguments: arguments::words(line) })
}

fn stock_lease(lease: Lease) -> Option<StockLease> {
    let spec = lease.spec?;
    Some(StockLease {
        holder: spec.holder_identity.filter(|holder| !holder.is_empty())?,
        acquired: spec.acquire_time?.0,
        renewed: spec.renew_time?.0,
    })
}

/// The writes of stock managers that an object remembers.
fn writes(metadata: &ObjectMeta) -> Vec<StockWrite> {
    let stock = BTreeSet::from(MANAGERS);
    let object = || {
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        format!("{namespace}/{}", metadata.name.as_deref().unwrap_or_default())
    };
    let entries = metadata.managed_fields.iter().flatten();
    let writes = entries.filter_map(|entry| {
        let manager = entry.manager.clone().filter(|manager| stock.contains(&**manager))?;
        let at: Timestamp = entry.time.as_ref()?.0;
        Some(StockWrite { manager, object: object(), at })
    });
    writes.collect()
}
