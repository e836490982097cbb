//! The same history for the stock kube-controller-manager and for Roster, on two real API servers,
//! and for Roster on the sandbox: after every step all must have published the same. Where Roster is meant to differ, the
//! deviation is named, with its reason, and must show.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod scenarios;

use std::collections::BTreeSet;
use std::time::Duration;

use controller::wire::Wire;
use controller_core::endpoints::subsets::repack;
use controller_core::facts;
use controller_core::key::{Controller, NamespacedName};
use futures::future::{OptionFuture, join_all};
use support::server::On;
use support::{Cluster, Op, Published, Roster, Server};
use testbed::{ApiServer, ApiServerOptions, ControllerManager, ControllerManagerOptions, Etcd};
use tokio::time::Instant;

use scenarios::{DEVIATIONS, Scenario, Then};

/// How long the two may take to come to the same.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a meant difference must stay, and how long nothing may be written at the end.
const LASTING: Duration = Duration::from_secs(5);

/// `--max-endpoints-per-slice` of both.
const MOST_ENDPOINTS: usize = 100;

struct Clusters {
    stock: Cluster,
    roster: Cluster,
    /// Roster's, on the sandbox, until a Service is deleted: the sandbox collects what it leaves
    /// behind, and on the other two nobody does.
    sandbox: Option<Cluster>,
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
    let sandbox = Server::dual_stack(On::Sandbox).await;
    let on_sandbox = Roster::start(sandbox.client().await);

    let scenarios = scenarios::all();
    let (stock_client, our_client) =
        (stock_server.client().await.unwrap(), our_server.client().await.unwrap());
    let sandbox_client = sandbox.client().await;
    tokio::join!(
        Cluster::until_managed(stock_client.clone()),
        Cluster::until_managed(our_client.clone()),
        Cluster::until_managed(sandbox_client.clone())
    );
    let runs = scenarios.iter().map(|scenario| {
        let (stock_client, our_client) = (stock_client.clone(), our_client.clone());
        let sandbox_client = sandbox_client.clone();
        async move {
            let clusters = Clusters {
                stock: Cluster::in_namespace(stock_client, scenario.name).await,
                roster: Cluster::in_namespace(our_client, scenario.name).await,
                sandbox: Some(Cluster::in_namespace(sandbox_client, scenario.name).await),
            };
            play(scenario, clusters).await
        }
    });
    let fired: BTreeSet<&str> = join_all(runs).await.into_iter().flatten().collect();
    let listed: BTreeSet<&str> = DEVIATIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(fired, listed, "every deviation listed must show, and no other");
    Cluster::new(our_client).await.stays_silent().await;
    Cluster::new(sandbox_client).await.stays_silent().await;
    roster.stop().await;
    on_sandbox.stop().await;
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

/// Plays a scenario on all, and says which deviations showed.
async fn play(scenario: &Scenario, mut clusters: Clusters) -> Vec<&'static str> {
    let mut fired = Vec::new();
    for (number, step) in scenario.steps.iter().enumerate() {
        for op in &step.ops {
            let Clusters { stock, roster, sandbox } = &clusters;
            let on_sandbox = OptionFuture::from(sandbox.as_ref().map(|sandbox| op.apply(sandbox)));
            tokio::join!(op.apply(stock), op.apply(roster), on_sandbox);
        }
        if step.ops.iter().any(|op| matches!(op, Op::Delete("Service", _))) {
            clusters.sandbox = None;
        }
        let place = format!("{}, step {}", scenario.name, number + 1);
        match step.then {
            Then::Same => same(&place, scenario, &clusters, Slices::Counted).await,
            Then::SameInSomeSlices => same(&place, scenario, &clusters, Slices::NotCounted).await,
            Then::Differs(deviation) => {
                differ(&place, deviation, scenario, &clusters).await;
                fired.push(deviation);
            }
        }
        packed_alike(&place, scenario, &clusters.stock).await;
    }
    fired
}

/// Whether the number of slices must agree.
#[derive(Clone, Copy)]
enum Slices {
    Counted,
    NotCounted,
}

async fn same(place: &str, scenario: &Scenario, clusters: &Clusters, slices: Slices) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let [stock, ours, on_sandbox] = published(scenario, clusters).await;
        if agree(&stock, &ours, slices)
            && agree(&ours, &on_sandbox, slices)
            && stays_same(scenario, clusters, &stock, slices).await
        {
            return;
        }
        assert!(
            Instant::now() < deadline || !agree(&stock, &ours, slices),
            "{place}: Roster on the sandbox (+) and on the real server (-) differ in\n{}",
            on_sandbox.difference(&ours).join("\n")
        );
        assert!(
            Instant::now() < deadline,
            "{place}: Roster (+) and the stock manager (-) differ in\n{}",
            ours.difference(&stock).join("\n")
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// All must also stay the same for a moment: a sync of each may still be on its way.
async fn stays_same(
    scenario: &Scenario,
    clusters: &Clusters,
    before: &Published,
    slices: Slices,
) -> bool {
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let all = published(scenario, clusters).await;
    all.iter().all(|published| agree(published, before, slices))
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

/// The stock manager differs, and Roster does the same on both servers.
async fn differ(place: &str, deviation: &str, scenario: &Scenario, clusters: &Clusters) {
    tokio::time::sleep(LASTING).await;
    let [stock, ours, on_sandbox] = published(scenario, clusters).await;
    assert_ne!(stock, ours, "{place}: {deviation} does not show");
    assert!(
        agree(&ours, &on_sandbox, Slices::NotCounted),
        "{place}: on the sandbox {on_sandbox:#?}"
    );
}

/// What the stock manager, Roster, and Roster on the sandbox have published. Where the sandbox is not
/// compared, it is as good as the real server.
async fn published(scenario: &Scenario, clusters: &Clusters) -> [Published; 3] {
    let of = async |cluster: &Cluster| Published::of(cluster, &scenario.services).await;
    let Clusters { stock, roster, sandbox } = clusters;
    let sandbox = OptionFuture::from(sandbox.as_ref().map(of));
    let (stock, roster, sandbox) = tokio::join!(of(stock), of(roster), sandbox);
    let sandbox = sandbox.unwrap_or_else(|| roster.clone());
    [stock, roster, sandbox]
}
