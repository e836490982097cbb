//! H6: a start on a settled cluster. Nothing has to be written.

use std::time::Duration;

use super::{MANAGERS, Row, Running, Size};
use crate::cluster::Cluster;
use crate::contestant::{Entry, Mode};
use crate::figures::{Bound, Figure, Goal, Measures, Unit};
use crate::tiers;

/// The row.
pub const ROW: Row = Row {
    id: "H6",
    title: "cold start",
    workload: "A manager starts on a cluster in which everything is published.",
    figures: &[
        Figure { key: "cpu", label: "CPU", unit: Unit::Seconds },
        Figure { key: "wall", label: "until at rest", unit: Unit::Seconds },
        Figure { key: "writes", label: "needless writes", unit: Unit::Count },
    ],
    goals: &[
        Goal { figure: "cpu", bound: Bound::OfStock(1.0 / 15.0) },
        Goal { figure: "writes", bound: Bound::Value(0.0) },
    ],
    order: MANAGERS,
    small: &[(tiers::S, Mode::T)],
    large: &[(tiers::L, Mode::T)],
    lap: |cluster, entry, _: Size| -> Running<'_> { Box::pin(lap(cluster, entry)) },
};

async fn lap(cluster: &mut Cluster, entry: &Entry) -> anyhow::Result<Measures> {
    let before = cluster.writes().await?;
    let contestant = entry.start(&cluster.server).await?;
    let rested = contestant.calm().await?;
    // Whoever looks calm may be about to begin.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let cpu = contestant.usage()?.cpu;
    let writes = cluster.writes().await?.since(before);
    Ok(Measures::from([
        ("cpu".to_owned(), cpu.as_secs_f64()),
        ("wall".to_owned(), rested.after.as_secs_f64()),
        ("writes".to_owned(), writes.total()),
    ]))
}
