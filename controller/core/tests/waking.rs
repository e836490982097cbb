//! Which change wakes which Service, what a trigger time tells, and how writes of our own and the
//! watch agree.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use std::collections::HashSet;

use controller_core::facts::object_meta::TRIGGER_TIME_ANNOTATION;
use controller_core::facts::{EndpointSlice, Fact, Phase, Pod, Service};
use controller_core::index::{Observation, Source, When};
use controller_core::key::{Controller, Kind, NamespacedName, ResourceVersion};
use support::{Cluster, at, foo, map, pod, pods, slice};

fn named(name: &str, selector: &[(&str, &str)]) -> Service {
    Service { key: NamespacedName::new("test", name), selector: Some(map(selector)), ..foo() }
}

fn settled() -> Cluster {
    let mut cluster = Cluster::new().service(foo()).pods(pods(0..2));
    cluster.settle();
    cluster
}

fn woken_by_pod(change: impl FnOnce(&mut Pod)) -> Vec<(String, When)> {
    let mut cluster = settled();
    let mut pod = pods(0..1).remove(0);
    change(&mut pod);
    cluster.see(Fact::Pod(pod));
    cluster.woken()
}

fn foo_after_batch() -> Vec<(String, When)> {
    vec![("foo".to_owned(), When::AfterBatch)]
}

#[test]
fn a_pod_wakes_its_services_when_something_about_it_matters() {
    assert_eq!(woken_by_pod(|pod| pod.planning.ready = false), foo_after_batch());
    assert_eq!(woken_by_pod(|pod| pod.planning.deleting = true), foo_after_batch());
    assert_eq!(woken_by_pod(|pod| pod.planning.phase = Phase::Failed), foo_after_batch());
    assert_eq!(woken_by_pod(|pod| pod.planning.addresses.clear()), foo_after_batch());
    assert_eq!(woken_by_pod(|pod| pod.planning.hostname = Some("h".into())), foo_after_batch());
    assert_eq!(woken_by_pod(|pod| pod.planning.node_name = None), foo_after_batch());
}

#[test]
fn a_pod_that_changes_nothing_of_note_wakes_nobody() {
    assert_eq!(woken_by_pod(|_| ()), []);
    assert_eq!(woken_by_pod(|pod| pod.explaining.ready_since = Some(at(5))), []);
    assert_eq!(woken_by_pod(|pod| pod.explaining.created = Some(at(5))), []);
}

#[test]
fn a_label_wakes_those_who_gain_or_lose_the_pod() {
    let services = || {
        let mut cluster = Cluster::new()
            .service(named("any", &[("app", "foo")]))
            .service(named("blue", &[("app", "foo"), ("color", "blue")]))
            .service(named("green", &[("color", "green")]))
            .service(named("unrelated", &[("app", "bar")]));
        let mut pod = pod("a", "10.1.0.1");
        pod.labels = map(&[("app", "foo"), ("color", "blue")]);
        cluster.see(Fact::Pod(pod.clone()));
        cluster.woken();
        (cluster, pod)
    };
    let names =
        |woken: Vec<(String, When)>| woken.into_iter().map(|(name, _)| name).collect::<Vec<_>>();

    let (mut cluster, mut pod) = services();
    pod.labels = map(&[("app", "foo"), ("color", "green")]);
    cluster.see(Fact::Pod(pod));
    assert_eq!(names(cluster.woken()), ["blue", "green"], "any selects it before and after");

    let (mut cluster, mut pod) = services();
    pod.labels = map(&[("app", "foo"), ("color", "green")]);
    pod.planning.ready = false;
    cluster.see(Fact::Pod(pod));
    assert_eq!(names(cluster.woken()), ["any", "blue", "green"]);

    let (mut cluster, _) = services();
    cluster.lose(Kind::Pod, "a");
    assert_eq!(names(cluster.woken()), ["any", "blue"]);
}

#[test]
fn a_service_is_visited_at_once_when_it_changes_and_not_when_it_does_not() {
    let mut cluster = settled();
    cluster.see(Fact::Service(foo()));
    assert_eq!(cluster.woken(), []);
    cluster.see(Fact::Service(Service { labels: map(&[("a", "b")]), ..foo() }));
    assert_eq!(cluster.woken(), [("foo".to_owned(), When::Now)]);
    cluster.lose(Kind::Service, "foo");
    assert_eq!(cluster.woken(), [("foo".to_owned(), When::Now)]);
}

