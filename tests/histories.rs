//! Random histories for three managers: the stock one all along, Roster all along, and a stock one
//! that is started only at the end. What Roster shows then is what the fresh one writes: it does not
//! depend on what it has lived through. Where the specifications of Kubernetes leave something behind
//! (a selector that was removed), it is what the stock manager has left.
//!
//! `SEEDS=1..20 OPS=300` decides how much is tried. A difference is told with its seed, the shortest
//! history that was found to show it, and what differs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::ops::RangeInclusive;
use std::time::Duration;

use controller_core::key::Controller;
use futures::future::join_all;
use serde_json::Value;
use support::random::{SERVICES, history};
use support::{Cluster, Op, Published, Roster};
use testbed::{ApiServer, ApiServerOptions, ControllerManager, ControllerManagerOptions, Etcd};
use tokio::time::Instant;

/// How long the managers may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing may change for a cluster to count as at rest. Longer than a repair waits.
const REST: Duration = Duration::from_millis(1500);
/// How many operations follow one another without a pause.
const BURST: usize = 6;
/// How many shorter histories are tried to find out what matters.
const SHRINKS: usize = 16;

struct Stage {
    stock: ApiServer,
    ours: ApiServer,
    fresh: ApiServer,
    /// Dropped, they end.
    _managers: Vec<ControllerManager>,
    _roster: Roster,
    runs: usize,
}

