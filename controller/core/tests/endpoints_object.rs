//! The Endpoints controller: a cluster in a line, one change, and the whole object that comes of it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use std::sync::Arc;

use controller_core::endpoints::Write;
use controller_core::facts::endpoint_slice::TargetRefRest;
use controller_core::facts::pod::Phase;
use controller_core::facts::{
    ClusterIp, ContainerKind, EndpointSubset, Endpoints, Fact, IpFamily, PodAddress, Service,
    TargetPort,
};
use controller_core::index::When;
use controller_core::key::{Controller, Kind};
use controller_core::reason::Reason;
use support::{Cluster, at, declares, endpoints_by_hand, foo, map, pod, pods, port, subset};

const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";

fn with_pods(pods: Vec<controller_core::facts::Pod>) -> Cluster {
    Cluster::new().service(foo()).pods(pods)
}

fn subsets_of(pods: Vec<controller_core::facts::Pod>) -> Vec<String> {
    let mut cluster = with_pods(pods);
    cluster.settle_endpoints();
    cluster.subsets()
}

fn publishing() -> Service {
    Service { publish_not_ready_addresses: true, ..foo() }
}

fn not_ready(mut pod: controller_core::facts::Pod) -> controller_core::facts::Pod {
    pod.planning.ready = false;
    pod
}

fn edited(cluster: &Cluster, edit: impl FnOnce(&mut Endpoints)) -> Endpoints {
    let mut endpoints = (*cluster.current_endpoints().unwrap()).clone();
    edit(&mut endpoints);
    endpoints
}

#[test]
fn a_service_without_pods_gets_empty_endpoints() {
    let mut cluster = Cluster::new().service(foo());
    assert_eq!(cluster.settle_endpoints(), Some("create"));
    let endpoints = cluster.current_endpoints().unwrap();
    assert_eq!(endpoints.subsets, []);
    assert_eq!(endpoints.metadata.owner_references, [], "they go with their Service by name");
    assert_eq!(
        endpoints.metadata.labels,
        map(&[("endpoints.kubernetes.io/managed-by", "endpoint-controller")])
    );
    assert_eq!(
        endpoints.metadata.annotations,
        map(&[(TRIGGER_TIME, "1970-01-01T00:16:40Z")]),
        "the first time is the Service's creation"
    );
}

#[test]
fn ready_and_not_ready_pods_share_a_subset() {
    let lines = subsets_of(vec![pod("a", "10.1.0.1"), not_ready(pod("b", "10.1.0.2"))]);
    assert_eq!(lines, ["10.1.0.1; not 10.1.0.2; http/80"]);
}

#[test]
fn an_address_names_its_pod_node_and_hostname() {
    let mut named = pod("a", "10.1.0.1");
    named.planning.hostname = Some("h".into());
    named.planning.subdomain = Some("foo".into());
    let mut elsewhere = pod("b", "10.1.0.2");
    elsewhere.planning.hostname = Some("h".into());
    elsewhere.planning.subdomain = Some("other".into());
    let mut cluster = with_pods(vec![named, elsewhere]);
    cluster.settle_endpoints();
    let endpoints = cluster.current_endpoints().unwrap();
    let addresses: Vec<_> = endpoints.subsets[0].addresses.iter().collect();
    let [first, second] = addresses[..] else { panic!() };
    assert_eq!(first.hostname.as_deref(), Some("h"));
    assert_eq!(first.node_name.as_deref(), Some("node-a"));
    let target = first.target_ref.as_ref().unwrap();
    assert_eq!(
        (target.kind.as_deref(), target.name.as_deref(), target.uid.as_deref()),
        (Some("Pod"), Some("a"), Some("a-uid"))
    );
    assert_eq!(second.hostname, None, "the subdomain is another Service's");
}

#[test]
fn pods_that_have_ended_are_going_or_have_no_address_are_left_out() {
    let mut failed = pod("failed", "10.1.0.1");
    failed.planning.phase = Phase::Failed;
    let mut succeeded = pod("succeeded", "10.1.0.2");
    succeeded.planning.phase = Phase::Succeeded;
    let mut terminating = pod("terminating", "10.1.0.3");
    terminating.planning.deleting = true;
    let out = vec![failed, succeeded, terminating, pod("none", ""), pod("bad", "127.0.0.1")];
    assert_eq!(subsets_of(out.clone()), Vec::<String>::new());
    let mut cluster = Cluster::new().service(publishing()).pods(out);
    cluster.settle_endpoints();
    assert_eq!(
        cluster.subsets(),
        ["10.1.0.3; not ; http/80"],
        "unless not-ready ones are published"
    );
}