#[test]
fn nodes_wake_the_services_with_pods_on_them() {
    let mut cluster = settled();
    assert_eq!(cluster.settle(), Vec::<String>::new());
    cluster = cluster.node("elsewhere", "zone-b");
    assert_eq!(cluster.woken(), []);
    cluster = cluster.node("node-a", "zone-b");
    assert_eq!(cluster.woken(), foo_after_batch());
    cluster.lose(Kind::Node, "node-a");
    assert_eq!(cluster.woken(), foo_after_batch());
    cluster = cluster.node("node-a", "zone-a");
    assert_eq!(cluster.woken(), foo_after_batch());
}

fn foo_after_repair() -> Vec<(String, When)> {
    vec![("foo".to_owned(), When::AfterRepairDelay)]
}

fn edited(change: impl FnOnce(&mut EndpointSlice)) -> (Cluster, Vec<(String, When)>) {
    let mut cluster = settled();
    let mut slice = (*cluster.only_slice()).clone();
    change(&mut slice);
    cluster.see_slice(slice);
    let woken = cluster.woken();
    (cluster, woken)
}

#[test]
fn an_edit_of_a_slice_is_repaired() {
    let (mut cluster, woken) = edited(|slice| slice.endpoints.truncate(1));
    assert_eq!(woken, foo_after_repair());
    assert_eq!(cluster.settle(), ["update foo-1 IPv4 http/80: 2"]);
}

#[test]
fn an_edit_of_what_nobody_reads_waits_for_the_next_visit() {
    let (_, woken) = edited(|slice| slice.metadata.annotations = map(&[("note", "mine")]));
    assert_eq!(woken, []);
    let (_, woken) = edited(|slice| slice.metadata.owner_references.clear());
    assert_eq!(woken, []);
}

#[test]
fn a_deleted_slice_comes_back_whoever_wrote_it() {
    let mut cluster = settled();
    cluster.lose(Kind::EndpointSlice, "foo-1");
    assert_eq!(cluster.woken(), foo_after_repair());
    assert_eq!(cluster.settle(), ["create IPv4 http/80: 2"]);

    let mut restarted =
        Cluster::new().service(foo()).pods(pods(0..2)).slice(slice("s0", &pods(0..2)));
    restarted.woken();
    restarted.lose(Kind::EndpointSlice, "s0");
    assert_eq!(restarted.woken(), foo_after_repair());
    assert_eq!(restarted.settle(), ["create IPv4 http/80: 2"]);
}

#[test]
fn a_slice_relabelled_away_is_replaced_and_merges_when_it_comes_back() {
    let (mut cluster, woken) = edited(|slice| {
        slice.metadata.labels = map(&[
            ("kubernetes.io/service-name", "foo"),
            ("endpointslice.kubernetes.io/managed-by", "thief"),
        ]);
    });
    assert_eq!(woken, foo_after_repair());
    assert_eq!(cluster.settle(), ["create IPv4 http/80: 2"]);

    let mut back = slice("foo-1", &pods(0..2));
    back.metadata.uid = "foo-1-uid".into();
    cluster.see_slice(back);
    assert_eq!(cluster.woken(), foo_after_repair());
    assert_eq!(cluster.settle(), ["delete foo-2"]);
}

#[test]
fn a_slice_moved_to_another_service_wakes_both() {
    let mut cluster = settled().service(named("bar", &[("app", "bar")]));
    let plan = cluster.plan_for("bar");
    cluster.execute("bar", &plan);
    cluster.woken();
    let mut moved = (*cluster.only_slice()).clone();
    moved.metadata.labels = map(&[
        ("kubernetes.io/service-name", "bar"),
        ("endpointslice.kubernetes.io/managed-by", support::OURS),
    ]);
    cluster.see_slice(moved);
    let woken = cluster.woken();
    let both =
        [("foo".to_owned(), When::AfterRepairDelay), ("bar".to_owned(), When::AfterRepairDelay)];
    assert_eq!(woken, both);
    assert_eq!(cluster.settle(), ["create IPv4 http/80: 2"]);
    let plan = cluster.plan_for("bar");
    assert_eq!(support::writes(&plan), ["delete foo-1"], "it belongs to somebody else");
    cluster.execute("bar", &plan);
    assert!(cluster.plan_for("bar").is_settled());
}

