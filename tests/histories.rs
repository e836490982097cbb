//! Random histories for three managers: the stock one all along, Roster all along, and a stock one
//! that is started only at the end. What Roster shows then is what the fresh one writes: it does not
//! depend on what it has lived through. Where the specifications of Kubernetes leave something behind
//! (a selector that was removed), it is what the stock manager has left.
//!
//! `SEEDS=1..20 OPS=300` decides how much is tried; Services have one family under odd seeds and up to
//! two under even ones. A difference is told with its seed, the shortest history that was found to
//! show it, and what differs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use controller_core::key::Controller;
use futures::future::join_all;
use serde_json::Value;
use support::random::{Families, SERVICES, THIEF, history};
use support::{Cluster, Op, Published, Roster};
use testbed::{ApiServer, ApiServerOptions, ControllerManager, ControllerManagerOptions, Etcd};
use tokio::time::Instant;

/// How long the managers may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing may change for a cluster to count as at rest. Longer than a repair waits.
const REST: Duration = Duration::from_millis(1500);
/// How long something may be wrong while nothing changes.
const LAST_RETRY: Duration = Duration::from_secs(12);
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
    roster: Roster,
    runs: usize,
}

/// A history that the seed alone decides.
#[derive(Clone, Copy)]
struct Story {
    seed: u64,
    length: usize,
}

impl Story {
    fn operations(self, places: &[usize], prefix: &str) -> Vec<Op> {
        let families = if self.seed.is_multiple_of(2) { Families::Dual } else { Families::Single };
        let all = history(self.seed, families, self.length, prefix);
        places.iter().map(|place| all[*place].clone()).collect()
    }
}