#[test]
fn publishing_not_ready_addresses_makes_them_ready() {
    let mut cluster =
        Cluster::new().service(publishing()).pods(vec![not_ready(pod("a", "10.1.0.1"))]);
    cluster.settle_endpoints();
    assert_eq!(cluster.subsets(), ["10.1.0.1; not ; http/80"]);
}

#[test]
fn a_pod_on_no_node_is_listed_without_one() {
    let mut unbound = pod("a", "10.1.0.1");
    unbound.planning.node_name = None;
    let mut cluster = with_pods(vec![unbound]);
    cluster.settle_endpoints();
    let endpoints = cluster.current_endpoints().unwrap();
    let node_names = endpoints.subsets[0].addresses.iter().map(|address| &address.node_name);
    assert!(node_names.eq([&None]));
}

#[test]
fn only_the_first_family_of_a_service_is_listed() {
    let both = || pod("a", "10.1.0.1,fd00::1");
    for (families, wanted) in [
        (vec![IpFamily::V4, IpFamily::V6], "10.1.0.1; not ; http/80"),
        (vec![IpFamily::V6, IpFamily::V4], "fd00::1; not ; http/80"),
    ] {
        let service = Service { ip_families: families, ..foo() };
        let mut cluster = Cluster::new().service(service).pods(vec![both(), pod("b", "")]);
        cluster.settle_endpoints();
        assert_eq!(cluster.subsets(), [wanted]);
    }
    let v6_only = Service { ip_families: vec![IpFamily::V6], ..foo() };
    let mut cluster = Cluster::new().service(v6_only).pods(vec![pod("b", "10.1.0.2")]);
    cluster.settle_endpoints();
    assert_eq!(cluster.subsets(), Vec::<String>::new());
}

#[test]
fn a_service_of_the_past_has_the_family_of_its_address_or_of_the_pod() {
    let both = || vec![pod("a", "fd00::1,10.1.0.1")];
    let old = Service { ip_families: vec![], ..foo() };
    let mut cluster = Cluster::new().service(old.clone()).pods(both());
    cluster.settle_endpoints();
    assert_eq!(cluster.subsets(), ["10.1.0.1; not ; http/80"]);
    let headless = Service { cluster_ip: ClusterIp::Headless, ..old };
    let mut cluster = Cluster::new().service(headless).pods(both());
    cluster.settle_endpoints();
    assert_eq!(cluster.subsets(), ["fd00::1; not ; http/80"]);
}

#[test]
fn old_spellings_of_addresses_are_brought_up_to_date() {
    let mut odd = pod("a", "10.1.0.1");
    odd.planning.addresses = vec![PodAddress::parse("010.1.2.3")];
    let mut mapped = pod("b", "10.1.0.1");
    mapped.planning.addresses = vec![PodAddress::parse("::ffff:1.2.3.4")];
    assert_eq!(subsets_of(vec![odd, mapped]), ["1.2.3.4 10.1.2.3; not ; http/80"]);
}

#[test]
fn a_named_port_is_looked_up_on_each_pod() {
    let service = Service { ports: vec![port("http", TargetPort::Name("web".into()))], ..foo() };
    let main = ContainerKind::Main;
    let serving = vec![
        declares(pod("a", "10.1.0.1"), &[("web", 8080, main)]),
        declares(pod("b", "10.1.0.2"), &[("web", 9090, main)]),
        declares(pod("c", "10.1.0.3"), &[("other", 1, main)]),
        declares(pod("d", "10.1.0.4"), &[("web", 8080, ContainerKind::Sidecar)]),
        declares(pod("e", "10.1.0.5"), &[("web", 8080, ContainerKind::Init)]),
    ];
    let mut cluster = Cluster::new().service(service).pods(serving);
    cluster.settle_endpoints();
    let mut lines = cluster.subsets();
    lines.sort();
    assert_eq!(lines, ["10.1.0.1 10.1.0.4; not ; http/8080", "10.1.0.2; not ; http/9090"]);
}

#[test]
fn ports_with_the_same_pods_share_a_subset() {
    let two = vec![port("one", TargetPort::Number(8080)), port("two", TargetPort::Number(8080))];
    let service = Service { ports: two, ..foo() };
    let mut cluster = Cluster::new().service(service).pods(vec![pod("a", "10.1.0.1")]);
    cluster.settle_endpoints();
    assert_eq!(cluster.subsets(), ["10.1.0.1; not ; one/8080 two/8080"]);
}

