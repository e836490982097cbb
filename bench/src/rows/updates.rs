//! H7 and H8: updates of Pods that change nothing an endpoint shows. What does it cost to see that?

use anyhow::{Context, Result, ensure};

use super::flips::{chosen, paced};
use super::{Row, Running, Size, WITH_FLOOR};
use crate::cluster::Cluster;
use crate::contestant::{Entry, Mode};
use crate::driver::Change;
use crate::figures::{Bound, Figure, Goal, Measures, Unit};
use crate::pods::Pod;
use crate::tiers;

/// Annotations change.
pub const NO_OPS: Row = Row {
    id: "H8",
    title: "updates that do not matter",
    workload: "Annotations of all Pods change, one Pod after the other. The floor reads the same watches \
               over TLS and discards them.",
    figures: &[
        Figure { key: "cpu", label: "CPU per update", unit: Unit::Microseconds },
        Figure { key: "pace", label: "updates a second", unit: Unit::Count },
        Figure { key: "late", label: "the driver's delay at the end", unit: Unit::Milliseconds },
        Figure { key: "writes", label: "needless writes", unit: Unit::Count },
    ],
    goals: &[
        Goal { figure: "cpu", bound: Bound::OfStock(1.0 / 8.0) },
        Goal { figure: "cpu", bound: Bound::OfFloor(1.5) },
        Goal { figure: "writes", bound: Bound::Value(0.0) },
    ],
    order: WITH_FLOOR,
    small: &[(tiers::S, Mode::T)],
    large: &[(tiers::M, Mode::T)],
    lap: |cluster, entry, size| -> Running<'_> { Box::pin(annotations(cluster, entry, size)) },
};

/// Labels change that no selector names, among many Services that match nothing.
pub const LABELS: Row = Row {
    id: "H7",
    title: "dense namespace",
    workload: "A label that no selector names changes on all Pods, one after the other, in a namespace \
               where four of five Services match nothing. The floor reads the same watches over TLS \
               and discards them.",
    goals: &[
        Goal { figure: "cpu", bound: Bound::OfStock(1.0 / 50.0) },
        Goal { figure: "cpu", bound: Bound::OfFloor(1.5) },
        Goal { figure: "writes", bound: Bound::Value(0.0) },
    ],
    small: &[(tiers::DN_SMALL, Mode::T)],
    large: &[(tiers::DN, Mode::T)],
    lap: |cluster, entry, size| -> Running<'_> { Box::pin(labels(cluster, entry, size)) },
    ..NO_OPS
};

async fn labels(cluster: &mut Cluster, entry: &Entry, size: Size) -> Result<Measures> {
    let relabelled = |pod: &Pod| Pod { revision: pod.revision + 1, ..pod.clone() };
    lap(cluster, entry, size.pick(2000, 20_000), 200, relabelled).await
}

async fn annotations(cluster: &mut Cluster, entry: &Entry, size: Size) -> Result<Measures> {
    let annotated = |pod: &Pod| Pod { checked: pod.checked + 1, ..pod.clone() };
    lap(cluster, entry, size.pick(4000, 50_000), 250, annotated).await
}

/// Changes Pods one after the other, so many in all, in a way that nobody has to do anything about.
async fn lap(
    cluster: &mut Cluster,
    entry: &Entry,
    count: u32,
    pace: u32,
    change: impl Fn(&Pod) -> Pod,
) -> Result<Measures> {
    let keys = chosen(cluster, |_| true);
    ensure!(!keys.is_empty(), "no Pod to update");
    let mut changes = Vec::new();
    for key in keys.iter().cycle().take(usize::try_from(count)?) {
        let changed = change(cluster.pods.get(key).context("no such Pod")?);
        changes.push(cluster.note(Change::Update(changed)));
    }
    let changes = paced(cluster.pace(pace), changes);
    let contestant = cluster.calm(entry).await?;
    let (before, written) = (contestant.usage()?, cluster.writes().await?);
    let offered = cluster.driver.offer(changes).await?;
    let cpu = contestant.calm().await?.usage.cpu - before.cpu;
    let writes = cluster.writes().await?.since(written).total();
    let count = f64::from(count);
    Ok(Measures::from([
        ("cpu".to_owned(), cpu.as_secs_f64() * 1e6 / count),
        ("pace".to_owned(), count / offered.took.as_secs_f64()),
        ("late".to_owned(), offered.late.as_secs_f64() * 1000.0),
        ("writes".to_owned(), writes),
    ]))
}
