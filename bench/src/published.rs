//! What is published of the cluster, in slices and in Endpoints, and how often it was written.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use http::Request;
use k8s_openapi::api::core::v1::{Endpoints, ObjectReference};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::load::NAMESPACE;

/// The label that names a slice's Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// How long it may take until everything is published.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long to wait between two looks.
const POLL: Duration = Duration::from_secs(1);

/// The Pods of every Service, by Service and name, and whether each is ready.
pub type Members = BTreeMap<(String, String), bool>;

/// How often objects were written since the API server started, refused writes included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writes {
    /// Writes of slices.
    pub slices: u64,
    /// Writes of Endpoints.
    pub endpoints: u64,
}

impl Writes {
    /// Reads the API server's own count.
    pub async fn read(client: &Client) -> Result<Self> {
        let metrics = client.request_text(Request::get("/metrics").body(Vec::new())?).await?;
        Ok(Self {
            slices: requests(&metrics, "endpointslices"),
            endpoints: requests(&metrics, "endpoints"),
        })
    }

    /// How many there were since an earlier count.
    pub fn since(self, earlier: Self) -> Self {
        Self { slices: self.slices - earlier.slices, endpoints: self.endpoints - earlier.endpoints }
    }
}

/// Sums the writing requests of a resource.
fn requests(metrics: &str, resource: &str) -> u64 {
    let resource = format!(",resource=\"{resource}\",");
    let verbs = ["POST", "PUT", "PATCH", "APPLY", "DELETE"];
    let verbs = verbs.map(|verb| format!(",verb=\"{verb}\","));
    let counters = metrics.lines().filter(|line| {
        line.starts_with("apiserver_request_total{")
            && line.contains(&resource)
            && verbs.iter().any(|verb| line.contains(verb))
    });
    let counts = counters.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    counts.map(|count| count as u64).sum()
}

/// Waits until slices and Endpoints both say what is wanted.
pub async fn agree(client: &Client, wanted: &Members) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let slices = in_slices(client).await?;
        let endpoints = in_endpoints(client).await?;
        if slices == *wanted && endpoints == *wanted {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!(
                "the end states are not equal: of {} endpoints, {} are wrong in slices and {} in Endpoints",
                wanted.len(),
                differing(wanted, &slices),
                differing(wanted, &endpoints),
            );
        }
        tokio::time::sleep(POLL).await;
    }
}

fn differing(wanted: &Members, published: &Members) -> usize {
    let missing_or_other =
        wanted.iter().filter(|(member, ready)| published.get(*member) != Some(*ready)).count();
    missing_or_other + published.keys().filter(|member| !wanted.contains_key(*member)).count()
}

async fn in_slices(client: &Client) -> Result<Members> {
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), NAMESPACE);
    let mut members = Members::new();
    for slice in slices.list(&ListParams::default()).await?.items {
        let labels = slice.metadata.labels.unwrap_or_default();
        let service = labels.get(SERVICE_NAME).context("a slice without a Service")?;
        for endpoint in slice.endpoints.unwrap_or_default() {
            let ready = endpoint.conditions.and_then(|conditions| conditions.ready);
            let ready = ready.context("an endpoint without a ready condition")?;
            put(&mut members, service, endpoint.target_ref, ready)?;
        }
    }
    Ok(members)
}

async fn in_endpoints(client: &Client) -> Result<Members> {
    let endpoints: Api<Endpoints> = Api::namespaced(client.clone(), NAMESPACE);
    let mut members = Members::new();
    for object in endpoints.list(&ListParams::default()).await?.items {
        let service = object.metadata.name.context("Endpoints without a name")?;
        for subset in object.subsets.unwrap_or_default() {
            for address in subset.addresses.unwrap_or_default() {
                put(&mut members, &service, address.target_ref, true)?;
            }
            for address in subset.not_ready_addresses.unwrap_or_default() {
                put(&mut members, &service, address.target_ref, false)?;
            }
        }
    }
    Ok(members)
}

fn put(
    members: &mut Members,
    service: &str,
    target: Option<ObjectReference>,
    ready: bool,
) -> Result<()> {
    let pod = target.and_then(|target| target.name).context("an endpoint without a Pod")?;
    // The second of two statements about one Pod counts only if it is the same.
    match members.insert((service.to_owned(), pod), ready) {
        Some(before) if before != ready => bail!("{service} says two things about one Pod"),
        _ => Ok(()),
    }
}
