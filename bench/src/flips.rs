//! The rows of flips: Pods become ready and not ready, at random and at a steady pace. What does a
//! flip cost, and what does an update cost that changes nothing that matters?

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::future::{try_join, try_join_all};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::cluster::Cluster;
use crate::contestant::{Contestant, ORDER, Usage, Who};
use crate::load::{self, NAMESPACE};
use crate::published::{self, Writes};

/// How many patches may be under way at once. Those of one Pod go one after the other.
const LANES: usize = 16;
/// Every lap draws the same Pods.
const SEED: u64 = 1;
/// What the larger Service has at least.
const LARGE: usize = 100;

/// How many changes of each sort, and how fast.
#[derive(Clone, Copy)]
pub struct Settings {
    /// Flips of one large Service, and as many over the small ones.
    pub flips: usize,
    /// Updates that change nothing relevant.
    pub updates: usize,
    /// Changes a second. What the API server cannot take in time gathers, and is written at once.
    pub pace: u32,
}

/// What is changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    /// Ready flips in the one large Service.
    Large,
    /// Ready flips over all small Services.
    Small,
    /// Annotations, over all Services.
    Irrelevant,
}

/// One change of one Pod.
struct Change {
    pod: String,
    /// Its new state, or nothing where only an annotation changes.
    ready: Option<bool>,
}

/// What a load has cost a contestant.
struct Cost {
    who: Who,
    load: Load,
    changes: usize,
    cpu: Duration,
    writes: Writes,
    usage: Usage,
}

impl Load {
    const ALL: [Load; 3] = [Load::Large, Load::Small, Load::Irrelevant];

    fn name(self) -> &'static str {
        match self {
            Load::Large => "flips in 1 Service of 1,000 Pods",
            Load::Small => "flips over 300 Services of 10 Pods",
            Load::Irrelevant => "annotations of Pods",
        }
    }

    fn count(self, settings: Settings) -> usize {
        match self {
            Load::Large | Load::Small => settings.flips,
            Load::Irrelevant => settings.updates,
        }
    }

    fn touches(self, pods: usize) -> bool {
        match self {
            Load::Large => pods >= LARGE,
            Load::Small => pods < LARGE,
            Load::Irrelevant => true,
        }
    }
}

