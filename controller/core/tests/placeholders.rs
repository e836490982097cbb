//! A Service with a selector always has a slice per family, even with nothing to publish; and what
//! survives when slices are recycled.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use controller_core::facts::object_meta::TRIGGER_TIME_ANNOTATION;
use controller_core::facts::{ClusterIp, EndpointSlice, IpFamily, Service};
use controller_core::key::Kind;
use support::{Cluster, OURS, foo, labels_of, map, pods, slice, writes};

const NOTHING: [&str; 0] = [];

fn placeholder(name: &str) -> EndpointSlice {
    EndpointSlice { ports: Vec::new(), ..slice(name, &[]) }
}

fn dual() -> Service {
    Service { ip_families: vec![IpFamily::V4, IpFamily::V6], ..foo() }
}

#[test]
fn a_service_without_pods_has_an_empty_slice() {
    let mut cluster = Cluster::new().service(foo());
    assert_eq!(cluster.settle(), ["create IPv4 no ports: 0"]);
    let slice = cluster.only_slice();
    assert_eq!(slice.metadata.owner_references, [support::owner("foo-uid")]);
    assert_eq!(
        slice.metadata.annotations,
        map(&[(TRIGGER_TIME_ANNOTATION, "1970-01-01T00:16:40Z")])
    );
    let labels =
        [("kubernetes.io/service-name", "foo"), ("endpointslice.kubernetes.io/managed-by", OURS)];
    assert_eq!(slice.metadata.labels, map(&labels));
}

#[test]
fn an_empty_slice_with_other_labels_is_rewritten_under_its_name() {
    let mut other = placeholder("s0");
    other.metadata.labels = map(&[
        ("bar", "baz"),
        ("kubernetes.io/service-name", "foo"),
        ("endpointslice.kubernetes.io/managed-by", OURS),
    ]);
    let mut cluster = Cluster::new().service(foo()).slice(other);
    assert_eq!(cluster.settle(), ["update s0 IPv4 no ports: 0"]);
}

#[test]
fn an_empty_slice_without_the_headless_label_is_left_alone() {
    let headless = Service { cluster_ip: ClusterIp::Headless, ..foo() };
    let mut cluster = Cluster::new().service(headless).slice(placeholder("s0"));
    assert_eq!(cluster.settle(), NOTHING);
}

#[test]
fn the_empty_slice_becomes_the_first_real_one_and_back() {
    let mut cluster = Cluster::new().service(foo()).slice(placeholder("s0")).pods(pods(0..1));
    assert_eq!(cluster.settle(), ["update s0 IPv4 http/80: 1"]);
    cluster.lose(Kind::Pod, "pod-000");
    assert_eq!(cluster.settle(), ["update s0 IPv4 no ports: 0"]);
}

#[test]
fn a_family_without_addresses_has_an_empty_slice() {
    let mut cluster = Cluster::new().service(dual()).pods(pods(0..2));
    assert_eq!(cluster.settle(), ["create IPv4 http/80: 2", "create IPv6 no ports: 0"]);
}

#[test]
fn pods_that_gain_an_address_of_the_family_fill_the_empty_slice() {
    let mut cluster = Cluster::new().service(dual()).pods(vec![support::pod("a", "10.1.0.1")]);
    cluster.settle();
    cluster = cluster.pods(vec![support::pod("a", "10.1.0.1,fd00::1")]);
    assert_eq!(cluster.settle(), ["update foo-2 IPv6 http/80: 1"]);
}

#[test]
fn a_family_that_is_given_up_loses_its_slices_last() {
    let mut cluster =
        Cluster::new().service(dual()).pods(vec![support::pod("a", "10.1.0.1,fd00::1")]);
    cluster.settle();
    cluster = cluster.service(foo());
    assert_eq!(cluster.settle(), ["delete foo-2"]);
}