/// What one history comes to.
struct Outcome {
    /// What Roster shows and should not (+), and what it should and does not (-).
    wrong: Vec<String>,
    /// In how many objects the stock manager differs from its fresh twin, although a controller works
    /// for their Service.
    stock_differs: usize,
    /// In how many more it differs because it leaves behind what it wrote before a Service lost its
    /// selector.
    leftovers: usize,
    /// How many objects there are.
    objects: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn roster_shows_what_a_fresh_manager_would_write() {
    let (seeds, operations) = (seeds(), number("OPS", 120));
    let mut stage = Stage::set().await;
    let (mut tried, mut differed, mut stock_differs, mut leftovers, mut objects) = (0, 0, 0, 0, 0);
    for seed in seeds {
        let started = Instant::now();
        let story = Story { seed, length: operations };
        let all: Vec<usize> = (0..operations).collect();
        let outcome = stage.play(story, &all).await.unwrap();
        eprintln!(
            "seed {seed}: {operations} operations in {} s, {} objects; Roster differs in {} lines, the stock manager from its fresh twin in {} objects and {} leftovers",
            started.elapsed().as_secs(),
            outcome.objects,
            outcome.wrong.len(),
            outcome.stock_differs,
            outcome.leftovers,
        );
        if !outcome.wrong.is_empty() {
            let told = difference(&outcome);
            eprintln!("{told}\nlooking for a shorter history …");
            let (shortest, outcome) = stage.shrink(story, all, outcome).await;
            let shortest = story.operations(&shortest, "run");
            panic!(
                "seed {seed}: {told}\nwith {} operations alone:\n{}\n{}",
                shortest.len(),
                shortest.iter().map(|op| format!("  {op:?}")).collect::<Vec<_>>().join("\n"),
                difference(&outcome)
            );
        }
        tried += 1;
        differed += usize::from(outcome.stock_differs > 0);
        stock_differs += outcome.stock_differs;
        leftovers += outcome.leftovers;
        objects += outcome.objects;
    }
    stage.restart_writes_nothing().await;
    assert!(objects > 5 * tried, "the histories come to next to nothing");
    eprintln!(
        "the stock manager differed from its fresh twin after {differed} of {tried} histories: in {stock_differs} of {objects} objects, and in {leftovers} leftovers"
    );
}

fn difference(outcome: &Outcome) -> String {
    format!("Roster shows (+) and a fresh manager writes (-)\n{}", outcome.wrong.join("\n"))
}

fn seeds() -> RangeInclusive<u64> {
    let text = std::env::var("SEEDS").unwrap_or_else(|_| "1..2".to_owned());
    let (first, last) = text.split_once("..").unwrap_or((&text, &text));
    first.parse().unwrap()..=last.parse().unwrap()
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

impl Stage {
    async fn set() -> Self {
        let etcd = Etcd::start().await.unwrap();
        let server = async |prefix: &str| {
            ApiServer::start(&etcd, ApiServerOptions::under(prefix)).await.unwrap()
        };
        let (stock, ours, fresh) =
            (server("/stock").await, server("/roster").await, server("/fresh").await);
        let names = Controller::OF_KUBE_CONTROLLER_MANAGER.map(Controller::name);
        let collector = "garbage-collector-controller";
        let all = [names.as_slice(), &[collector]].concat();
        let managers = vec![
            ControllerManager::start(&stock, ControllerManagerOptions::unhurried(&all))
                .await
                .unwrap(),
            ControllerManager::start(&ours, ControllerManagerOptions::unhurried(&[collector]))
                .await
                .unwrap(),
        ];
        let roster = Roster::start(ours.client().await.unwrap());
        // The store lives as long as the process.
        std::mem::forget(etcd);
        Self { stock, ours, fresh, _managers: managers, roster, runs: 0 }
    }

    /// Nodes have no namespace, so each run has its own.
    fn prefix(&self) -> String {
        format!("run-{}", self.runs)
    }

    /// Plays some of the operations of a story, by their places. An operation that one server takes
    /// and another does not makes no history.
    async fn play(&mut self, story: Story, places: &[usize]) -> Result<Outcome, String> {
        let namespace = self.prefix();
        let operations = story.operations(places, &namespace);
        self.runs += 1;
        let cluster = async |server: &ApiServer| {
            Cluster::in_namespace(server.client().await.unwrap(), &namespace).await
        };
        let clusters =
            [cluster(&self.stock).await, cluster(&self.ours).await, cluster(&self.fresh).await];
        for burst in operations.chunks(BURST) {
            for op in burst {
                let codes = join_all(clusters.iter().map(|cluster| code(op, cluster))).await;
                if codes.windows(2).any(|pair| pair[0] != pair[1]) {
                    return Err(format!("{op:?} was answered by {codes:?}"));
                }
            }
            // Now and then the managers catch up, and now and then they do not.
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        let names = Controller::OF_KUBE_CONTROLLER_MANAGER.map(Controller::name);
        let _late =
            ControllerManager::start(&self.fresh, ControllerManagerOptions::unhurried(&names))
                .await
                .unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self::published(&clusters).await;
        let mut since = Instant::now();
        loop {
            tokio::time::sleep(REST).await;
            let now = self::published(&clusters).await;
            if now != seen {
                (seen, since) = (now, Instant::now());
                assert!(since < deadline, "the managers never come to rest");
                continue;
            }
            let outcome = judge(&seen, &left_behind(&clusters[1], &seen).await);
            // What is wrong may be waiting for a retry.
            if outcome.wrong.is_empty() || since.elapsed() > LAST_RETRY {
                return Ok(outcome);
            }
        }
    }

    /// A new Roster finds everything as it would have written it.
    async fn restart_writes_nothing(self) {
        let client = self.ours.client().await.unwrap();
        let cluster = Cluster::new(client.clone()).await;
        let before = cluster.versions().await;
        self.roster.stop().await;
        let roster = Roster::start(client);
        roster.synced().await;
        cluster.stays_at(&before).await;
        roster.stop().await;
    }

    /// Looks for a shorter history that still goes wrong: halves first, then smaller pieces.
    async fn shrink(
        &mut self,
        story: Story,
        all: Vec<usize>,
        outcome: Outcome,
    ) -> (Vec<usize>, Outcome) {
        let (mut shortest, mut known) = (all, outcome);
        let mut piece = shortest.len() / 2;
        let mut tries = 0;
        while piece > 0 && tries < SHRINKS {
            let mut start = 0;
            while start < shortest.len() && piece < shortest.len() && tries < SHRINKS {
                let end = (start + piece).min(shortest.len());
                let shorter = [&shortest[..start], &shortest[end..]].concat();
                tries += 1;
                eprintln!("trying {} of {} operations", shorter.len(), shortest.len());
                match self.play(story, &shorter).await {
                    Ok(outcome) if !outcome.wrong.is_empty() => {
                        (shortest, known) = (shorter, outcome);
                    }
                    _ => start = end,
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
    let of = async |cluster| {
        Published::of(cluster, &SERVICES).await.without_packing().without_writer(THIEF)
    };
    let (stock, ours, fresh) = tokio::join!(of(stock), of(ours), of(fresh));
    [stock, ours, fresh]
}

/// The Services, of those in a cluster, that no selector is in force for: what was written before
/// stays behind as it was, and is nobody's any more.
async fn left_behind(cluster: &Cluster, [stock, ours, _]: &[Published; 3]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in SERVICES {
        let service = cluster.get("Service", name).await;
        let served = |service: &Value| {
            service["spec"]["type"] != "ExternalName" && service["spec"]["selector"].is_object()
        };
        let written = stock.has_written_for(name) || ours.has_written_for(name);
        if service.is_none_or(|service| !served(&service) && written) {
            found.insert(name.to_owned());
        }
    }
    found
}

/// Roster shows what the fresh manager writes.
fn judge(seen: &[Published; 3], left: &BTreeSet<String>) -> Outcome {
    let [stock, ours, fresh] = seen.clone().map(|published| published.without_services(left));
    let stock_differs = stock.differing(&fresh);
    Outcome {
        wrong: ours.difference(&fresh),
        stock_differs,
        leftovers: seen[0].differing(&seen[2]) - stock_differs,
        objects: fresh.objects(),
    }
}
