//! H12: a public trace of inference services, sped up: Pods come and go as they did there.
//!
//! The trace is a CSV file with a line for each instance: its service, the second in which it was
//! created, and the second in which it was deleted; empty where that lies outside of the trace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use kube::Api;

use super::{MANAGERS, Row, Running};
use crate::cluster::{self, Cluster};
use crate::contestant::{Entry, Mode};
use crate::driver::{Change, Timed};
use crate::figures::{Bound, Figure, Goal, Measures, Unit};
use crate::observer::{Observer, percentile};
use crate::pods::Pod;
use crate::tiers::{self, Backend};

/// How much faster than it was.
const FASTER: f64 = 6000.0;

/// The row.
pub const ROW: Row = Row {
    id: "H12",
    title: "a real trace",
    workload: "Instances of inference services are created and deleted as in a public trace, 6,000 \
               times as fast.",
    figures: &[
        Figure { key: "cpu", label: "CPU", unit: Unit::Seconds },
        Figure { key: "memory", label: "memory at the end", unit: Unit::Megabytes },
        Figure { key: "p99", label: "p99", unit: Unit::Milliseconds },
        Figure { key: "p50", label: "p50", unit: Unit::Milliseconds },
        Figure { key: "slices", label: "slice writes", unit: Unit::Count },
        Figure { key: "endpoints", label: "Endpoints writes", unit: Unit::Count },
        Figure { key: "late", label: "the driver's delay at the end", unit: Unit::Milliseconds },
    ],
    goals: &[
        Goal { figure: "cpu", bound: Bound::OfStock(1.0 / 25.0) },
        Goal { figure: "memory", bound: Bound::OfStock(1.0 / 10.0) },
        Goal { figure: "p99", bound: Bound::OfStock(1.0) },
    ],
    order: MANAGERS,
    small: &[],
    large: &[(tiers::TRACE, Mode::T)],
    lap: |cluster, entry, _| -> Running<'_> { Box::pin(lap(cluster, entry)) },
};

/// Who was there before, and what happened when.
struct Trace {
    apps: BTreeSet<String>,
    before: Vec<Pod>,
    events: Vec<Timed>,
}

async fn lap(cluster: &mut Cluster, entry: &Entry) -> Result<Measures> {
    let path = cluster.trace.clone().context("H12 needs a trace: --trace FILE")?;
    let trace = Trace::read(&path, cluster)?;
    put_back(cluster, &trace).await?;
    let contestant = cluster.calm(entry).await?;
    cluster.agree().await?;
    let observer = Observer::start(&cluster.wire).await?;
    let (before, written) = (contestant.calm().await?.usage, cluster.writes().await?);
    let events = trace.events.into_iter().map(|(at, change)| (at, cluster.note(change))).collect();
    let offered = cluster.driver.offer(events).await?;
    cluster.agree().await?;
    let usage = contestant.calm().await?.usage;
    let writes = cluster.writes().await?.since(written);
    // Who came and went before a slice could show it is not seen.
    let delays = observer.take();
    Ok(Measures::from([
        ("cpu".to_owned(), (usage.cpu - before.cpu).as_secs_f64()),
        ("memory".to_owned(), usage.memory as f64),
        ("p99".to_owned(), percentile(&delays, 0.99)),
        ("p50".to_owned(), percentile(&delays, 0.5)),
        ("slices".to_owned(), writes.slices),
        ("endpoints".to_owned(), writes.endpoints),
        ("late".to_owned(), offered.late.as_secs_f64() * 1000.0),
    ]))
}

impl Trace {
    fn read(path: &Path, cluster: &Cluster) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let namespace = cluster.tier.namespaces().into_iter().next().context("no namespace")?;
        let mut trace = Self { apps: BTreeSet::new(), before: Vec::new(), events: Vec::new() };
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        for (place, line) in text.lines().skip(1).enumerate() {
            let mut columns = line.split(',');
            let name = columns.next().unwrap_or_default().replace('_', "-");
            let created = second(columns.next())?;
            let deleted = second(columns.next())?;
            let number = numbers.entry(name.clone()).or_default();
            let backend = Backend { namespace: namespace.clone(), name, pods: 0 };
            let pod = Pod::of(&backend, *number, place, cluster.tier.nodes);
            *number += 1;
            trace.apps.insert(backend.name);
            match created {
                Some(at) => trace.events.push((at, Change::Create(pod.clone()))),
                None => trace.before.push(pod.clone()),
            }
            if let Some(at) = deleted {
                trace.events.push((at, Change::Delete(pod)));
            }
        }
        // In the same second what was created first comes first: the order is kept.
        trace.events.sort_by_key(|(at, _)| *at);
        Ok(trace)
    }
}

/// When in the race something happens that happened in a second of the trace.
fn second(column: Option<&str>) -> Result<Option<Duration>> {
    let text = column.unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    let second: f64 = text.parse().with_context(|| format!("{text:?} is no second"))?;
    Ok(Some(Duration::from_secs_f64(second / FASTER)))
}

/// Makes the cluster as it was before the trace.
async fn put_back(cluster: &mut Cluster, trace: &Trace) -> Result<()> {
    if cluster.pods.is_empty() {
        for namespace in cluster.tier.namespaces() {
            let services: Api<Service> = Api::namespaced(cluster.client.clone(), &namespace);
            for app in &trace.apps {
                cluster::create(&services, cluster::service(app)).await?;
            }
        }
    }
    let key = |pod: &Pod| (pod.namespace.clone(), pod.name.clone());
    let before: BTreeSet<_> = trace.before.iter().map(key).collect();
    let left = cluster.pods.iter().filter(|(key, _)| !before.contains(*key));
    let left = left.map(|(_, pod)| Change::Delete(pod.clone()));
    let missing = trace.before.iter().filter(|pod| !cluster.pods.contains_key(&key(pod)));
    let missing = missing.map(|pod| Change::Create(pod.clone()));
    let changes: Vec<Change> = left.chain(missing).collect();
    let changes: Vec<Change> = changes.into_iter().map(|change| cluster.note(change)).collect();
    cluster.driver.make(changes).await
}
