//! H5: memory, and silence. What a manager holds on a settled cluster, the most that it took to get
//! there and to list everything anew, and what it does when there is nothing to do.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{MANAGERS, Row, Running, Size};
use crate::cluster::Cluster;
use crate::contestant::{Contestant, Entry, Mode};
use crate::figures::{Bound, Figure, Goal, Measures, Unit};
use crate::tiers;

/// The row.
pub const ROW: Row = Row {
    id: "H5",
    title: "memory",
    workload: "A manager starts on a settled cluster and has nothing to do. Then the API server starts \
               anew without its history, so that everything is listed again.",
    figures: &[
        Figure { key: "memory", label: "at rest", unit: Unit::Megabytes },
        Figure { key: "peak", label: "peak of the start", unit: Unit::Megabytes },
        Figure { key: "relist", label: "peak with another list", unit: Unit::Megabytes },
        Figure { key: "idle", label: "CPU in an hour of rest", unit: Unit::Seconds },
        Figure { key: "writes", label: "needless writes", unit: Unit::Count },
    ],
    goals: &[
        Goal { figure: "memory", bound: Bound::OfStock(1.0 / 15.0) },
        Goal { figure: "memory", bound: Bound::Value(64e6) },
        Goal { figure: "peak", bound: Bound::Value(96e6) },
        Goal { figure: "idle", bound: Bound::Value(1.0) },
        Goal { figure: "writes", bound: Bound::Value(0.0) },
    ],
    order: MANAGERS,
    small: &[(tiers::S, Mode::T)],
    large: &[(tiers::L, Mode::T)],
    lap: |cluster, entry, size| -> Running<'_> { Box::pin(lap(cluster, entry, size)) },
};

async fn lap(cluster: &mut Cluster, entry: &Entry, size: Size) -> Result<Measures> {
    let rest = Duration::from_secs(size.pick(60, 600));
    let before = cluster.writes().await?;
    let contestant = entry.start(&cluster.server).await?;
    let rested = contestant.calm().await?.usage;
    let began = Instant::now();
    tokio::time::sleep(rest).await;
    let usage = contestant.usage()?;
    let idle = (usage.cpu - rested.cpu).as_secs_f64() * 3600.0 / began.elapsed().as_secs_f64();
    let writes = cluster.writes().await?.since(before).total();
    cluster.server.start_again().await?;
    begins_to_list(&contestant, usage.cpu).await?;
    let again = contestant.calm().await?.usage;
    // The API server counts anew, too.
    let writes = writes + cluster.writes().await?.total();
    Ok(Measures::from([
        ("memory".to_owned(), usage.memory as f64),
        ("peak".to_owned(), usage.peak as f64),
        ("relist".to_owned(), again.peak as f64),
        ("idle".to_owned(), idle),
        ("writes".to_owned(), writes),
    ]))
}

/// Waits until a contestant has found its server again and is busy.
async fn begins_to_list(contestant: &Contestant, rested: Duration) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while contestant.usage()?.cpu < rested + Duration::from_millis(100) {
        ensure!(Instant::now() < deadline, "nothing was listed again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
