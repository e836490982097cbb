//! Hints: which zones and nodes endpoints are meant for, in all modes, and what users are told.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use std::collections::BTreeMap;

use controller_core::endpoint_slices::Plan;
use controller_core::facts::endpoint_slice::Hints;
use controller_core::facts::{
    Endpoint, EndpointSlice, Fact, IpFamily, Node, Pod, PodAddress, Service, TopologyMode,
    TrafficDistribution,
};
use controller_core::index::When;
use controller_core::key::Kind;
use controller_core::reason::Reason;
use proptest::prelude::*;
use support::{Cluster, foo, pod, slice};

const NOTHING: [&str; 0] = [];

fn auto() -> Service {
    Service { topology_mode: TopologyMode::Auto, ..foo() }
}

fn close(distribution: TrafficDistribution) -> Service {
    Service { traffic_distribution: Some(distribution), ..foo() }
}

/// A Pod on a Node, whose zone the Node has.
fn on(node: &str, number: usize) -> Pod {
    let mut pod = pod(&format!("pod-{number:03}"), &format!("10.1.0.{}", number + 1));
    pod.planning.node_name = Some(node.into());
    pod
}

/// So many Pods on each of the Nodes a, b, c, in this order.
fn spread(counts: &[usize]) -> Vec<Pod> {
    let nodes = counts.iter().zip(["a", "b", "c"]);
    let nodes = nodes.flat_map(|(count, node)| std::iter::repeat_n(node, *count));
    nodes.enumerate().map(|(number, node)| on(node, number)).collect()
}

/// Three zones of one Node each, as large as is said, and the Pods of foo spread over them.
fn zones(cpu: [u64; 3], service: Service, counts: &[usize]) -> Cluster {
    let cluster = Cluster::bare().service(service);
    let cluster = cluster.node_with("a", "zone-a", cpu[0]).node_with("b", "zone-b", cpu[1]);
    cluster.node_with("c", "zone-c", cpu[2]).pods(spread(counts))
}

fn equal_zones(counts: &[usize]) -> Cluster {
    zones([1000; 3], auto(), counts)
}

fn endpoints(cluster: &Cluster) -> Vec<Endpoint> {
    let slices = cluster.index.slices_of(&foo().key);
    slices.iter().flat_map(|slice| slice.endpoints.clone()).collect()
}

/// How many endpoints are for each zone. `-` is for those without hints.
fn shares(cluster: &Cluster) -> Vec<(String, usize)> {
    let mut shares: BTreeMap<String, usize> = BTreeMap::new();
    for endpoint in endpoints(cluster) {
        let zones = endpoint.hints.map_or(vec!["-".into()], |hints| hints.for_zones);
        zones.iter().for_each(|zone| *shares.entry(zone.to_string()).or_default() += 1);
    }
    shares.into_iter().collect()
}

/// How many endpoints are for another zone than their own.
fn crossing(cluster: &Cluster) -> usize {
    let crosses = |endpoint: &&Endpoint| {
        let hints = endpoint.hints.iter().flat_map(|hints| &hints.for_zones);
        hints.into_iter().any(|zone| Some(zone) != endpoint.zone.as_ref())
    };
    endpoints(cluster).iter().filter(crosses).count()
}

fn each(count: usize) -> Vec<(String, usize)> {
    ["zone-a", "zone-b", "zone-c"].map(|zone| (zone.to_owned(), count)).into()
}

fn told(plan: &Plan) -> Vec<String> {
    let line = |notice: &controller_core::reconcile::Notice| {
        format!("{} {}: {}", notice.severity.name(), notice.reason, notice.message)
    };
    plan.notices.iter().map(line).collect()
}

/// Plans, writes, and says what users are told.
fn settle_and_tell(cluster: &mut Cluster) -> Vec<String> {
    let told = told(&cluster.plan());
    cluster.settle();
    told
}

