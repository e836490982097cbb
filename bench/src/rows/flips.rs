//! H1: Ready flips of random Pods. What does a flip cost?

use std::time::Duration;

use anyhow::{Context, Result};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{MANAGERS, Row, Running, Size};
use crate::cluster::{Cluster, PodKey};
use crate::contestant::{Entry, Mode};
use crate::driver::{Change, Timed};
use crate::figures::{Bound, Figure, Goal, Measures, Unit};
use crate::pods::Pod;
use crate::tiers;

/// What a large Service has at least.
const LARGE_SERVICE: usize = 100;
/// Every lap draws the same Pods.
const SEED: u64 = 1;
/// Flips a second.
const PACE: u32 = 100;

const FIGURES: &[Figure] = &[
    Figure { key: "cpu", label: "CPU per 1,000 flips", unit: Unit::Seconds },
    Figure { key: "slices", label: "slice writes per 1,000", unit: Unit::Count },
    Figure { key: "endpoints", label: "Endpoints writes per 1,000", unit: Unit::Count },
    Figure { key: "pace", label: "flips a second", unit: Unit::Count },
    Figure { key: "late", label: "the driver's delay at the end", unit: Unit::Milliseconds },
];
const GOALS: &[Goal] = &[Goal { figure: "cpu", bound: Bound::OfStock(1.0 / 25.0) }];

/// In large Services.
pub const LARGE: Row = Row {
    id: "H1a",
    title: "flips in a large Service",
    workload: "Pods of the largest Services, drawn at random, become ready or not ready, up to 100 a \
               second.",
    figures: FIGURES,
    goals: GOALS,
    order: MANAGERS,
    small: &[(tiers::S, Mode::T)],
    large: &[(tiers::M, Mode::T)],
    lap: |cluster, entry, size| -> Running<'_> { Box::pin(lap(cluster, entry, size, is_large)) },
};

/// In small ones.
pub const SMALL: Row = Row {
    id: "H1b",
    title: "flips over small Services",
    workload: "Pods of all smaller Services, drawn at random, become ready or not ready, up to 100 \
               a second.",
    lap: |cluster, entry, size| -> Running<'_> { Box::pin(lap(cluster, entry, size, is_small)) },
    ..LARGE
};

fn is_large(pods: usize) -> bool {
    pods >= LARGE_SERVICE
}

fn is_small(pods: usize) -> bool {
    !is_large(pods)
}

async fn lap(
    cluster: &mut Cluster,
    entry: &Entry,
    size: Size,
    touches: fn(usize) -> bool,
) -> Result<Measures> {
    let count = size.pick(1000, 10_000);
    let changes = draw(cluster, count, touches)?;
    let changes = paced(cluster.pace(PACE), changes);
    let contestant = cluster.calm(entry).await?;
    let (before, written) = (contestant.usage()?, cluster.writes().await?);
    let offered = cluster.driver.offer(changes).await?;
    cluster.agree().await?;
    let cpu = contestant.calm().await?.usage.cpu - before.cpu;
    let writes = cluster.writes().await?.since(written);
    let per_thousand = |number: f64| number * 1000.0 / f64::from(count);
    Ok(Measures::from([
        ("cpu".to_owned(), per_thousand(cpu.as_secs_f64())),
        ("slices".to_owned(), per_thousand(writes.slices)),
        ("endpoints".to_owned(), per_thousand(writes.endpoints)),
        ("pace".to_owned(), f64::from(count) / offered.took.as_secs_f64()),
        ("late".to_owned(), offered.late.as_secs_f64() * 1000.0),
    ]))
}

/// Draws Pods of some Services at random, and flips each.
pub fn draw(cluster: &mut Cluster, count: u32, touches: fn(usize) -> bool) -> Result<Vec<Change>> {
    let chosen = chosen(cluster, touches);
    let mut random = StdRng::seed_from_u64(SEED);
    let mut flip = |_| {
        let key = chosen.get(random.random_range(0..chosen.len())).context("no Pod to flip")?;
        flip(cluster, key)
    };
    (0..count).map(&mut flip).collect()
}

/// Flips a Pod.
pub fn flip(cluster: &mut Cluster, key: &PodKey) -> Result<Change> {
    let pod = cluster.pods.get(key).context("no such Pod")?;
    let flipped = Pod { ready: !pod.ready, ..pod.clone() };
    Ok(cluster.note(Change::Update(flipped)))
}

/// The Pods of Services of some size.
pub fn chosen(cluster: &Cluster, touches: fn(usize) -> bool) -> Vec<PodKey> {
    let services = cluster.backends.iter().filter(|backend| touches(backend.pods));
    let services: std::collections::BTreeSet<_> =
        services.map(|backend| (backend.namespace.as_str(), backend.name.as_str())).collect();
    let pods = cluster.pods.iter();
    let pods =
        pods.filter(|(_, pod)| services.contains(&(pod.namespace.as_str(), pod.app.as_str())));
    pods.map(|(key, _)| key.clone()).collect()
}

/// Changes at so many a second.
pub fn paced(pace: u32, changes: Vec<Change>) -> Vec<Timed> {
    let apart = Duration::from_secs(1) / pace;
    let at = |number: usize| apart * u32::try_from(number).unwrap_or(u32::MAX);
    changes.into_iter().enumerate().map(|(number, change)| (at(number), change)).collect()
}