fn see_at(cluster: &mut Cluster, slice: &EndpointSlice, version: u64, source: Source) {
    let mut slice = slice.clone();
    slice.metadata.resource_version = ResourceVersion(version);
    cluster.index.apply(Observation {
        fact: Fact::EndpointSlice(slice),
        resource_version: ResourceVersion(version),
        source,
        seen: at(100),
    });
}

#[test]
fn older_news_never_undoes_a_write_of_ours() {
    let mut cluster = settled();
    let ours = cluster.only_slice();
    let version = ours.metadata.resource_version.0;
    let older = EndpointSlice { endpoints: Vec::new(), ..(*ours).clone() };
    see_at(&mut cluster, &older, version - 1, Source::Watch);
    assert_eq!(cluster.sizes(), [2]);
    assert!(cluster.plan().is_settled());
}

#[test]
fn the_echo_of_a_write_is_known_and_pays_what_the_watch_owes() {
    let mut cluster = Cluster::new().service(foo()).pods(pods(0..2));
    let written = slice("s0", &pods(0..2));
    see_at(&mut cluster, &written, 50, Source::Answer);
    let metadata = &written.metadata;
    let mut is_known = |kind, uid: &str, version| {
        cluster.index.is_known(kind, &metadata.key, uid, ResourceVersion(version))
    };
    assert!(!is_known(Kind::EndpointSlice, &metadata.uid, 51), "somebody has changed it");
    assert!(!is_known(Kind::EndpointSlice, "another", 50));
    assert!(!is_known(Kind::Endpoints, &metadata.uid, 50));
    assert!(is_known(Kind::EndpointSlice, &metadata.uid, 49), "older than what is held");
    assert!(is_known(Kind::EndpointSlice, &metadata.uid, 50));
    assert!(cluster.index.overdue(at(101)).is_empty());
}

#[test]
fn a_list_older_than_a_write_of_ours_does_not_lose_it() {
    let mut cluster = Cluster::new().service(foo()).pods(pods(0..2));
    see_at(&mut cluster, &slice("s0", &pods(0..2)), 50, Source::Answer);
    let listed = HashSet::new();
    cluster.index.reset(Kind::EndpointSlice, &listed, ResourceVersion(40), at(0));
    assert!(cluster.plan().is_settled(), "written after the list was taken");
    cluster.index.reset(Kind::EndpointSlice, &listed, ResourceVersion(60), at(0));
    assert!(!cluster.plan().is_settled(), "a newer list knows better");
}

#[test]
fn a_deletion_of_ours_is_not_undone_by_late_news() {
    let mut cluster = settled();
    let ours = cluster.only_slice();
    let key = ours.metadata.key.clone();
    cluster.index.delete(
        Kind::EndpointSlice,
        &key,
        Some(&ours.metadata.uid),
        Source::Answer,
        at(0),
    );
    see_at(&mut cluster, &ours, 5, Source::Watch);
    assert_eq!(cluster.sizes(), Vec::<usize>::new());
}

#[test]
fn an_answer_that_comes_after_the_deletion_brings_nothing_back() {
    let mut cluster = Cluster::new().service(foo()).pods(pods(0..2));
    let written = slice("s0", &pods(0..2));
    see_at(&mut cluster, &written, 50, Source::Watch);
    cluster.lose(Kind::EndpointSlice, "s0");
    see_at(&mut cluster, &written, 50, Source::Answer);
    assert_eq!(cluster.sizes(), Vec::<usize>::new(), "it was shown, and then it was deleted");
    assert!(cluster.index.overdue(at(1000)).is_empty(), "the watch owes us nothing");

    let listed = HashSet::new();
    cluster.index.reset(Kind::EndpointSlice, &listed, ResourceVersion(60), at(0));
    see_at(&mut cluster, &slice("s1", &pods(0..2)), 55, Source::Answer);
    assert_eq!(cluster.sizes(), Vec::<usize>::new(), "the list would have held it");
    see_at(&mut cluster, &slice("s2", &pods(0..2)), 65, Source::Answer);
    assert_eq!(cluster.sizes(), [2], "the watch has not come that far");
}