#[test]
fn close_endpoints_are_for_their_own_zone() {
    for distribution in [TrafficDistribution::PreferClose, TrafficDistribution::PreferSameZone] {
        let mut cluster = zones([1000; 3], close(distribution), &[1, 1]);
        assert_eq!(cluster.settle(), ["create IPv4 http/80: 2"]);
        assert_eq!(
            cluster.endpoints(),
            [
                "10.1.0.1 pod-000 ready serving on a in zone-a for zone-a",
                "10.1.0.2 pod-001 ready serving on b in zone-b for zone-b"
            ]
        );
        assert_eq!(cluster.plan().families[0].hints.reason(), Reason::HintsOn);
    }
}

#[test]
fn endpoints_on_the_same_node_are_for_their_zone_as_well() {
    let service = close(TrafficDistribution::PreferSameNode);
    let mut cluster = zones([1000; 3], service, &[1]).node("d", "").pods(vec![on("d", 7)]);
    cluster.settle();
    assert_eq!(
        cluster.endpoints(),
        [
            "10.1.0.1 pod-000 ready serving on a in zone-a for zone-a a",
            "10.1.0.8 pod-007 ready serving on d for d"
        ]
    );
}

#[test]
fn an_endpoint_that_is_not_ready_has_no_hints() {
    let mut cluster = zones([1000; 3], close(TrafficDistribution::PreferClose), &[1]);
    cluster.settle();
    let mut pod = on("a", 0);
    pod.planning.ready = false;
    cluster.see(Fact::Pod(pod));
    assert_eq!(cluster.settle().len(), 1);
    assert_eq!(cluster.endpoints(), ["10.1.0.1 pod-000 on a in zone-a"]);
}

#[test]
fn a_change_of_the_distribution_rewrites_what_it_concerns_and_its_end_removes_the_hints() {
    let mut cluster = zones([1000; 3], close(TrafficDistribution::PreferClose), &[1, 1]);
    cluster.settle();
    cluster = cluster.service(close(TrafficDistribution::PreferSameZone));
    assert_eq!(cluster.settle(), NOTHING, "another word for the same");
    cluster = cluster.service(close(TrafficDistribution::PreferSameNode));
    assert_eq!(cluster.settle().len(), 1);
    cluster = cluster.service(foo());
    assert_eq!(cluster.settle().len(), 1);
    assert_eq!(shares(&cluster), [("-".to_owned(), 2)]);
}

#[test]
fn hints_that_somebody_else_changed_are_put_right() {
    let mut cluster = zones([1000; 3], close(TrafficDistribution::PreferClose), &[1, 1]);
    cluster.settle();
    let mut edited = EndpointSlice::clone(&cluster.only_slice());
    edited.endpoints[0].hints =
        Some(Hints { for_zones: vec!["zone-c".into()], for_nodes: Vec::new() });
    cluster.see_slice(edited);
    assert_eq!(cluster.settle().len(), 1);
    assert_eq!(crossing(&cluster), 0);
}

#[test]
fn hints_that_nobody_asks_for_are_removed_even_empty_ones() {
    let mut hinted = slice("s0", &support::pods(0..1));
    hinted.endpoints[0].hints = Some(Hints::default());
    let mut cluster = Cluster::new().service(foo()).pods(support::pods(0..1)).slice(hinted);
    assert_eq!(cluster.settle(), ["update s0 IPv4 http/80: 1"]);
    assert_eq!(endpoints(&cluster)[0].hints, None);
}

#[test]
fn topology_mode_wins_over_the_distribution() {
    let distribution = Some(TrafficDistribution::PreferClose);
    let service = Service { traffic_distribution: distribution, ..auto() };
    let mut cluster = zones([1000; 3], service, &[3]);
    cluster.settle();
    assert_eq!(shares(&cluster), each(1));
}

