//! The row of rest: a cluster that needs nothing. What does a start cost, and what does it cost to
//! stay?

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::contestant::{Contestant, ORDER, Who};
use crate::published::Writes;

/// Has each contestant start and rest twice. What comes back are the numbers as they are.
pub async fn run(cluster: &Cluster, roster: &Path, rest: Duration) -> Result<Vec<Value>> {
    let seconds = rest.as_secs();
    println!(
        "| contestant | CPU to start | CPU in {seconds} s of rest | memory | peak | needless writes |"
    );
    println!("|---|---|---|---|---|---|");
    let mut laps = Vec::new();
    for who in ORDER {
        eprintln!("{} starts and rests …", who.name());
        laps.push(lap(who, cluster, roster, rest).await?);
    }
    println!();
    Ok(laps)
}

async fn lap(who: Who, cluster: &Cluster, roster: &Path, rest: Duration) -> Result<Value> {
    let before = Writes::read(&cluster.client).await?;
    let contestant = Contestant::start(who, roster, cluster.server()).await?;
    let start = contestant.calm().await?.cpu;
    tokio::time::sleep(rest).await;
    let usage = contestant.usage()?;
    let needless = Writes::read(&cluster.client).await?.since(before);
    let resting = usage.cpu - start;
    println!(
        "| {} | {:.2} s | {:.3} s | {} MB | {} MB | {} |",
        who.name(),
        start.as_secs_f64(),
        resting.as_secs_f64(),
        usage.memory / 1_000_000,
        usage.peak / 1_000_000,
        needless.slices + needless.endpoints,
    );
    Ok(json!({
        "row": "rest",
        "contestant": who.name(),
        "startCpuSeconds": start.as_secs_f64(),
        "restSeconds": rest.as_secs(),
        "restCpuSeconds": resting.as_secs_f64(),
        "memoryBytes": usage.memory,
        "peakBytes": usage.peak,
        "needlessWrites": needless.slices + needless.endpoints,
    }))
}
