//! Topology mode on two real API servers, one with the stock kube-controller-manager and one with
//! Roster: the same shares of zones and the same events, and hints that come back by themselves.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use controller_core::key::Controller;
use futures::future::join_all;
use k8s_openapi::api::discovery::v1::Endpoint;
use serde_json::json;
use support::cluster::PATIENCE;
use support::{Cluster, Roster, node, pod, service};
use testbed::{ApiServer, ApiServerOptions, ControllerManager, ControllerManagerOptions, Etcd};

/// How long what the stock manager should mend, and does not, must stay unmended.
const LASTING: Duration = Duration::from_secs(3);

/// Pods in each of three equal zones, and how many endpoints are then for each, if there are hints.
const SPREADS: [([usize; 3], Option<[usize; 3]>); 12] = [
    ([4, 4, 4], Some([4, 4, 4])),
    ([1, 1, 1], Some([1, 1, 1])),
    ([3, 2, 2], Some([3, 2, 2])),
    ([10, 1, 1], Some([4, 4, 4])),
    ([12, 0, 0], Some([4, 4, 4])),
    ([0, 0, 3], Some([1, 1, 1])),
    ([1, 3, 2], Some([2, 2, 2])),
    ([4, 1, 4], Some([3, 3, 3])),
    ([1, 1, 0], None),
    ([2, 1, 1], None),
    ([3, 3, 2], None),
    ([4, 4, 3], None),
];

const ZONES: [&str; 3] = ["zone-a", "zone-b", "zone-c"];

/// How many endpoints of a Service are for each zone.
type Shares = BTreeMap<String, usize>;

struct Pair {
    stock: Cluster,
    ours: Cluster,
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_shared_out_as_kube_controller_manager_does_and_hints_come_back() {
    let etcd = Etcd::start().await.unwrap();
    let server = async |prefix: &str| {
        ApiServer::start(&etcd, ApiServerOptions::under(prefix)).await.unwrap()
    };
    let (stock_server, our_server) = (server("/stock").await, server("/roster").await);
    let stock = ControllerManagerOptions::unhurried(&[Controller::EndpointSlice.name()]);
    let _manager = ControllerManager::start(&stock_server, stock).await.unwrap();
    let roster = Roster::start(our_server.client().await.unwrap());
    let pair = Pair {
        stock: Cluster::new(stock_server.client().await.unwrap()).await,
        ours: Cluster::new(our_server.client().await.unwrap()).await,
    };

    pair.on_both(async |cluster| fill(cluster).await).await;
    pair.until_both(expected()).await;
    pair.until_told_the_same().await;

    // A Node without a zone takes all hints away; with its zone they come back.
    pair.on_both(async |cluster| set_zone(cluster, None).await).await;
    pair.until_both(nothing()).await;
    // A sync that the stock manager still owes itself, a second after a write, would hide what it
    // misses.
    tokio::time::sleep(LASTING).await;
    pair.on_both(async |cluster| set_zone(cluster, Some("zone-c")).await).await;
    pair.ours.until(expected(), async || all_shares(&pair.ours).await).await;
    tokio::time::sleep(LASTING).await;
    assert_eq!(all_shares(&pair.stock).await, nothing(), "stock waits for the next change");

    // What changes nothing is neither written nor told again.
    let told = async |cluster: &Cluster| cluster.event_counts("dual").await.iter().sum::<i32>();
    let (ours, stock) = (told(&pair.ours).await, told(&pair.stock).await);
    pair.on_both(async |cluster| touch_services(cluster).await).await;
    pair.until_both(expected()).await;
    pair.ours.stays_silent().await;
    assert_eq!(told(&pair.ours).await, ours);
    let tells_at_every_visit = async || told(&pair.stock).await > stock;
    pair.stock.until(true, tells_at_every_visit).await;

    let off = json!({"metadata": {"annotations": {"service.kubernetes.io/topology-mode": null}}});
    pair.on_both(async |cluster| cluster.patch("Service", "dual", off.clone()).await).await;
    pair.until_both_are(async |cluster| shares(cluster, "dual").await, Shares::new()).await;
    roster.stop().await;
}

/// Nodes in three zones, Pods, and then the Services, so that each is planned once for all its Pods.
async fn fill(cluster: &Cluster) {
    cluster.node(node("node-b", "zone-b")).await;
    cluster.node(node("node-c", "zone-c")).await;
    for (place, (pods, _)) in SPREADS.iter().enumerate() {
        let name = name(pods);
        let nodes = pods.iter().zip(["node-a", "node-b", "node-c"]);
        let on = nodes.flat_map(|(count, node)| std::iter::repeat_n(node, *count));
        let made = on.enumerate().map(|(number, node)| {
            let ip = format!("10.6.{place}.{}", number + 1);
            cluster.pod(pod(&format!("{name}-{number}"), &name, &ip).on(node))
        });
        join_all(made).await;
    }
    for (pods, _) in &SPREADS {
        cluster.create(in_topology_mode(&name(pods), json!({}))).await;
    }
    let dual = json!({"ipFamilyPolicy": "RequireDualStack", "selector": {"app": name(&[1, 1, 1])}});
    cluster.create(in_topology_mode("dual", dual)).await;
}

fn name(pods: &[usize; 3]) -> String {
    format!("s-{}-{}-{}", pods[0], pods[1], pods[2])
}

fn in_topology_mode(name: &str, spec: serde_json::Value) -> serde_json::Value {
    let mut object = service(name, spec);
    object["metadata"]["annotations"] = json!({"service.kubernetes.io/topology-mode": "Auto"});
    object
}

async fn set_zone(cluster: &Cluster, zone: Option<&str>) {
    let labels = json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}});
    cluster.patch("Node", "node-c", labels).await;
}

