//! H2: how long until a flip is published, as a third party sees it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::flips::{self, chosen, paced};
use super::{MANAGERS, Row, Running, Size};
use crate::cluster::{Cluster, PodKey};
use crate::contestant::{Entry, Mode};
use crate::driver::Timed;
use crate::figures::{Bound, Figure, Goal, Measures, Unit};
use crate::observer::{Delay, Observer, percentile};
use crate::tiers;

/// The row.
pub const ROW: Row = Row {
    id: "H2",
    title: "propagation",
    workload: "Flips over all Services at 20 a second, then at 100 (or as many as the API server takes with ease); then pairs of flips in one Service, \
               1 to 10 ms apart, 5 pairs a second. Delays are those between the Pod's event and the \
               slice's, at one observer.",
    figures: &[
        Figure { key: "p99", label: "p99 at 100/s", unit: Unit::Milliseconds },
        Figure { key: "p50", label: "p50 at 100/s", unit: Unit::Milliseconds },
        Figure { key: "p99-slow", label: "p99 at 20/s", unit: Unit::Milliseconds },
        Figure { key: "p50-slow", label: "p50 at 20/s", unit: Unit::Milliseconds },
        Figure { key: "second-p50", label: "second of a pair, p50", unit: Unit::Milliseconds },
        Figure { key: "second-p99", label: "second of a pair, p99", unit: Unit::Milliseconds },
        Figure { key: "late", label: "the driver's delay at the end", unit: Unit::Milliseconds },
    ],
    goals: &[
        Goal { figure: "p99", bound: Bound::OfStock(1.0) },
        Goal { figure: "p99-slow", bound: Bound::OfStock(1.0) },
        Goal { figure: "second-p99", bound: Bound::OfStock(1.0 / 50.0) },
    ],
    order: MANAGERS,
    small: &[(tiers::S, Mode::T)],
    large: &[(tiers::M, Mode::D), (tiers::M, Mode::C), (tiers::M, Mode::T)],
    lap: |cluster, entry, size| -> Running<'_> { Box::pin(lap(cluster, entry, size)) },
};

async fn lap(cluster: &mut Cluster, entry: &Entry, size: Size) -> Result<Measures> {
    let (slow, fast, pairs) = size.pick((200, 600, 50), (2000, 10_000, 500));
    let contestant = cluster.calm(entry).await?;
    let observer = Observer::start(&cluster.wire).await?;
    let mut measures = Measures::new();
    for (count, pace, suffix) in [(slow, 20, "-slow"), (fast, 100, "")] {
        let changes = flips::draw(cluster, count, |_| true)?;
        let changes = paced(cluster.pace(pace), changes);
        let offered = cluster.driver.offer(changes).await?;
        let delays = delays(cluster, &observer).await?;
        measures.insert(format!("p50{suffix}"), percentile(&delays, 0.5));
        measures.insert(format!("p99{suffix}"), percentile(&delays, 0.99));
        measures.insert("late".to_owned(), offered.late.as_secs_f64() * 1000.0);
    }
    let (changes, second) = draw_pairs(cluster, pairs)?;
    cluster.driver.offer(changes).await?;
    let mut delays = delays(cluster, &observer).await?;
    delays.retain(|(pod, _)| second.contains(&(pod.namespace.to_string(), pod.name.to_string())));
    measures.insert("second-p50".to_owned(), percentile(&delays, 0.5));
    measures.insert("second-p99".to_owned(), percentile(&delays, 0.99));
    contestant.calm().await?;
    Ok(measures)
}

/// What the observer has seen by the time that everything is published.
async fn delays(cluster: &Cluster, observer: &Observer) -> Result<Vec<Delay>> {
    cluster.agree().await?;
    observer.take_all().await
}

/// Pairs of different Pods of the largest Service, and the names of the second ones.
fn draw_pairs(cluster: &mut Cluster, pairs: u32) -> Result<(Vec<Timed>, BTreeSet<PodKey>)> {
    let mut pods = chosen(cluster, |pods| pods >= 100);
    let app = pods.first().and_then(|key| cluster.pods.get(key)).context("no large Service")?;
    let (namespace, app) = (app.namespace.clone(), app.app.clone());
    pods.retain(|key| {
        let pod = cluster.pods.get(key);
        pod.is_some_and(|pod| pod.namespace == namespace && pod.app == app)
    });
    let mut random = StdRng::seed_from_u64(2);
    let (mut changes, mut second) = (Vec::new(), BTreeSet::new());
    for number in 0..pairs {
        let at = Duration::from_millis(200) * number;
        let apart = Duration::from_millis(random.random_range(1..=10));
        let first = random.random_range(0..pods.len());
        let other = (first + random.random_range(1..pods.len())) % pods.len();
        for (place, at) in [(first, at), (other, at + apart)] {
            let key = pods.get(place).context("no Pod")?;
            changes.push((at, flips::flip(cluster, key)?));
        }
        second.extend(pods.get(other).cloned());
    }
    Ok((changes, second))
}