#[test]
fn a_service_without_ports_lists_pods_only_if_it_is_headless() {
    let portless = Service { ports: vec![], ..foo() };
    let headless = Service { cluster_ip: ClusterIp::Headless, ..portless.clone() };
    for (service, wanted) in [(portless, vec![]), (headless, vec!["10.1.0.1; not ; "])] {
        let mut cluster = Cluster::new().service(service).pods(vec![pod("a", "10.1.0.1")]);
        cluster.settle_endpoints();
        assert_eq!(cluster.subsets(), wanted);
    }
}

#[test]
fn two_pods_with_one_ip_are_two_addresses() {
    let mut cluster = with_pods(vec![pod("b", "10.1.0.1"), pod("a", "10.1.0.1")]);
    cluster.settle_endpoints();
    let endpoints = cluster.current_endpoints().unwrap();
    let targets = endpoints.subsets[0].addresses.iter().filter_map(|one| one.target_ref.as_ref());
    let uids: Vec<&str> = targets.filter_map(|target| target.uid.as_deref()).collect();
    assert_eq!(uids, ["a-uid", "b-uid"]);
    let mut cluster = with_pods(vec![pod("a", "10.1.0.1"), not_ready(pod("b", "10.1.0.1"))]);
    cluster.settle_endpoints();
    assert_eq!(cluster.subsets(), ["10.1.0.1; not 10.1.0.1; http/80"]);
}

#[test]
fn labels_are_the_services_and_our_own() {
    let labels = map(&[("team", "x"), ("endpoints.kubernetes.io/managed-by", "me")]);
    let service = Service { labels, cluster_ip: ClusterIp::Headless, ..foo() };
    let mut cluster = Cluster::new().service(service.clone());
    cluster.settle_endpoints();
    let wanted = map(&[
        ("team", "x"),
        ("endpoints.kubernetes.io/managed-by", "endpoint-controller"),
        ("service.kubernetes.io/headless", ""),
    ]);
    assert_eq!(cluster.current_endpoints().unwrap().metadata.labels, wanted);

    cluster.see(Fact::Service(Service { labels: map(&[("team", "y")]), ..service }));
    assert_eq!(cluster.settle_endpoints(), Some("update"));
    let labels = cluster.current_endpoints().unwrap().metadata.labels.clone();
    assert_eq!(labels.get("team").map(|value| &**value), Some("y"));
}

#[test]
fn a_label_that_the_service_claims_for_itself_causes_no_endless_writes() {
    for reserved in ["service.kubernetes.io/headless", "endpoints.kubernetes.io/managed-by"] {
        let service = Service { labels: map(&[(reserved, "mine")]), ..foo() };
        let mut cluster = Cluster::new().service(service);
        assert_eq!(cluster.settle_endpoints(), Some("create"));
        assert_eq!(cluster.settle_endpoints(), None);
    }
}

#[test]
fn what_others_keep_on_the_object_stays_but_their_labels() {
    let mut by_hand = endpoints_by_hand(vec![subset(&["6.7.8.9"], &[], &[("x", 1000)])]);
    by_hand.metadata.labels = map(&[("theirs", "x")]);
    by_hand.metadata.annotations = map(&[("note", "kept")]);
    by_hand.metadata.finalizers = vec!["example.com/wait".into()];
    let mut cluster = with_pods(vec![pod("a", "10.1.0.1")]).endpoints_object(by_hand);
    assert_eq!(cluster.settle_endpoints(), Some("update"));
    let metadata = cluster.current_endpoints().unwrap().metadata.clone();
    assert_eq!(metadata.annotations.get("note").map(|value| &**value), Some("kept"));
    assert_eq!(&*metadata.finalizers[0], "example.com/wait");
    assert!(!metadata.labels.contains_key("theirs"));
    assert_eq!(cluster.subsets(), ["10.1.0.1; not ; http/80"]);
}

#[test]
fn the_same_in_another_order_or_grouping_is_no_difference() {
    let mut cluster = with_pods(pods(0..4));
    cluster.settle_endpoints();
    let by_address = |subset: &EndpointSubset| -> Vec<EndpointSubset> {
        let one = |address| EndpointSubset {
            addresses: [address].into_iter().collect(),
            ..subset.clone()
        };
        subset.addresses.iter().rev().cloned().map(one).collect()
    };
    let regrouped =
        edited(&cluster, |endpoints| endpoints.subsets = by_address(&endpoints.subsets[0]));
    cluster.see_endpoints(regrouped);
    assert_eq!(cluster.settle_endpoints(), None);
    let versioned = edited(&cluster, |endpoints| {
        for subset in &mut endpoints.subsets {
            let target = subset.addresses.iter_mut().next().unwrap().target_ref.as_mut().unwrap();
            let rest = TargetRefRest { resource_version: Some("7".into()), ..Default::default() };
            target.rest = Some(Box::new(rest));
        }
    });
    cluster.see_endpoints(versioned);
    assert_eq!(cluster.settle_endpoints(), None, "nor is the version of a target");
    let without_node = edited(&cluster, |endpoints| {
        endpoints.subsets[0].addresses.iter_mut().for_each(|address| address.node_name = None);
    });
    cluster.see_endpoints(without_node);
    assert_eq!(cluster.settle_endpoints(), Some("update"));
}