async fn touch_services(cluster: &Cluster) {
    for round in ["1", "2", "3"] {
        let touch = json!({"metadata": {"annotations": {"example.com/round": round}}});
        for service in services() {
            cluster.patch("Service", &service, touch.clone()).await;
        }
        // Each round is a visit of its own.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn services() -> impl Iterator<Item = String> {
    SPREADS.iter().map(|(pods, _)| name(pods)).chain(["dual".to_owned()])
}

fn expected() -> BTreeMap<String, Shares> {
    let shares = |zones: [usize; 3]| {
        ZONES.iter().zip(zones).map(|(zone, count)| ((*zone).to_owned(), count)).collect()
    };
    let spreads = SPREADS.iter();
    let spreads = spreads.map(|(pods, zones)| (name(pods), zones.map_or(Shares::new(), &shares)));
    spreads.chain([("dual".to_owned(), shares([1, 1, 1]))]).collect()
}

fn nothing() -> BTreeMap<String, Shares> {
    services().map(|service| (service, Shares::new())).collect()
}

async fn all_shares(cluster: &Cluster) -> BTreeMap<String, Shares> {
    let of = async |service: String| {
        let shares = shares(cluster, &service).await;
        (service, shares)
    };
    join_all(services().map(of)).await.into_iter().collect()
}

async fn shares(cluster: &Cluster, service: &str) -> Shares {
    let slices = cluster.slices(service).await;
    let zones = |endpoint: &Endpoint| -> Vec<String> {
        let zones = endpoint.hints.iter().flat_map(|hints| hints.for_zones.iter().flatten());
        zones.map(|zone| zone.name.clone()).collect()
    };
    let all = slices.iter().flat_map(|slice| slice.endpoints.iter().flatten());
    let mut shares = Shares::new();
    all.flat_map(zones).for_each(|zone| *shares.entry(zone).or_default() += 1);
    shares
}

/// What users were told of each Service.
async fn events(cluster: &Cluster) -> BTreeMap<String, BTreeSet<(String, String)>> {
    let of = async |service: String| {
        let about_hints = |(reason, _): &(String, String)| reason.starts_with("TopologyAware");
        let events = cluster.events(&service).await.into_iter().filter(about_hints).collect();
        (service, events)
    };
    join_all(services().map(of)).await.into_iter().collect()
}

impl Pair {
    async fn on_both(&self, act: impl AsyncFn(&Cluster)) {
        tokio::join!(act(&self.stock), act(&self.ours));
    }

    async fn until_both(&self, wanted: BTreeMap<String, Shares>) {
        self.until_both_are(async |cluster| all_shares(cluster).await, wanted).await;
    }

    /// Events are sent in the background, so each may come late.
    async fn until_told_the_same(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (stock, ours) = tokio::join!(events(&self.stock), events(&self.ours));
            if stock == ours && ours.values().all(|told| !told.is_empty()) {
                return;
            }
            if Instant::now() > deadline {
                assert_eq!(ours, stock);
                panic!("somebody is told nothing: {ours:#?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn until_both_are<T: PartialEq + std::fmt::Debug + Clone>(
        &self,
        see: impl AsyncFn(&Cluster) -> T,
        wanted: T,
    ) {
        for cluster in [&self.stock, &self.ours] {
            cluster.until(wanted.clone(), async || see(cluster).await).await;
        }
    }
}
