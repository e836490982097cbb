//! H9: large Endpoints that are written by hand and mirrored. One address changes in each.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use controller_core::facts::{EndpointAddress, Endpoints, Fact};
use controller_core::key::{Kind, NamespacedName};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Endpoints as EndpointsObject, Service};
use kube::Api;
use serde_json::{Value, json};

use super::{MANAGERS, Row, Running, Size};
use crate::cluster::{self, Cluster};
use crate::contestant::{Entry, Mode};
use crate::figures::{Bound, Figure, Goal, Measures, Unit};
use crate::tiers;

/// Addresses of each.
const ADDRESSES: usize = 1000;
/// How often one of them changes.
const ROUNDS: usize = 10;
/// How many writes are under way at once.
const AT_ONCE: usize = 8;
/// How long it may take until everything is mirrored.
const PATIENCE: Duration = Duration::from_secs(600);

/// The row.
pub const ROW: Row = Row {
    id: "H9",
    title: "mirroring",
    workload: "Endpoints of 1,000 addresses whose Services have no selector. One address changes in \
               each, ten times over.",
    figures: &[
        Figure { key: "cpu", label: "CPU per change", unit: Unit::Microseconds },
        Figure { key: "slices", label: "slice writes per change", unit: Unit::Count },
    ],
    goals: &[
        Goal { figure: "cpu", bound: Bound::OfStock(1.0 / 15.0) },
        Goal { figure: "slices", bound: Bound::Value(1.0) },
    ],
    order: MANAGERS,
    small: &[(tiers::EMPTY, Mode::T)],
    large: &[(tiers::EMPTY, Mode::T)],
    lap: |cluster, entry, size| -> Running<'_> { Box::pin(lap(cluster, entry, size)) },
};

async fn lap(cluster: &mut Cluster, entry: &Entry, size: Size) -> Result<Measures> {
    let count = size.pick(20, 500);
    let mut all = endpoints(cluster).await?;
    if all.is_empty() {
        create(cluster, count).await?;
        all = endpoints(cluster).await?;
    }
    ensure!(all.len() == count, "{} Endpoints and not {count}", all.len());
    let contestant = cluster.calm(entry).await?;
    mirrored(cluster, &all).await?;
    let (before, written) = (contestant.calm().await?.usage, cluster.writes().await?);
    for round in 0..ROUNDS {
        all = change(cluster, all, round).await?;
        mirrored(cluster, &all).await?;
    }
    let cpu = contestant.calm().await?.usage.cpu - before.cpu;
    let writes = cluster.writes().await?.since(written).slices;
    let changes = (count * ROUNDS) as f64;
    Ok(Measures::from([
        ("cpu".to_owned(), cpu.as_secs_f64() * 1e6 / changes),
        ("slices".to_owned(), writes / changes),
    ]))
}

/// The Endpoints of this row, as they stand.
async fn endpoints(cluster: &Cluster) -> Result<Vec<Endpoints>> {
    let mut all = Vec::new();
    let mut next = None;
    loop {
        let page = cluster.wire.list(Kind::Endpoints, next.as_deref()).await?;
        all.extend(page.items.into_iter().filter_map(|(fact, _)| match fact {
            Fact::Endpoints(one) if one.metadata.key.namespace.starts_with("bench-") => Some(one),
            _ => None,
        }));
        next = page.next;
        if next.is_none() {
            return Ok(all);
        }
    }
}

async fn create(cluster: &Cluster, count: usize) -> Result<()> {
    for namespace in cluster.tier.namespaces() {
        let services: Api<Service> = Api::namespaced(cluster.client.clone(), &namespace);
        let endpoints: Api<EndpointsObject> = Api::namespaced(cluster.client.clone(), &namespace);
        for number in 0..count {
            let metadata = json!({"name": format!("custom-{number:03}")});
            let spec = json!({"ports": [{"name": "http", "port": 80}]});
            cluster::create(&services, json!({"metadata": metadata, "spec": spec})).await?;
            let subsets = json!([{
                "addresses": (0..ADDRESSES).map(address).collect::<Vec<_>>(),
                "ports": [{"name": "http", "port": 8080}],
            }]);
            cluster::create(&endpoints, json!({"metadata": metadata, "subsets": subsets})).await?;
        }
    }
    Ok(())
}

fn address(number: usize) -> Value {
    json!({"ip": format!("10.7.{}.{}", number / 250, number % 250 + 1)})
}

/// Takes one address for another in each, and the other way round in the next round, so that every lap
/// begins with the same.
async fn change(cluster: &Cluster, all: Vec<Endpoints>, round: usize) -> Result<Vec<Endpoints>> {
    let number = round / 2 * 97;
    let end = &format!(".{}.{}", number / 250, number % 250 + 1);
    let writes = all.into_iter().map(|mut endpoints| async move {
        let addresses = endpoints.subsets.iter_mut().flat_map(|it| it.addresses.iter_mut());
        addresses.filter(|address| address.ip.ends_with(end)).for_each(swap);
        cluster.wire.replace(&endpoints).await
    });
    Ok(stream::iter(writes).buffered(AT_ONCE).try_collect().await?)
}

fn swap(EndpointAddress { ip, .. }: &mut EndpointAddress) {
    *ip = match ip.strip_prefix("10.7.") {
        Some(rest) => format!("10.8.{rest}").into(),
        None => ip.replacen("10.8.", "10.7.", 1).into(),
    };
}

/// Waits until the slices of all of them hold just their addresses.
async fn mirrored(cluster: &Cluster, all: &[Endpoints]) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    for endpoints in all {
        let key = &endpoints.metadata.key;
        let mut wanted: Vec<_> =
            endpoints.subsets.iter().flat_map(|it| it.addresses.iter()).collect();
        wanted.sort_by(|one, other| one.ip.cmp(&other.ip));
        let wanted: Vec<&str> = wanted.iter().map(|address| &*address.ip).collect();
        while shown(cluster, key).await? != wanted {
            ensure!(Instant::now() < deadline, "{key} is not mirrored");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}

async fn shown(cluster: &Cluster, key: &NamespacedName) -> Result<Vec<String>> {
    let slices = cluster.wire.slices_of(key).await?;
    let endpoints = slices.iter().flat_map(|slice| &slice.endpoints);
    let mut addresses: Vec<String> =
        endpoints.flat_map(|endpoint| &endpoint.addresses).map(ToString::to_string).collect();
    addresses.sort();
    Ok(addresses)
}