/// Has each contestant follow every load twice. What comes back are the numbers as they are.
pub async fn run(cluster: &mut Cluster, roster: &Path, settings: Settings) -> Result<Vec<Value>> {
    println!(
        "| changes | contestant | CPU per 1,000 | slice writes per 1,000 | Endpoints writes per 1,000 | memory | peak |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut costs = Vec::new();
    for who in ORDER {
        eprintln!("{} starts …", who.name());
        let contestant = Contestant::start(who, roster, cluster.server()).await?;
        contestant.calm().await?;
        for load in Load::ALL {
            eprintln!("{} follows {} {} …", who.name(), load.count(settings), load.name());
            let cost = cost(cluster, who, &contestant, load, settings).await?;
            cost.print();
            costs.push(cost);
        }
    }
    println!();
    Load::ALL.into_iter().for_each(|load| print_ratio(&costs, load));
    println!();
    Ok(costs.iter().map(Cost::raw).collect())
}

async fn cost(
    cluster: &mut Cluster,
    who: Who,
    contestant: &Contestant,
    load: Load,
    settings: Settings,
) -> Result<Cost> {
    let count = load.count(settings);
    let changes = draw(cluster, load, count);
    let before = contestant.calm().await?;
    let written = Writes::read(&cluster.client).await?;
    make(cluster, changes, settings.pace).await?;
    published::agree(&cluster.client, &cluster.members).await?;
    let usage = contestant.calm().await?;
    // Whoever has come to rest must still be right.
    published::agree(&cluster.client, &cluster.members).await?;
    let writes = Writes::read(&cluster.client).await?.since(written);
    if load == Load::Irrelevant && writes != (Writes { slices: 0, endpoints: 0 }) {
        bail!("{} wrote {writes:?} although nothing had changed that matters", who.name());
    }
    Ok(Cost { who, load, changes: count, cpu: usage.cpu - before.cpu, writes, usage })
}

/// Draws Pods at random, and notes down what becomes of each.
fn draw(cluster: &mut Cluster, load: Load, count: usize) -> Vec<Change> {
    let sizes = cluster.backends.iter().map(|backend| (backend.name.as_str(), backend.pods));
    let of = |(name, pods): (&str, usize)| {
        let name = name.to_owned();
        (0..pods).map(move |number| (name.clone(), load::pod_name(&name, number)))
    };
    let pods: Vec<(String, String)> =
        sizes.filter(|(_, pods)| load.touches(*pods)).flat_map(of).collect();
    let mut random = StdRng::seed_from_u64(SEED);
    let mut change = |_| {
        let member = pods.get(random.random_range(0..pods.len()))?;
        let ready = cluster.members.get_mut(member).filter(|_| load != Load::Irrelevant);
        let ready = ready.map(|ready| {
            *ready = !*ready;
            *ready
        });
        Some(Change { pod: member.1.clone(), ready })
    };
    (0..count).filter_map(&mut change).collect()
}

/// Makes so many changes a second. Changes of one Pod stay in order.
async fn make(cluster: &Cluster, changes: Vec<Change>, pace: u32) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..LANES).map(|_| mpsc::unbounded_channel::<Change>()).unzip();
    let lane = |mut receiver: mpsc::UnboundedReceiver<Change>| {
        let pods = pods.clone();
        async move {
            while let Some(Change { pod, ready }) = receiver.recv().await {
                match ready {
                    Some(ready) => load::flip(&pods, &pod, ready).await?,
                    None => load::annotate(&pods, &pod).await?,
                }
            }
            Ok::<(), anyhow::Error>(())
        }
    };
    let pace = async {
        let mut ticks = interval(Duration::from_secs(1) / pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for change in changes {
            ticks.tick().await;
            let lane = change.pod.bytes().map(usize::from).sum::<usize>() % LANES;
            senders.get(lane).context("no lane")?.send(change)?;
        }
        drop(senders);
        Ok(())
    };
    try_join(pace, try_join_all(receivers.into_iter().map(lane))).await?;
    Ok(())
}

impl Cost {
    fn per_thousand(&self, number: f64) -> f64 {
        number * 1000.0 / self.changes as f64
    }

    fn print(&self) {
        println!(
            "| {} | {} | {:.3} s | {:.0} | {:.0} | {} MB | {} MB |",
            self.load.name(),
            self.who.name(),
            self.per_thousand(self.cpu.as_secs_f64()),
            self.per_thousand(self.writes.slices as f64),
            self.per_thousand(self.writes.endpoints as f64),
            self.usage.memory / 1_000_000,
            self.usage.peak / 1_000_000,
        );
    }

    fn raw(&self) -> Value {
        json!({
            "row": "flips",
            "changes": self.load.name(),
            "count": self.changes,
            "contestant": self.who.name(),
            "cpuSeconds": self.cpu.as_secs_f64(),
            "sliceWrites": self.writes.slices,
            "endpointsWrites": self.writes.endpoints,
            "memoryBytes": self.usage.memory,
            "peakBytes": self.usage.peak,
        })
    }
}

/// All laps of one contestant against all of the other.
fn print_ratio(costs: &[Cost], load: Load) {
    let cpu = |who| -> f64 {
        let laps = costs.iter().filter(|cost| cost.who == who && cost.load == load);
        laps.map(|cost| cost.cpu.as_secs_f64()).sum()
    };
    let ratio = cpu(Who::Stock) / cpu(Who::Roster);
    println!("* {}: {} uses {ratio:.1} times the CPU", load.name(), Who::Stock.name());
}