#[test]
fn equal_zones_get_equal_shares() {
    for (counts, share, moved) in [
        ([4, 4, 4], 4, 0),
        ([1, 1, 1], 1, 0),
        ([10, 1, 1], 4, 6),
        ([12, 0, 0], 4, 8),
        ([0, 0, 3], 1, 2),
        ([1, 3, 2], 2, 1),
        ([4, 3, 2], 3, 1),
        ([4, 1, 4], 3, 2),
    ] {
        let mut cluster = equal_zones(&counts);
        assert_eq!(settle_and_tell(&mut cluster), [ENABLED], "{counts:?}");
        assert_eq!((shares(&cluster), crossing(&cluster)), (each(share), moved), "{counts:?}");
    }
}

#[test]
fn a_zone_may_be_off_by_a_fraction() {
    let mut cluster = equal_zones(&[3, 2, 2]);
    cluster.settle();
    assert_eq!(crossing(&cluster), 0);
}

#[test]
fn the_first_endpoint_of_the_zone_that_has_too_many_moves() {
    let mut cluster = zones([3500, 3500, 3000], auto(), &[5, 2, 3]);
    cluster.settle();
    let zones = [("zone-a", 4), ("zone-b", 3), ("zone-c", 3)];
    assert_eq!(shares(&cluster), zones.map(|(zone, count)| (zone.to_owned(), count)));
    assert!(cluster.endpoints()[0].ends_with("pod-000 ready serving on a in zone-a for zone-b"));
}

const ENABLED: &str =
    "Normal TopologyAwareHintsEnabled: Topology Aware Hints has been enabled, addressType: IPv4";

fn disabled(text: &str) -> String {
    format!("Warning TopologyAwareHintsDisabled: {text}, addressType: IPv4")
}

#[test]
fn where_hints_are_impossible_users_are_told_why() {
    let unclear =
        "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes";
    let overload = |n: usize| {
        format!(
            "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ({n} endpoints, 3 zones)"
        )
    };
    assert_eq!(
        settle_and_tell(&mut equal_zones(&[1, 1])),
        [disabled("Insufficient number of endpoints (2 endpoints, 3 zones)")]
    );
    for counts in [[2, 1, 1], [2, 2, 1], [3, 3, 2], [4, 4, 3]] {
        let mut cluster = equal_zones(&counts);
        assert_eq!(settle_and_tell(&mut cluster), [disabled(&overload(counts.iter().sum()))]);
        assert_eq!(shares(&cluster), [("-".to_owned(), counts.iter().sum())]);
    }
    let mut without_zone = equal_zones(&[1, 1, 1]).node("d", "");
    assert_eq!(settle_and_tell(&mut without_zone), [disabled(unclear)]);
    let mut without_cpu = equal_zones(&[1, 1, 1]).node_with("d", "zone-a", 0);
    assert_eq!(settle_and_tell(&mut without_cpu), [disabled(unclear)]);
    assert_eq!(without_cpu.plan().families[0].hints.reason(), Reason::HintsNodeInfo);
}

/// A Node of the control plane has no part in the shares, so it may be without a zone; Pods run on
/// it all the same.
fn control_plane() -> Node {
    let name = "master".into();
    Node { name, zone: None, ready: true, cpu: 1000, control_plane: true }
}

#[test]
fn a_ready_endpoint_without_a_zone_spoils_the_hints_of_all_and_is_written_once() {
    let mut cluster = equal_zones(&[2, 2, 2]);
    cluster.see(Fact::Node(control_plane()));
    cluster = cluster.pods(vec![on("master", 9)]);
    let no_zone = disabled("One or more endpoints do not have a zone specified");
    assert_eq!(settle_and_tell(&mut cluster), [no_zone]);
    assert_eq!(shares(&cluster), [("-".to_owned(), 7)]);
    assert_eq!(told(&cluster.plan()), NOTHING, "it is told once");
    cluster.lose(Kind::Pod, "pod-009");
    assert_eq!(settle_and_tell(&mut cluster), [ENABLED], "hints come back without it");
    assert_eq!(shares(&cluster), each(2));
}

