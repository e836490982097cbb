//! The same history for the stock kube-controller-manager and for Roster, on two real API servers:
//! after every step both must have published the same. Where Roster is meant to differ, the
//! deviation is named, with its reason, and must show.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod scenarios;

use std::collections::BTreeSet;
use std::time::Duration;

use controller::wire::Wire;
use controller_core::endpoints::subsets::repack;
use controller_core::facts;
use controller_core::key::{Controller, NamespacedName};
use futures::future::join_all;
use support::{Cluster, Published, Roster};
use testbed::{ApiServer, ApiServerOptions, ControllerManager, ControllerManagerOptions, Etcd};
use tokio::time::Instant;

use scenarios::{DEVIATIONS, Scenario, Then};

/// How long the two may take to come to the same.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a meant difference must stay, and how long nothing may be written at the end.
const LASTING: Duration = Duration::from_secs(5);

/// `--max-endpoints-per-slice` of both.
const MOST_ENDPOINTS: usize = 100;

struct Pair {
    stock: Cluster,
    roster: Cluster,
}

#[tokio::test(flavor = "multi_thread")]
async fn roster_publishes_what_kube_controller_manager_publishes() {
    let etcd = Etcd::start().await.unwrap();
    let server = |prefix| ApiServer::start(&etcd, ApiServerOptions::under(prefix));
    let (stock_server, our_server) =
        (server("/stock").await.unwrap(), server("/roster").await.unwrap());
    let stock = ControllerManagerOptions::unhurried(
        &Controller::OF_KUBE_CONTROLLER_MANAGER.map(Controller::name),
    );
    let _manager = ControllerManager::start(&stock_server, stock).await.unwrap();
    let roster = Roster::start(our_server.client().await.unwrap());

    let scenarios = scenarios::all();
    let (stock_client, our_client) =
        (stock_server.client().await.unwrap(), our_server.client().await.unwrap());
    tokio::join!(
        Cluster::until_managed(stock_client.clone()),
        Cluster::until_managed(our_client.clone())
    );
    let runs = scenarios.iter().map(|scenario| {
        let (stock_client, our_client) = (stock_client.clone(), our_client.clone());
        async move {
            let pair = Pair {
                stock: Cluster::in_namespace(stock_client, scenario.name).await,
                roster: Cluster::in_namespace(our_client, scenario.name).await,
            };
            play(scenario, &pair).await
        }
    });
    let fired: BTreeSet<&str> = join_all(runs).await.into_iter().flatten().collect();
    let listed: BTreeSet<&str> = DEVIATIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(fired, listed, "every deviation listed must show, and no other");
    Cluster::new(our_client).await.stays_silent().await;
    roster.stop().await;
}

/// The stock manager's own objects are in the order that we would write them in.
async fn packed_alike(place: &str, scenario: &Scenario, stock: &Cluster) {
    let wire = Wire::new(stock.client.clone(), stock.client.clone());
    for service in &scenario.services {
        let key = NamespacedName::new(stock.namespace.as_str(), *service);
        let endpoints = wire.get::<facts::Endpoints>(&key).await.unwrap();
        let theirs = endpoints.filter(|endpoints| {
            endpoints.metadata.labels.get(facts::endpoints::MANAGED_BY_LABEL).is_some()
        });
        if let Some(facts::Endpoints { subsets, .. }) = theirs {
            assert_eq!(repack(&subsets), subsets, "{place}: {key}");
        }
    }
}

/// Plays a scenario on both, and says which deviations showed.
async fn play(scenario: &Scenario, pair: &Pair) -> Vec<&'static str> {
    let mut fired = Vec::new();
    for (number, step) in scenario.steps.iter().enumerate() {
        for op in &step.ops {
            tokio::join!(op.apply(&pair.stock), op.apply(&pair.roster));
        }
        let place = format!("{}, step {}", scenario.name, number + 1);
        match step.then {
            Then::Same => same(&place, scenario, pair, Slices::Counted).await,
            Then::SameInSomeSlices => same(&place, scenario, pair, Slices::NotCounted).await,
            Then::Differs(deviation) => {
                differ(&place, deviation, scenario, pair).await;
                fired.push(deviation);
            }
        }
        packed_alike(&place, scenario, &pair.stock).await;
    }
    fired
}

/// Whether the number of slices must agree.
#[derive(Clone, Copy)]
enum Slices {
    Counted,
    NotCounted,
}

async fn same(place: &str, scenario: &Scenario, pair: &Pair, slices: Slices) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (stock, ours) = published(scenario, pair).await;
        if agree(&stock, &ours, slices) && stays_same(scenario, pair, &stock, slices).await {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{place}: Roster (+) and the stock manager (-) differ in\n{}",
            ours.difference(&stock).join("\n")
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Both must also stay the same for a moment: a sync of either may still be on its way.
async fn stays_same(scenario: &Scenario, pair: &Pair, before: &Published, slices: Slices) -> bool {
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let (stock, ours) = published(scenario, pair).await;
    agree(&stock, before, slices) && agree(&ours, before, slices)
}

fn agree(one: &Published, other: &Published, slices: Slices) -> bool {
    let sizes = [one, other].map(|published| published.slices.values().map(|group| group.largest));
    assert!(sizes.into_iter().flatten().all(|size| size <= MOST_ENDPOINTS), "an overfull slice");
    match slices {
        Slices::Counted => same_count(one) == same_count(other),
        Slices::NotCounted => one.clone().without_packing() == other.clone().without_packing(),
    }
}

/// How many endpoints stand in each slice is random in the stock manager.
fn same_count(published: &Published) -> Published {
    let mut seen = published.clone();
    seen.slices.values_mut().for_each(|group| group.largest = 0);
    seen
}

async fn differ(place: &str, deviation: &str, scenario: &Scenario, pair: &Pair) {
    tokio::time::sleep(LASTING).await;
    let (stock, ours) = published(scenario, pair).await;
    assert_ne!(stock, ours, "{place}: {deviation} does not show");
}

async fn published(scenario: &Scenario, pair: &Pair) -> (Published, Published) {
    tokio::join!(
        Published::of(&pair.stock, &scenario.services),
        Published::of(&pair.roster, &scenario.services)
    )
}