#[test]
fn a_missing_headless_label_alone_is_not_worth_a_write() {
    let headless = Service { cluster_ip: ClusterIp::Headless, ..foo() };
    let mut cluster = Cluster::new().service(headless);
    cluster.settle_endpoints();
    let unlabelled = edited(&cluster, |endpoints| {
        endpoints.metadata.labels =
            map(&[("endpoints.kubernetes.io/managed-by", "endpoint-controller")]);
    });
    cluster.see_endpoints(unlabelled);
    assert_eq!(cluster.settle_endpoints(), None);
}

#[test]
fn no_more_than_a_thousand_addresses_are_listed_and_an_annotation_says_so() {
    let mut cluster = with_pods(pods(0..1001));
    assert_eq!(cluster.settle_endpoints(), Some("create"));
    let endpoints = cluster.current_endpoints().unwrap();
    assert_eq!(endpoints.len(), 1000);
    assert_eq!(
        endpoints.metadata.annotations.get(OVER_CAPACITY).map(|value| &**value),
        Some("truncated")
    );
    assert_eq!(cluster.plan_endpoints().reason, Reason::Truncated);
    // The last one by its text is the one left out; whatever it does is no matter.
    let last = pods(0..1001).into_iter().max_by_key(|pod| pod.planning.addresses[0].text().clone());
    cluster.see(Fact::Pod(not_ready(last.unwrap())));
    assert_eq!(cluster.settle_endpoints(), None);
    for pod in pods(0..2) {
        cluster.lose(Kind::Pod, &pod.key.name);
    }
    assert_eq!(cluster.settle_endpoints(), Some("update"));
    let endpoints = cluster.current_endpoints().unwrap();
    assert_eq!((endpoints.len(), endpoints.metadata.annotations.get(OVER_CAPACITY)), (999, None));
}

#[test]
fn a_stale_over_capacity_annotation_goes_whatever_it_says() {
    let mut cluster = with_pods(pods(0..3));
    cluster.settle_endpoints();
    let annotated = edited(&cluster, |endpoints| {
        endpoints.metadata.annotations = map(&[(OVER_CAPACITY, "warning")]);
    });
    cluster.see_endpoints(annotated);
    assert_eq!(cluster.settle_endpoints(), Some("update"));
    assert_eq!(cluster.current_endpoints().unwrap().metadata.annotations.get(OVER_CAPACITY), None);
}

#[test]
fn a_subset_that_is_cut_to_nothing_is_left_out() {
    let service = Service { ports: vec![port("http", TargetPort::Name("web".into()))], ..foo() };
    let main = ContainerKind::Main;
    let mut many: Vec<_> =
        pods(0..1001).into_iter().map(|pod| declares(pod, &[("web", 8080, main)])).collect();
    many.push(not_ready(declares(pod("odd", "10.2.0.1"), &[("web", 9090, main)])));
    let mut cluster = Cluster::new().service(service).pods(many);
    assert_eq!(cluster.settle_endpoints(), Some("create"));
    assert_eq!(cluster.subsets().len(), 1, "the API refuses empty subsets");
}

#[test]
fn services_that_ask_for_nothing_are_left_as_they_are() {
    let external = Service { external_name: true, ..foo() };
    let bare = Service { selector: None, ..foo() };
    for service in [external, bare] {
        let by_hand = endpoints_by_hand(vec![subset(&["1.2.3.4"], &[], &[("x", 80)])]);
        let mut cluster =
            Cluster::new().service(service).pods(pods(0..2)).endpoints_object(by_hand);
        assert_eq!(cluster.settle_endpoints(), None);
    }
}

#[test]
fn endpoints_go_with_their_service_whoever_made_them() {
    let bare = Service { selector: None, ..foo() };
    let mut cluster = Cluster::new().service(bare).endpoints_object(endpoints_by_hand(vec![]));
    cluster.lose(Kind::Service, "foo");
    assert_eq!(cluster.settle_endpoints(), Some("remove"));
}

#[test]
fn endpoints_that_wait_for_their_service_are_left_alone() {
    let cluster = Cluster::new().endpoints_object(endpoints_by_hand(vec![]));
    let plan = cluster.plan_endpoints();
    assert_eq!((plan.write, plan.reason), (None, Reason::EndpointsOrphaned));
}

