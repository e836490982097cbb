//! Which endpoints stand in which slice, and how few writes it takes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use std::collections::{BTreeMap, BTreeSet};

use controller_core::facts::{ContainerKind, EndpointSlice, Fact, Pod, Service, TargetPort};
use controller_core::key::Kind;
use support::{Cluster, declares, foo, map, owner, pod, pods, port, slice, writes};

/// Slices of consecutive Pods with these sizes, and the cluster with foo, those Pods, and so many
/// more.
fn published(sizes: &[usize], more: usize) -> Cluster {
    let mut next = 0;
    let mut cluster = Cluster::new().service(foo());
    for (number, size) in sizes.iter().enumerate() {
        cluster = cluster.slice(slice(&format!("s{number}"), &pods(next..next + size)));
        next += size;
    }
    cluster.pods(pods(0..next + more))
}

fn on_port(number: i32) -> Service {
    Service { ports: vec![port("http", TargetPort::Number(number))], ..foo() }
}

fn labelled(labels: &[(&str, &str)]) -> Service {
    Service { labels: map(labels), ..foo() }
}

#[test]
fn new_endpoints_fill_new_slices() {
    let mut cluster = Cluster::new().service(foo()).pods(pods(0..250));
    assert_eq!(
        cluster.settle(),
        ["create IPv4 http/80: 100", "create IPv4 http/80: 100", "create IPv4 http/80: 50"]
    );
}

#[test]
fn the_limit_decides_how_many_slices_there_are() {
    let sizes = |max| {
        let mut cluster = Cluster::new().with_max(max).service(foo()).pods(pods(0..250));
        cluster.settle();
        cluster.sizes()
    };
    assert_eq!(sizes(50), [50; 5]);
    assert_eq!(sizes(80), [80, 80, 80, 10]);
    assert_eq!(sizes(150), [150, 100]);
    assert_eq!(sizes(250), [250]);
    assert_eq!(sizes(500), [250]);
}

#[test]
fn full_slices_are_created_and_the_rest_goes_where_it_fits_best() {
    let mut cluster = published(&[62, 61], 127);
    assert_eq!(cluster.settle(), ["create IPv4 http/80: 100", "update s0 IPv4 http/80: 89"]);
}

#[test]
fn a_rest_that_fits_nowhere_whole_gets_a_slice_of_its_own() {
    let mut cluster = published(&[74, 74], 152);
    assert_eq!(cluster.settle(), ["create IPv4 http/80: 100", "create IPv4 http/80: 52"]);
}

#[test]
fn slices_that_are_written_anyway_are_filled_first() {
    let mut cluster = published(&[80, 20], 15);
    for name in ["pod-000", "pod-080"] {
        let mut changed = pods(0..100).into_iter().find(|pod| &*pod.key.name == name).unwrap();
        changed.planning.ready = false;
        cluster.see(Fact::Pod(changed));
    }
    let mut writes = cluster.settle();
    writes.sort();
    assert_eq!(writes, ["update s0 IPv4 http/80: 95", "update s1 IPv4 http/80: 20"]);
}

#[test]
fn an_untouched_slice_takes_exactly_what_fits() {
    assert_eq!(published(&[95], 5).settle(), ["update s0 IPv4 http/80: 100"]);
    assert_eq!(published(&[95], 6).settle(), ["create IPv4 http/80: 6"]);
}

#[test]
fn an_empty_slice_with_the_right_ports_is_filled() {
    let mut cluster = Cluster::new().service(foo()).slice(slice("s0", &[])).pods(pods(0..10));
    assert_eq!(cluster.settle(), ["update s0 IPv4 http/80: 10"]);
}

#[test]
fn a_whole_slice_of_endpoints_gets_a_new_slice_even_beside_an_empty_one() {
    let mut cluster = Cluster::new().service(foo()).slice(slice("s0", &[])).pods(pods(0..100));
    assert_eq!(cluster.settle(), ["create IPv4 http/80: 100"]);
    assert_eq!(cluster.sizes(), [100, 0]);
}