/// What one history comes to.
struct Outcome {
    /// What Roster shows and should not (+), and what it should and does not (-).
    wrong: Vec<String>,
    /// In how many lines the stock manager differs from its fresh twin.
    stock_differs: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn roster_shows_what_a_fresh_manager_would_write() {
    let (seeds, operations) = (seeds(), number("OPS", 60));
    let mut stage = Stage::set().await;
    let (mut tried, mut stock_differs) = (0, 0);
    for seed in seeds {
        let started = Instant::now();
        let operations = history(seed, operations, &stage.prefix());
        let outcome = stage.play(&operations).await;
        eprintln!(
            "seed {seed}: {} operations in {} s; Roster differs in {} lines, the stock manager from its fresh twin in {}",
            operations.len(),
            started.elapsed().as_secs(),
            outcome.wrong.len(),
            outcome.stock_differs
        );
        if !outcome.wrong.is_empty() {
            let (shortest, outcome) = stage.shrink(seed, operations, outcome).await;
            panic!(
                "seed {seed} with {} operations:\n{}\nRoster shows (+) and a fresh manager writes (-)\n{}",
                shortest.len(),
                shortest.iter().map(|op| format!("  {op:?}")).collect::<Vec<_>>().join("\n"),
                outcome.wrong.join("\n")
            );
        }
        tried += 1;
        stock_differs += usize::from(outcome.stock_differs > 0);
    }
    eprintln!(
        "after {stock_differs} of {tried} histories the stock manager differed from its fresh twin"
    );
}

fn seeds() -> RangeInclusive<u64> {
    let text = std::env::var("SEEDS").unwrap_or_else(|_| "1..2".to_owned());
    let (first, last) = text.split_once("..").unwrap_or((&text, &text));
    first.parse().unwrap()..=last.parse().unwrap()
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn controllers(more: &[&str]) -> ControllerManagerOptions {
    ControllerManagerOptions {
        controllers: more.iter().map(|name| (*name).to_owned()).collect(),
        flags: vec!["--kube-api-qps=5000".to_owned(), "--kube-api-burst=5000".to_owned()],
    }
}

impl Stage {
    async fn set() -> Self {
        let etcd = Etcd::start().await.unwrap();
        let server = async |prefix: &str| {
            let options = ApiServerOptions { prefix: prefix.to_owned(), ..Default::default() };
            ApiServer::start(&etcd, options).await.unwrap()
        };
        let (stock, ours, fresh) =
            (server("/stock").await, server("/roster").await, server("/fresh").await);
        let names = Controller::ALL.map(Controller::name);
        let collector = "garbage-collector-controller";
        let all = [names.as_slice(), &[collector]].concat();
        let managers = vec![
            ControllerManager::start(&stock, controllers(&all)).await.unwrap(),
            ControllerManager::start(&ours, controllers(&[collector])).await.unwrap(),
        ];
        let roster = Roster::start(ours.client().await.unwrap());
        // The store lives as long as the process.
        std::mem::forget(etcd);
        Self { stock, ours, fresh, _managers: managers, _roster: roster, runs: 0 }
    }

    /// Nodes have no namespace, so each run has its own.
    fn prefix(&self) -> String {
        format!("run-{}", self.runs)
    }

    async fn play(&mut self, operations: &[Op]) -> Outcome {
        let namespace = self.prefix();
        self.runs += 1;
        let cluster = async |server: &ApiServer| {
            Cluster::in_namespace(server.client().await.unwrap(), &namespace).await
        };
        let clusters =
            [cluster(&self.stock).await, cluster(&self.ours).await, cluster(&self.fresh).await];
        for burst in operations.chunks(BURST) {
            for op in burst {
                let codes = join_all(clusters.iter().map(|cluster| code(op, cluster))).await;
                assert!(codes.windows(2).all(|pair| pair[0] == pair[1]), "{op:?}: {codes:?}");
            }
            // Now and then the managers catch up, and now and then they do not.
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        let names = Controller::ALL.map(Controller::name);
        let _late = ControllerManager::start(&self.fresh, controllers(&names)).await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self::published(&clusters).await;
            tokio::time::sleep(REST).await;
            let at_rest = self::published(&clusters).await == seen;
            let outcome = judge(&seen, &without_selector(&clusters[1]).await);
            if at_rest && outcome.wrong.is_empty() || Instant::now() > deadline {
                return outcome;
            }
        }
    }

    /// Looks for a shorter history that still goes wrong: halves first, then smaller pieces.
    async fn shrink(
        &mut self,
        seed: u64,
        operations: Vec<Op>,
        outcome: Outcome,
    ) -> (Vec<Op>, Outcome) {
        let (mut shortest, mut known) = (operations, outcome);
        let mut piece = shortest.len() / 2;
        let mut tries = 0;
        while piece > 0 && tries < SHRINKS {
            let mut start = 0;
            while start < shortest.len() && tries < SHRINKS {
                let end = (start + piece).min(shortest.len());
                let shorter = [&shortest[..start], &shortest[end..]].concat();
                tries += 1;
                eprintln!("seed {seed}: trying {} of {} operations", shorter.len(), shortest.len());
                let outcome = self.play(&shorter).await;
                if outcome.wrong.is_empty() {
                    start = end;
                } else {
                    (shortest, known) = (shorter, outcome);
                }
            }
            piece /= 2;
        }
        (shortest, known)
    }
}

async fn code(op: &Op, cluster: &Cluster) -> u16 {
    match op.try_apply(cluster).await {
        Ok(()) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(error) => panic!("cannot {op:?}: {error}"),
    }
}

async fn published(clusters: &[Cluster; 3]) -> [Published; 3] {
    let [stock, ours, fresh] = clusters;
    let of = async |cluster| Published::of(cluster, &SERVICES).await.without_packing();
    let (stock, ours, fresh) = tokio::join!(of(stock), of(ours), of(fresh));
    [stock, ours, fresh]
}

/// The Services that no controller works for any more. What was published for them stays as it is.
async fn without_selector(cluster: &Cluster) -> Vec<&'static str> {
    let mut found = Vec::new();
    for name in SERVICES {
        let service = cluster.get("Service", name).await;
        let selector = |service: &Value| {
            service["spec"]["type"] != "ExternalName" && service["spec"]["selector"].is_object()
        };
        if service.is_some_and(|service| !selector(&service)) {
            found.push(name);
        }
    }
    found
}

/// Roster shows what the fresh manager writes. Of Services that lost their selector it may show, or
/// miss, what the stock manager does.
fn judge([stock, ours, fresh]: &[Published; 3], bare: &[&str]) -> Outcome {
    let stock_differs = stock.difference(fresh);
    let about_bare = |line: &String| {
        bare.iter().any(|name| {
            line.contains(&format!(" slices of {name} "))
                || line.contains(&format!(" Endpoints {name}:"))
        })
    };
    let left: Vec<&String> = stock_differs.iter().filter(|line| about_bare(line)).collect();
    let wrong = ours.difference(fresh).into_iter().filter(|line| !left.contains(&line));
    let stock_differs = stock_differs.iter().filter(|line| !about_bare(line)).count();
    Outcome { wrong: wrong.collect(), stock_differs }
}