#[test]
fn an_endpoint_in_a_zone_that_no_node_counts_for_is_not_written_again_and_again() {
    let mut cluster = equal_zones(&[2, 2, 2]);
    let zone = Some("zone-x".into());
    cluster.see(Fact::Node(Node { zone, ..control_plane() }));
    cluster = cluster.pods(vec![on("master", 9)]);
    cluster.settle();
    let lines = cluster.endpoints();
    assert!(lines.iter().any(|line| line.ends_with("in zone-x for zone-x")), "{lines:?}");
    assert_eq!(cluster.settle(), NOTHING);
}

#[test]
fn slices_stay_as_long_as_no_zone_gets_too_much() {
    let mut cluster = equal_zones(&[3, 3, 3]).with_max(6);
    cluster.settle();
    let before = cluster.slices();
    cluster = cluster.pods(vec![on("a", 20)]);
    assert_eq!(cluster.settle().len(), 1, "only the slice that takes the new one in");
    assert_eq!(before.len(), cluster.slices().len());
}

#[test]
fn a_lost_zone_takes_hints_away_and_its_return_brings_them_back() {
    let mut cluster = equal_zones(&[3, 3, 3]);
    cluster.settle();
    cluster.woken();
    cluster.see(Fact::Node(Node { zone: None, ..node_a() }));
    assert!(cluster.woken().contains(&("foo".to_owned(), When::AfterBatch)));
    let told = settle_and_tell(&mut cluster);
    assert!(told[0].contains("Insufficient Node information"), "{told:?}");
    cluster.see(Fact::Node(node_a()));
    assert!(cluster.woken().contains(&("foo".to_owned(), When::AfterBatch)));
    assert_eq!(settle_and_tell(&mut cluster), [ENABLED]);
    assert_eq!(shares(&cluster), each(3));
}

fn node_a() -> Node {
    let zone = Some("zone-a".into());
    Node { name: "a".into(), zone, ready: true, cpu: 1000, control_plane: false }
}

#[test]
fn a_node_that_changes_no_share_wakes_only_those_with_pods_on_it() {
    let other = Service { selector: Some(support::map(&[("app", "bar")])), ..auto() };
    let mut cluster = zones([1000; 3], other, &[1]);
    cluster.woken();
    cluster.see(Fact::Node(node_a()));
    assert_eq!(cluster.woken(), []);
    cluster.see(Fact::Node(Node { cpu: 2000, ..node_a() }));
    assert_eq!(cluster.woken(), [("foo".to_owned(), When::AfterBatch)]);
    cluster = cluster.service(foo());
    cluster.woken();
    cluster.see(Fact::Node(node_a()));
    assert_eq!(cluster.woken(), [], "it no longer asks for topology mode");
}

#[test]
fn that_hints_are_on_and_off_again_is_told_once() {
    let dual =
        |service: Service| Service { ip_families: vec![IpFamily::V4, IpFamily::V6], ..service };
    let mut cluster = zones([1000; 3], dual(auto()), &[]);
    for (number, mut pod) in spread(&[1, 1, 1]).into_iter().enumerate() {
        pod.planning.addresses.push(PodAddress::parse(&format!("fd00::{}", number + 1)));
        cluster.see(Fact::Pod(pod));
    }
    assert_eq!(settle_and_tell(&mut cluster), [ENABLED]);
    assert_eq!(told(&cluster.plan()), NOTHING);
    cluster = cluster.service(dual(foo()));
    assert_eq!(
        settle_and_tell(&mut cluster),
        [disabled("Topology Aware Hints has been disabled")],
        "once for both families"
    );
    assert_eq!(shares(&cluster), [("-".to_owned(), 6)]);
}