#[test]
fn endpoints_made_after_their_service_went_belong_to_somebody_else() {
    let mut cluster = Cluster::new().service(foo());
    cluster.settle_endpoints();
    cluster.lose(Kind::Service, "foo");
    let mut others = endpoints_by_hand(vec![]);
    others.metadata.uid = "another".into();
    cluster.see_endpoints(others);
    assert_eq!(cluster.settle_endpoints(), None);
}

#[test]
fn a_recreated_service_takes_its_endpoints_over() {
    let mut cluster = with_pods(pods(0..1));
    cluster.settle_endpoints();
    cluster.lose(Kind::Service, "foo");
    cluster.see(Fact::Service(Service { uid: "new".into(), ..foo() }));
    assert!(!matches!(cluster.plan_endpoints().write, Some(Write::Remove(_))));
}

#[test]
fn the_trigger_time_is_that_of_the_oldest_change() {
    let ready_at = |name: &str, ip: &str, time: i64| {
        let mut pod = pod(name, ip);
        pod.explaining.ready_since = Some(at(time));
        pod
    };
    let trigger_time = |cluster: &Cluster| {
        let endpoints = cluster.current_endpoints().unwrap();
        endpoints.metadata.annotations.get(TRIGGER_TIME).map(|value| value.to_string())
    };
    let mut cluster = with_pods(vec![ready_at("a", "10.1.0.1", 2000)]);
    cluster.settle_endpoints();
    assert_eq!(trigger_time(&cluster).as_deref(), Some("1970-01-01T00:16:40Z"));
    cluster.see(Fact::Pod(ready_at("b", "10.1.0.2", 3000)));
    cluster.see(Fact::Pod(ready_at("c", "10.1.0.3", 4000)));
    cluster.settle_endpoints();
    assert_eq!(trigger_time(&cluster).as_deref(), Some("1970-01-01T00:50:00Z"));
    cluster.lose(Kind::Pod, "c");
    cluster.settle_endpoints();
    assert_eq!(trigger_time(&cluster), None, "a deletion carries no time");
}

#[test]
fn endpoints_and_slices_keep_their_times_apart() {
    let mut cluster = with_pods(pods(0..1));
    cluster.settle();
    cluster.settle_endpoints();
    let annotation = cluster.current_endpoints().unwrap().metadata.annotations.clone();
    assert!(annotation.contains_key(TRIGGER_TIME), "the first time is told by each");
}

#[test]
fn somebodys_edit_is_put_right_and_our_own_write_wakes_nobody() {
    let mut cluster = with_pods(pods(0..1));
    cluster.settle_endpoints();
    cluster.woken_others();
    let vandalised = edited(&cluster, |endpoints| endpoints.subsets.clear());
    cluster.see_endpoints(vandalised);
    assert_eq!(
        cluster.woken_others(),
        [(Controller::Endpoints, "foo".to_owned(), When::AfterRepairDelay)]
    );
    assert_eq!(cluster.settle_endpoints(), Some("update"));
    let annotated = edited(&cluster, |endpoints| {
        endpoints.metadata.annotations = map(&[("note", "x")]);
    });
    cluster.see_endpoints(annotated);
    assert_eq!(cluster.woken_others(), [], "an annotation is nobody's business");
    cluster.lose(Kind::Endpoints, "foo");
    assert_eq!(cluster.woken_others(), [(Controller::Endpoints, "foo".to_owned(), When::Now)]);
    assert_eq!(cluster.settle_endpoints(), Some("create"));
}

#[test]
fn a_pod_that_ends_wakes_both_controllers() {
    let mut cluster = with_pods(pods(0..1));
    cluster.woken_others();
    cluster.woken();
    let mut ended = pods(0..1).remove(0);
    ended.planning.phase = Phase::Failed;
    cluster.see(Fact::Pod(ended));
    assert_eq!(cluster.woken(), [("foo".to_owned(), When::AfterBatch)]);
    assert_eq!(
        cluster.woken_others(),
        [(Controller::Endpoints, "foo".to_owned(), When::AfterBatch)]
    );
}

#[test]
fn the_snapshot_shares_and_copies_nothing() {
    let cluster = with_pods(pods(0..1));
    let key = controller_core::key::NamespacedName::new("test", "foo");
    let (one, two) = (cluster.index.endpoints(&key), cluster.index.endpoints(&key));
    assert!(Arc::ptr_eq(one.pods.iter().next().unwrap(), two.pods.iter().next().unwrap()));
}
