//! H3: a large Service is replaced, Pod by Pod, and rolled back. How much is written, and how soon?

use anyhow::Result;

use super::flips::paced;
use super::{MANAGERS, Row, Running, Size};
use crate::cluster::Cluster;
use crate::contestant::{Entry, Mode};
use crate::driver::Change;
use crate::figures::{Bound, Figure, Goal, Measures, Unit};
use crate::observer::{Observer, percentile};
use crate::pods::Pod;
use crate::tiers;

/// Pods replaced a second.
const PACE: u32 = 50;

/// The row.
pub const ROW: Row = Row {
    id: "H3",
    title: "rollout",
    workload: "Every Pod of the only Service is replaced, up to 50 a second: a new one becomes ready, then \
               an old one goes. Then they are rolled back.",
    figures: &[
        Figure { key: "slices", label: "slice writes per 1,000 Pods", unit: Unit::Count },
        Figure { key: "endpoints", label: "Endpoints writes per 1,000", unit: Unit::Count },
        Figure { key: "bytes", label: "bytes written per 1,000", unit: Unit::Megabytes },
        Figure { key: "count", label: "slices at the end", unit: Unit::Count },
        Figure { key: "p99", label: "new Pod to slice, p99", unit: Unit::Milliseconds },
        Figure { key: "p50", label: "p50", unit: Unit::Milliseconds },
        Figure { key: "cpu", label: "CPU per 1,000 Pods", unit: Unit::Seconds },
    ],
    goals: &[
        Goal { figure: "slices", bound: Bound::OfStock(0.6) },
        Goal { figure: "bytes", bound: Bound::OfStock(1.0 / 3.0) },
        Goal { figure: "count", bound: Bound::OfStock(1.0) },
        Goal { figure: "p99", bound: Bound::OfStock(1.0) },
    ],
    order: MANAGERS,
    small: &[(tiers::ROLLOUT_SMALL, Mode::T)],
    large: &[(tiers::ROLLOUT, Mode::T)],
    lap: |cluster, entry, _: Size| -> Running<'_> { Box::pin(lap(cluster, entry)) },
};

async fn lap(cluster: &mut Cluster, entry: &Entry) -> Result<Measures> {
    let contestant = cluster.calm(entry).await?;
    let observer = Observer::start(&cluster.wire).await?;
    let (before, written) = (contestant.usage()?, cluster.writes().await?);
    let changes = there_and_back(cluster);
    let pods = changes.len() as f64 / 2.0;
    cluster.driver.offer(paced(cluster.pace(PACE * 2), changes)).await?;
    let slices = cluster.agree().await?.slice_count;
    let cpu = contestant.calm().await?.usage.cpu - before.cpu;
    let writes = cluster.writes().await?.since(written);
    // Pods that came and went before a slice could show them are not seen.
    let delays = observer.take();
    let per_thousand = |number: f64| number * 1000.0 / pods;
    Ok(Measures::from([
        ("slices".to_owned(), per_thousand(writes.slices)),
        ("endpoints".to_owned(), per_thousand(writes.endpoints)),
        ("bytes".to_owned(), per_thousand(writes.bytes)),
        ("count".to_owned(), slices as f64),
        ("p99".to_owned(), percentile(&delays, 0.99)),
        ("p50".to_owned(), percentile(&delays, 0.5)),
        ("cpu".to_owned(), per_thousand(cpu.as_secs_f64())),
    ]))
}

/// All Pods are replaced by new ones, and these by Pods as they were before, so that every lap ends as
/// it began.
fn there_and_back(cluster: &mut Cluster) -> Vec<Change> {
    let old: Vec<Pod> = cluster.pods.values().cloned().collect();
    let next = |pod: &Pod| Pod {
        name: format!("{}-next-{:05}", pod.app, pod.place),
        place: pod.place + SPARE,
        ..pod.clone()
    };
    let new: Vec<Pod> = old.iter().map(next).collect();
    let mut changes = replacements(cluster, &old, &new);
    changes.extend(replacements(cluster, &new, &old));
    changes
}

/// A new Pod, an old one gone, and so on until all are new.
fn replacements(cluster: &mut Cluster, old: &[Pod], new: &[Pod]) -> Vec<Change> {
    let pairs = old.iter().zip(new);
    let changes =
        pairs.flat_map(|(old, new)| [Change::Create(new.clone()), Change::Delete(old.clone())]);
    changes.map(|change| cluster.note(change)).collect()
}

/// The new Pods have places from here on.
const SPARE: usize = 10_000;