#[test]
fn slices_of_others_are_neither_read_nor_written() {
    let managed = |name: &str, manager: Option<&str>, service: &str| {
        let mut labels = vec![("kubernetes.io/service-name", service)];
        labels.extend(manager.map(|manager| ("endpointslice.kubernetes.io/managed-by", manager)));
        let mut slice = slice(name, &pods(0..1));
        slice.metadata.labels = map(&labels);
        slice
    };
    let mut cluster = Cluster::new()
        .service(foo())
        .slice(managed("ours-1", Some(OURS), "foo"))
        .slice(managed("ours-2", Some(OURS), "foo"))
        .slice(managed("nobodys", None, "foo"))
        .slice(managed("somebodys", Some("somebody"), "foo"))
        .slice(managed("elsewhere", Some(OURS), "bar"));
    assert_eq!(cluster.settle(), ["update ours-1 IPv4 no ports: 0", "delete ours-2"]);
}

#[test]
fn of_two_empty_slices_one_is_kept_untouched() {
    let mut cluster =
        Cluster::new().service(foo()).slice(placeholder("s0")).slice(placeholder("s1"));
    assert_eq!(cluster.settle(), ["delete s1"]);
}

#[test]
fn a_service_being_deleted_gets_no_new_slices_and_keeps_its_old_ones_right() {
    let leaving = Service { deleting: true, ..foo() };
    let plan = Cluster::new().service(leaving.clone()).plan();
    assert_eq!(writes(&plan), NOTHING);
    assert_eq!(plan.families[0].slices.withheld, 1, "but it is told that there would be one");

    let mut cluster =
        Cluster::new().service(leaving).slice(slice("s0", &pods(0..2))).pods(pods(1..2));
    assert_eq!(cluster.settle(), ["update s0 IPv4 http/80: 1"]);
}

#[test]
fn a_slice_being_deleted_counts_for_nothing_and_blocks_nothing() {
    let mut held = slice("held", &pods(0..1));
    held.metadata.deleting = true;
    let mut cluster = Cluster::new().service(foo()).slice(held).slice(placeholder("s0"));
    assert_eq!(cluster.settle(), NOTHING);
}

#[test]
fn finalizers_and_foreign_annotations_outlive_every_rewrite() {
    let mut kept = slice("s0", &pods(0..2));
    kept.metadata.finalizers = vec!["example.com/hold".into()];
    kept.metadata.annotations = map(&[("example.com/note", "mine")]);
    let mut cluster = Cluster::new().service(foo()).slice(kept.clone()).pods(pods(0..2));
    for gone in ["pod-000", "pod-001"] {
        cluster.lose(Kind::Pod, gone);
        let plan = cluster.plan();
        let update = &plan.families[0].slices.update[0];
        assert_ne!(update.metadata.resource_version.0, 0, "every write is conditional");
        cluster.settle();
        let slice = cluster.only_slice();
        assert_eq!(slice.metadata.finalizers, kept.metadata.finalizers);
        assert_eq!(
            slice.metadata.annotations.get("example.com/note").map(|value| &**value),
            Some("mine")
        );
    }
}

#[test]
fn labels_are_the_services_with_our_own_on_top() {
    let reserved = [
        ("foo", "bar"),
        ("kubernetes.io/service-name", "bad"),
        ("endpointslice.kubernetes.io/managed-by", "actor"),
        ("service.kubernetes.io/headless", "invalid"),
    ];
    let mut cluster =
        Cluster::new().service(Service { labels: map(&reserved), ..foo() }).pods(pods(0..1));
    cluster.settle();
    let labels = labels_of(&cluster.only_slice());
    let expected = [
        ("endpointslice.kubernetes.io/managed-by", OURS),
        ("foo", "bar"),
        ("kubernetes.io/service-name", "foo"),
    ];
    assert_eq!(labels, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
}

#[test]
fn a_stale_headless_label_alone_is_repaired() {
    let mut stale = slice("s0", &pods(0..1));
    let mut labels = (*stale.metadata.labels).clone();
    labels.insert("service.kubernetes.io/headless".into(), "".into());
    stale.metadata.labels = labels.into();
    let mut cluster = Cluster::new().service(foo()).slice(stale).pods(pods(0..1));
    assert_eq!(cluster.settle(), ["update s0 IPv4 http/80: 1"]);
}