#[test]
fn a_changed_port_recycles_the_slices_under_their_names() {
    let mut cluster = published(&[100, 100, 50], 0).service(on_port(81));
    let mut writes = cluster.settle();
    writes.sort();
    let expected = [
        "update s0 IPv4 http/81: 100",
        "update s1 IPv4 http/81: 100",
        "update s2 IPv4 http/81: 50",
    ];
    assert_eq!(writes, expected);
}

#[test]
fn sparse_slices_stay_until_their_ports_change() {
    let mut cluster = published(&[30; 10], 0);
    assert_eq!(cluster.settle(), Vec::<String>::new());
    cluster = cluster.service(on_port(81));
    let plan = cluster.plan();
    let counts = plan.families[0].counts;
    assert_eq!((counts.added, counts.removed), (300, 0), "whole slices that go are not counted");
    let writes = cluster.settle();
    let count = |verb: &str| writes.iter().filter(|write| write.starts_with(verb)).count();
    assert_eq!((count("create"), count("update"), count("delete")), (0, 3, 7));
    assert_eq!(cluster.sizes(), [100, 100, 100]);
}

#[test]
fn new_labels_rewrite_every_slice_and_leave_its_endpoints() {
    let mut cluster = published(&[100, 100, 50], 0).service(labelled(&[("foo", "bar")]));
    let expected = [
        "update s0 IPv4 http/80: 100",
        "update s1 IPv4 http/80: 100",
        "update s2 IPv4 http/80: 50",
    ];
    assert_eq!(cluster.settle(), expected);
    cluster = cluster.service(foo());
    assert_eq!(cluster.settle(), expected, "a label that goes is a change, too");
}

#[test]
fn a_raised_limit_fills_and_a_lowered_one_takes_nothing_away() {
    let mut raised = published(&[50, 50], 10);
    assert_eq!(raised.settle(), ["update s0 IPv4 http/80: 60"]);
    let mut lowered = published(&[100], 1).with_max(50);
    assert_eq!(lowered.settle(), ["create IPv4 http/80: 1"]);
    assert_eq!(lowered.sizes(), [100, 1]);
}

#[test]
fn the_fullest_slice_with_room_is_filled() {
    let mut at_once = published(&[55, 50, 25], 120);
    assert_eq!(at_once.settle(), ["create IPv4 http/80: 100", "update s0 IPv4 http/80: 75"]);

    let mut one_by_one = published(&[55, 50, 25], 0);
    for pod in pods(130..250) {
        one_by_one.see(Fact::Pod(pod));
        assert_eq!(one_by_one.settle().len(), 1);
    }
    assert_eq!(one_by_one.sizes(), [100, 100, 50]);
}

#[test]
fn slices_above_a_lowered_limit_stay_whole_through_small_changes() {
    let cluster = || published(&[100, 75, 50, 25], 0).with_max(50);
    let mut flipped = pod("pod-000", "10.1.0.1");
    flipped.planning.ready = false;
    assert_eq!(cluster().pods(vec![flipped]).settle(), ["update s0 IPv4 http/80: 100"]);
    assert_eq!(cluster().pods(pods(250..251)).settle(), ["update s3 IPv4 http/80: 26"]);
    assert_eq!(cluster().service(labelled(&[("a", "b")])).settle().len(), 4);
}

#[test]
fn recycling_packs_anew_under_the_limit_of_the_day() {
    let mut cluster = published(&[68, 67, 50, 26], 0).with_max(50).service(on_port(81));
    let writes = cluster.settle();
    assert_eq!(writes.iter().filter(|write| write.starts_with("create")).count(), 1);
    assert_eq!(cluster.sizes(), [50, 50, 50, 50, 11]);
    cluster.max = 100;
    cluster = cluster.pods(pods(211..221));
    assert_eq!(cluster.settle().len(), 1);
    assert_eq!(cluster.sizes(), [60, 50, 50, 50, 11]);
    cluster = cluster.service(on_port(82));
    cluster.settle();
    assert_eq!(cluster.sizes(), [100, 100, 21]);
}

#[test]
fn an_endpoint_published_twice_is_kept_once() {
    let mut cluster = Cluster::new()
        .service(foo())
        .pods(pods(0..3))
        .slice(slice("s0", &pods(0..2)))
        .slice(slice("s1", &pods(1..3)));
    assert_eq!(cluster.settle(), ["update s1 IPv4 http/80: 1"]);
}

