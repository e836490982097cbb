//! H4: many Services and their Pods exist, and nothing is published. A manager starts.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use controller::wire::{Resource, WatchEvent, Wire};
use controller_core::facts::{EndpointSlice, Endpoints, Fact};
use controller_core::key::{Kind, ResourceVersion};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Endpoints as EndpointsObject;
use k8s_openapi::api::discovery::v1::EndpointSlice as SliceObject;
use kube::Api;
use kube::api::{DeleteParams, ListParams};

use super::{Row, Running, Size, WITH_FLOOR};
use crate::cluster::Cluster;
use crate::contestant::{Entry, Mode, Who};
use crate::figures::{Bound, Figure, Goal, Measures, Unit};
use crate::tiers;

/// How many writes of the bare writer are under way at once: as many as workers of a manager.
const WRITERS: usize = 50;
/// How long a storm may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// The row.
pub const ROW: Row = Row {
    id: "H4",
    title: "service storm",
    workload: "Services of 4 Pods exist and nothing is published for them. A manager starts. The floor \
               writes the same objects without having to find out which.",
    figures: &[
        Figure { key: "wall", label: "until the last object", unit: Unit::Seconds },
        Figure { key: "cpu", label: "CPU", unit: Unit::Seconds },
    ],
    goals: &[
        Goal { figure: "wall", bound: Bound::OfFloor(1.1) },
        Goal { figure: "cpu", bound: Bound::OfStock(1.0 / 10.0) },
    ],
    order: WITH_FLOOR,
    small: &[(tiers::STORM_SMALL, Mode::T)],
    large: &[(tiers::STORM, Mode::T)],
    lap: |cluster, entry, _: Size| -> Running<'_> { Box::pin(lap(cluster, entry)) },
};

async fn lap(cluster: &mut Cluster, entry: &Entry) -> Result<Measures> {
    let (slices, endpoints) = (read(cluster).await?, cluster.backends.len());
    ensure!(slices.0.len() == endpoints && slices.1.len() == endpoints, "not one of each");
    unpublish(cluster).await?;
    if entry.who == Who::Floor {
        let wall = write(&cluster.wire, slices).await?;
        return Ok(Measures::from([("wall".to_owned(), wall.as_secs_f64())]));
    }
    let began = Instant::now();
    let contestant = entry.start(&cluster.server).await?;
    let all = futures::future::try_join(
        exist(&cluster.wire, Kind::EndpointSlice, endpoints),
        exist(&cluster.wire, Kind::Endpoints, endpoints),
    );
    tokio::time::timeout(PATIENCE, all).await??;
    let wall = began.elapsed();
    let cpu = contestant.calm().await?.usage.cpu;
    Ok(Measures::from([
        ("wall".to_owned(), wall.as_secs_f64()),
        ("cpu".to_owned(), cpu.as_secs_f64()),
    ]))
}

/// All that is published for Services of ours.
async fn read(cluster: &Cluster) -> Result<(Vec<EndpointSlice>, Vec<Endpoints>)> {
    let (mut slices, mut endpoints) = (Vec::new(), Vec::new());
    for kind in [Kind::EndpointSlice, Kind::Endpoints] {
        let mut next = None;
        loop {
            let page = cluster.wire.list(kind, next.as_deref()).await?;
            for (fact, _) in page.items {
                match fact {
                    Fact::EndpointSlice(slice) if is_ours(&slice.metadata.key.namespace) => {
                        slices.push(slice);
                    }
                    Fact::Endpoints(one) if is_ours(&one.metadata.key.namespace) => {
                        endpoints.push(one);
                    }
                    _ => {}
                }
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
    }
    Ok((slices, endpoints))
}

fn is_ours(namespace: &str) -> bool {
    namespace.starts_with("bench-")
}

async fn unpublish(cluster: &Cluster) -> Result<()> {
    let (params, all) = (DeleteParams::default(), ListParams::default());
    for namespace in cluster.tier.namespaces() {
        let slices: Api<SliceObject> = Api::namespaced(cluster.client.clone(), &namespace);
        slices.delete_collection(&params, &all).await?;
        let endpoints: Api<EndpointsObject> = Api::namespaced(cluster.client.clone(), &namespace);
        endpoints.delete_collection(&params, &all).await?;
    }
    Ok(())
}

/// Ends when so many objects of a kind exist, of which there were none.
async fn exist(wire: &Wire, kind: Kind, count: usize) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    loop {
        let mut stream = wire.stream(kind, PATIENCE).await?;
        // An API server ends the watch of whoever does not read fast enough.
        while let Some(event) = stream.next(|_| false).await? {
            if let WatchEvent::Applied(fact, _) = event
                && is_ours(&fact.key().namespace)
            {
                seen.insert(fact.key());
            }
            if seen.len() >= count {
                return Ok(());
            }
        }
    }
}

/// Writes the same objects again, and says how long that took.
async fn write(
    wire: &Wire,
    (slices, endpoints): (Vec<EndpointSlice>, Vec<Endpoints>),
) -> Result<Duration> {
    let began = Instant::now();
    create_all(wire, slices, |slice| &mut slice.metadata).await?;
    create_all(wire, endpoints, |endpoints| &mut endpoints.metadata).await?;
    Ok(began.elapsed())
}

async fn create_all<T: Resource>(
    wire: &Wire,
    objects: Vec<T>,
    metadata: fn(&mut T) -> &mut controller_core::facts::ObjectMeta,
) -> Result<()> {
    let writes = objects.into_iter().map(|mut object| async move {
        let metadata = metadata(&mut object);
        (metadata.uid, metadata.resource_version) = ("".into(), ResourceVersion::default());
        wire.create(&object).await.map(drop)
    });
    stream::iter(writes).buffer_unordered(WRITERS).try_collect::<()>().await?;
    Ok(())
}