#[test]
fn a_write_that_the_watch_never_shows_is_named_until_it_is_read_live() {
    let mut cluster = Cluster::new().service(foo()).pods(pods(0..2));
    let written = slice("s0", &pods(0..2));
    see_at(&mut cluster, &written, 50, Source::Answer);
    let key = written.metadata.key.clone();
    assert!(cluster.index.overdue(at(100)).is_empty(), "written at 100, not before");
    assert_eq!(cluster.index.overdue(at(101)), [(Kind::EndpointSlice, key.clone())].into());
    cluster.index.delete(Kind::EndpointSlice, &key, None, Source::LiveRead, at(0));
    assert!(cluster.index.overdue(at(101)).is_empty());
    assert!(!cluster.plan().is_settled(), "it was not there");
}

#[test]
fn what_a_list_does_not_hold_is_gone() {
    let mut cluster = settled();
    let kept: HashSet<NamespacedName> = [NamespacedName::new("test", "pod-000")].into();
    cluster.index.reset(Kind::Pod, &kept, ResourceVersion(1000), at(0));
    assert_eq!(cluster.settle(), ["update foo-1 IPv4 http/80: 1"]);
}

fn trigger_time(cluster: &Cluster) -> Option<String> {
    let annotations = &cluster.only_slice().metadata.annotations;
    annotations.get(TRIGGER_TIME_ANNOTATION).map(|value| value.to_string())
}

fn ready_since(name: &str, ip: &str, seconds: i64) -> Pod {
    let mut pod = pod(name, ip);
    pod.explaining.ready_since = Some(at(seconds));
    pod
}

#[test]
fn the_first_trigger_time_is_the_creation_of_the_service() {
    let mut cluster = Cluster::new().service(foo()).pods(vec![ready_since("a", "10.1.0.1", 5000)]);
    cluster.settle();
    assert_eq!(trigger_time(&cluster).as_deref(), Some("1970-01-01T00:16:40Z"));
}

#[test]
fn later_trigger_times_are_the_oldest_new_readiness() {
    let mut cluster = Cluster::new().service(foo());
    cluster.settle();
    cluster =
        cluster.pods(vec![ready_since("a", "10.1.0.1", 7000), ready_since("b", "10.1.0.2", 6000)]);
    cluster.settle();
    assert_eq!(trigger_time(&cluster).as_deref(), Some("1970-01-01T01:40:00Z"));
    cluster.lose(Kind::Pod, "a");
    cluster.settle();
    assert_eq!(trigger_time(&cluster), None, "a deletion has no time");
}

#[test]
fn a_retry_carries_no_trigger_time() {
    let mut cluster = Cluster::new().service(foo());
    cluster.settle();
    cluster = cluster.pods(vec![ready_since("a", "10.1.0.1", 7000)]);
    let failed = cluster.plan();
    let key = NamespacedName::new("test", "foo");
    let memory = failed.memory.unwrap();
    cluster.index.remember(Controller::EndpointSlice, &key, memory);
    cluster.settle();
    assert_eq!(trigger_time(&cluster), None);
}

#[test]
fn the_index_knows_what_is_published_and_what_ended_the_last_match() {
    let key = NamespacedName::new("test", "foo");
    let mut cluster = settled();
    let ready = |cluster: &Cluster| {
        cluster.index.published(&key).values().map(|one| one.ready).sum::<usize>()
    };
    assert_eq!(ready(&cluster), 2);
    cluster.lose(Kind::Pod, "pod-000");
    assert!(cluster.index.match_ended(&key).is_none());
    cluster.lose(Kind::Pod, "pod-001");
    assert_eq!(
        cluster.index.match_ended(&key).unwrap().key,
        NamespacedName::new("test", "pod-001")
    );
    cluster.settle();
    assert_eq!(ready(&cluster), 0);
}