#[test]
fn ports_with_different_numbers_get_slices_of_their_own() {
    let service = Service { ports: vec![port("http", TargetPort::Name("web".into()))], ..foo() };
    let number = |n: usize| 8080 + i32::try_from(n % 5).unwrap();
    let named = |(n, pod): (usize, Pod)| declares(pod, &[("web", number(n), ContainerKind::Main)]);
    let mut cluster = Cluster::new()
        .service(service)
        .pods(pods(0..300).into_iter().enumerate().map(named).collect());
    let mut writes = cluster.settle();
    writes.sort();
    let expected: Vec<String> = (8080..8085).map(|n| format!("create IPv4 http/{n}: 60")).collect();
    assert_eq!(writes, expected);
}

#[test]
fn slices_of_an_older_namesake_go_and_are_never_reused() {
    let stranger = |name: &str, pods: &[Pod]| {
        let mut slice = slice(name, pods);
        slice.metadata.owner_references = vec![owner("older-uid")];
        slice
    };
    let mut cluster =
        Cluster::new().service(foo()).pods(pods(0..1)).slice(stranger("old", &pods(0..1)));
    assert_eq!(cluster.settle(), ["create IPv4 http/80: 1", "delete old"]);

    let mut empty = stranger("old", &[]);
    empty.ports.clear();
    let mut cluster = Cluster::new().service(foo()).slice(empty);
    assert_eq!(
        cluster.settle(),
        ["create IPv4 no ports: 0", "delete old"],
        "not even its placeholder"
    );
}

#[test]
fn slices_of_other_address_types_go_last() {
    let odd = |name: &str| EndpointSlice {
        address_type: controller_core::facts::AddressType::parse("IP"),
        ..slice(name, &[])
    };
    let mut cluster =
        Cluster::new().service(foo()).pods(pods(0..130)).slice(odd("x")).slice(odd("y"));
    let expected = ["create IPv4 http/80: 100", "create IPv4 http/80: 30", "delete x", "delete y"];
    assert_eq!(cluster.settle(), expected);
}

#[test]
fn an_endpoint_is_published_in_its_new_place_before_it_leaves_the_old() {
    // s1 loses its only endpoint's companion, s0 gains: the gain is written first.
    let mut cluster = Cluster::new()
        .with_max(3)
        .service(foo())
        .slice(slice("s0", &pods(0..2)))
        .slice(slice("s1", &pods(2..5)))
        .pods(pods(0..5));
    cluster.lose(Kind::Pod, "pod-004");
    let mut flipped = pod("pod-000", "10.1.0.1");
    flipped.planning.ready = false;
    cluster = cluster.pods(vec![flipped, pod("pod-009", "10.1.0.90")]);
    assert_eq!(writes(&cluster.plan()), ["update s0 IPv4 http/80: 3", "update s1 IPv4 http/80: 2"]);
    cluster.settle();
}

/// kubernetes/kubernetes#121231.
#[test]
fn a_changed_port_takes_no_endpoint_from_view_on_the_way() {
    for names in [["a", "b"], ["b", "a"]] {
        let before = [slice(names[0], &pods(0..100)), slice(names[1], &pods(100..150))];
        let [one, other] = before.clone();
        let mut cluster =
            Cluster::new().service(on_port(81)).slice(one).slice(other).pods(pods(0..150));
        let mut shown: BTreeMap<String, Vec<String>> = before.iter().map(named).collect();
        for slice in &cluster.plan().families[0].slices.update {
            shown.extend([named(slice)]);
            let in_view: BTreeSet<&String> = shown.values().flatten().collect();
            assert_eq!(in_view.len(), 150, "after {}", slice.metadata.key.name);
        }
        assert_eq!(cluster.settle().len(), 2);
    }
}

/// A slice as its name and addresses.
fn named(slice: &EndpointSlice) -> (String, Vec<String>) {
    let addresses = slice.endpoints.iter().flat_map(|endpoint| &endpoint.addresses);
    (slice.metadata.key.name.to_string(), addresses.map(ToString::to_string).collect())
}