#[test]
fn a_family_without_pods_is_told_of_once_and_leaves_the_other_alone() {
    let dual = Service { ip_families: vec![IpFamily::V4, IpFamily::V6], ..auto() };
    let mut cluster = zones([1000; 3], dual, &[1, 1, 1]);
    let too_few = "Warning TopologyAwareHintsDisabled: Insufficient number of endpoints (0 endpoints, 3 zones), addressType: IPv6";
    assert_eq!(settle_and_tell(&mut cluster), [ENABLED, too_few]);
    assert_eq!(told(&cluster.plan()), NOTHING);
}

#[test]
fn a_service_made_again_is_told_of_again() {
    let mut cluster = equal_zones(&[1, 1, 1]);
    cluster.settle();
    cluster.lose(Kind::Service, "foo");
    cluster = cluster.service(Service { uid: "another".into(), ..auto() });
    assert_eq!(settle_and_tell(&mut cluster), [ENABLED]);
}

#[derive(Clone, Debug)]
enum Op {
    Pod { number: usize, node: usize, ready: bool },
    NoPod(usize),
    Node { node: usize, zone: Option<usize>, cpu: u64, control_plane: bool },
    Mode(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let zone = prop_oneof![6 => (0..4_usize).prop_map(Some), 1 => Just(None)];
    prop_oneof![
        8 => (0..40_usize, 0..6_usize, prop::bool::weighted(0.8))
            .prop_map(|(number, node, ready)| Op::Pod { number, node, ready }),
        3 => (0..40_usize).prop_map(Op::NoPod),
        3 => (0..6_usize, zone, prop_oneof![Just(1000), Just(2000), Just(9500)], prop::bool::weighted(0.1))
            .prop_map(|(node, zone, cpu, control_plane)| Op::Node { node, zone, cpu, control_plane }),
        1 => (0..3_usize).prop_map(Op::Mode),
    ]
}

fn apply(cluster: &mut Cluster, op: &Op) {
    match op {
        Op::Pod { number, node, ready } => {
            let mut pod = on(&format!("node-{node}"), *number);
            pod.planning.ready = *ready;
            cluster.see(Fact::Pod(pod));
        }
        Op::NoPod(number) => cluster.lose(Kind::Pod, &format!("pod-{number:03}")),
        Op::Node { node, zone, cpu, control_plane } => {
            let zone = zone.map(|zone| format!("zone-{zone}").into());
            let name = format!("node-{node}").into();
            let (ready, control_plane) = (true, *control_plane);
            cluster.see(Fact::Node(Node { name, zone, ready, cpu: *cpu, control_plane }));
        }
        Op::Mode(mode) => {
            let service = [foo(), auto(), close(TrafficDistribution::PreferSameNode)];
            cluster.see(Fact::Service(service[*mode].clone()));
        }
    }
}

/// Either every ready endpoint has hints, or none has.
fn all_or_none(cluster: &Cluster) -> bool {
    let ready = endpoints(cluster);
    let mut hinted = ready
        .iter()
        .filter(|one| one.conditions.ready == Some(true))
        .map(|one| one.hints.is_some());
    let first = hinted.next();
    hinted.all(|one| Some(one) == first)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn topology_mode_settles_whatever_happens(
        ops in prop::collection::vec(op(), 1..60), max in 1..12_usize
    ) {
        let mut cluster = Cluster::bare().service(auto()).with_max(max);
        for node in 0..6 {
            cluster = cluster.node_with(&format!("node-{node}"), &format!("zone-{}", node % 3), 1000);
        }
        for op in &ops {
            apply(&mut cluster, op);
            // Planning again finds nothing to write and nothing to tell.
            cluster.settle();
            prop_assert_eq!(told(&cluster.plan()), NOTHING);
            if cluster.index.service(&foo().key).unwrap().topology_mode == TopologyMode::Auto {
                prop_assert!(all_or_none(&cluster), "{:?}", cluster.endpoints());
            }
        }
    }
}
