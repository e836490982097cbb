//! The row of rest: a cluster that needs nothing. What does a start cost, and what does it cost to
//! stay?

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use kube::Client;
use testbed::{ApiServer, ControlPlane};

use crate::contestant::{Contestant, Usage, Who};
use crate::load;

/// In which order the contestants run, so that a drift of the machine hits both alike.
const ORDER: [Who; 4] = [Who::Roster, Who::Stock, Who::Stock, Who::Roster];
/// A contestant whose CPU time does not grow for this long has started.
const CALM: Duration = Duration::from_secs(3);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(300);

struct Lap {
    who: Who,
    start: Duration,
    resting: Duration,
    usage: Usage,
    needless: bool,
}

/// Fills a cluster, lets Roster settle it, and has each contestant start and rest twice.
pub async fn run(roster: &Path, rest: Duration) -> Result<()> {
    let plane = ControlPlane::start().await?;
    let client = plane.api_server.client().await?;
    let backends = load::small();
    let pods: usize = backends.iter().map(|backend| backend.pods).sum();
    eprintln!("creating {pods} Pods and {} Services …", backends.len());
    load::fill(&client, &backends).await?;
    eprintln!("settling …");
    let settling = Contestant::start(Who::Roster, roster, &plane.api_server).await?;
    settled(&client, pods).await?;
    drop(settling);
    println!(
        "| contestant | CPU to start | CPU in {} s of rest | memory | peak | needless writes |",
        rest.as_secs()
    );
    println!("|---|---|---|---|---|---|");
    for who in ORDER {
        eprintln!("{} starts and rests …", who.name());
        let lap = lap(who, roster, &plane.api_server, &client, rest).await?;
        println!(
            "| {} | {:.2} s | {:.2} s | {} MB | {} MB | {} |",
            lap.who.name(),
            lap.start.as_secs_f64(),
            lap.resting.as_secs_f64(),
            lap.usage.memory / 1_000_000,
            lap.usage.peak / 1_000_000,
            if lap.needless { "yes" } else { "none" }
        );
    }
    Ok(())
}

async fn lap(
    who: Who,
    roster: &Path,
    server: &ApiServer,
    client: &Client,
    rest: Duration,
) -> Result<Lap> {
    let (_, before) = load::published(client).await?;
    let contestant = Contestant::start(who, roster, server).await?;
    let start = calm(&contestant).await?;
    tokio::time::sleep(rest).await;
    let usage = contestant.usage()?;
    let (_, after) = load::published(client).await?;
    Ok(Lap { who, start, resting: usage.cpu - start, usage, needless: after != before })
}

/// Waits until all Pods are published and nothing is written any more.
async fn settled(client: &Client, pods: usize) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = None;
    loop {
        let seen = load::published(client).await?;
        if seen.0 == pods && last == Some(seen) {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("only {} of {pods} endpoints are published", seen.0);
        }
        last = Some(seen);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Waits until a contestant has come to rest, and says what it has used by then.
async fn calm(contestant: &Contestant) -> Result<Duration> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = contestant.usage()?.cpu;
    loop {
        tokio::time::sleep(CALM).await;
        let now = contestant.usage()?.cpu;
        // A tick or two are housekeeping.
        if now > Duration::ZERO && now - last <= Duration::from_millis(20) {
            return Ok(now);
        }
        if Instant::now() > deadline {
            bail!("a contestant does not come to rest");
        }
        last = now;
    }
}
