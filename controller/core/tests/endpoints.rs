//! What a Pod looks like as an endpoint, which ports it serves, and why it is in or out.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use controller_core::facts::{ClusterIp, ContainerKind, IpFamily, Phase, Pod, Service, TargetPort};
use controller_core::facts::{Fact, ServicePort};
use controller_core::key::Kind;
use controller_core::reason::Reason;
use support::{Cluster, declares, foo, pod, pods, port, slice};

fn published(service: Service, pods: Vec<Pod>) -> Vec<String> {
    let mut cluster = Cluster::new().service(service).pods(pods);
    cluster.settle();
    cluster.endpoints()
}

fn publishing() -> Service {
    Service { publish_not_ready_addresses: true, ..foo() }
}

fn with(change: impl FnOnce(&mut Pod)) -> Pod {
    let mut pod = pod("a", "10.1.0.1");
    change(&mut pod);
    pod
}

#[test]
fn conditions_tell_ready_serving_and_terminating_apart() {
    let state = |ready, deleting| {
        with(|pod| (pod.planning.ready, pod.planning.deleting) = (ready, deleting))
    };
    let place = "on node-a in zone-a";
    let cases = [
        (true, false, "10.1.0.1 a ready serving", "10.1.0.1 a ready serving"),
        (false, false, "10.1.0.1 a", "10.1.0.1 a ready"),
        (true, true, "10.1.0.1 a serving terminating", "10.1.0.1 a ready serving terminating"),
        (false, true, "10.1.0.1 a terminating", "10.1.0.1 a ready terminating"),
    ];
    for (ready, deleting, plain, as_asked) in cases {
        let pod = state(ready, deleting);
        assert_eq!(published(foo(), vec![pod.clone()]), [format!("{plain} {place}")]);
        assert_eq!(published(publishing(), vec![pod]), [format!("{as_asked} {place}")]);
    }
}

#[test]
fn ended_pods_and_pods_without_address_are_not_published() {
    let out = [
        with(|pod| pod.planning.phase = Phase::Failed),
        with(|pod| pod.planning.phase = Phase::Succeeded),
        support::pod("a", ""),
    ];
    for pod in out {
        assert_eq!(published(publishing(), vec![pod.clone()]), Vec::<String>::new(), "{pod:?}");
    }
}

#[test]
fn hostnames_are_published_in_the_subdomain_of_the_service_only() {
    let named = |subdomain: Option<&str>| {
        with(|pod| {
            pod.planning.hostname = Some("h".into());
            pod.planning.subdomain = subdomain.map(Into::into);
        })
    };
    let called = "10.1.0.1 a ready serving on node-a in zone-a called h";
    let nameless = "10.1.0.1 a ready serving on node-a in zone-a";
    assert_eq!(published(foo(), vec![named(Some("foo"))]), [called]);
    assert_eq!(published(foo(), vec![named(Some("other"))]), [nameless]);
    assert_eq!(published(foo(), vec![named(None)]), [nameless]);
}

#[test]
fn a_node_without_zone_gives_none() {
    let mut cluster = Cluster::new().node("node-a", "").service(foo()).pods(pods(0..1));
    cluster.settle();
    assert_eq!(cluster.endpoints(), ["10.1.0.1 pod-000 ready serving on node-a"]);
}

#[test]
fn a_pod_on_an_unknown_node_is_left_out_and_fails_the_visit() {
    let lost = with(|pod| pod.planning.node_name = Some("gone".into()));
    let nowhere = Pod { key: pod("b", "").key, ..with(|pod| pod.planning.node_name = None) };
    let mut cluster = Cluster::new().service(foo()).pods(vec![lost, nowhere, pod("c", "10.1.0.3")]);
    assert_eq!(
        cluster.plan().errors,
        [
            "skipping Pod a for Service test/foo: Node gone Not Found",
            "skipping Pod b for Service test/foo: Node  Not Found"
        ]
    );
    cluster.settle();
    assert_eq!(cluster.endpoints(), ["10.1.0.3 c ready serving on node-a in zone-a"]);
}

#[test]
fn a_pod_on_an_unknown_node_is_published_without_zone_if_the_service_takes_all() {
    let lost = with(|pod| pod.planning.node_name = Some("gone".into()));
    let mut cluster = Cluster::new().service(publishing()).pods(vec![lost]);
    assert_eq!(cluster.plan().errors, Vec::<String>::new());
    cluster.settle();
    assert_eq!(cluster.endpoints(), ["10.1.0.1 a ready serving on gone"]);
}

#[test]
fn the_endpoints_of_a_vanished_node_go_and_an_empty_slice_stays() {
    let mut cluster =
        Cluster::new().service(foo()).slice(slice("s0", &pods(0..2))).pods(pods(0..2));
    cluster.settle();
    cluster.lose(Kind::Node, "node-a");
    assert_eq!(cluster.plan().families[0].counts.removed, 2);
    assert_eq!(cluster.settle(), ["update s0 IPv4 no ports: 0"]);
}

#[test]
fn a_recreated_pod_is_changed_in_place() {
    let mut cluster =
        Cluster::new().service(foo()).slice(slice("s0", &pods(0..1))).pods(pods(0..1));
    let mut recreated = pods(0..1).remove(0);
    recreated.planning.uid = "another".into();
    cluster.see(Fact::Pod(recreated));
    let counts = cluster.plan().families[0].counts;
    assert_eq!((counts.added, counts.removed), (0, 0));
    assert_eq!(cluster.settle(), ["update s0 IPv4 http/80: 1"]);
}

#[test]
fn families_come_from_the_service_then_its_address_then_both() {
    let families = |service: Service| {
        let mut cluster = Cluster::new().service(service).pods(vec![pod("a", "10.1.0.1,fd00::1")]);
        cluster.settle();
        cluster
            .slices()
            .iter()
            .map(|line| line.split(' ').nth(1).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let listed = Service { ip_families: vec![IpFamily::V6, IpFamily::V4], ..foo() };
    let by_address = Service { ip_families: Vec::new(), ..foo() };
    let headless = Service { ip_families: Vec::new(), cluster_ip: ClusterIp::Headless, ..foo() };
    assert_eq!(families(listed), ["IPv4", "IPv6"]);
    assert_eq!(families(by_address), ["IPv4"]);
    assert_eq!(families(headless), ["IPv4", "IPv6"]);
}

#[test]
fn addresses_are_published_in_canonical_text() {
    let six = Service { ip_families: vec![IpFamily::V6], ..foo() };
    let pod = pod("a", "1.2.3.4,1234::5678:0000:0000:9abc:def0");
    assert_eq!(
        published(six, vec![pod]),
        ["1234::5678:0:0:9abc:def0 a ready serving on node-a in zone-a"]
    );
}

#[test]
fn one_bad_address_spoils_nobody_else() {
    let mut cluster =
        Cluster::new().service(foo()).pods(vec![pod("bad", "127.0.0.1"), pod("good", "10.1.0.1")]);
    let plan = cluster.plan();
    assert_eq!(plan.families[0].pods[0].reason, Reason::AddressInvalid);
    assert_eq!(plan.errors, Vec::<String>::new());
    cluster.settle();
    assert_eq!(cluster.endpoints(), ["10.1.0.1 good ready serving on node-a in zone-a"]);
}

fn slices_of(ports: Vec<ServicePort>, pods: Vec<Pod>) -> Vec<String> {
    let mut cluster = Cluster::new().service(Service { ports, ..foo() }).pods(pods);
    let mut writes = cluster.settle();
    writes.sort();
    writes
}

fn named(name: &str) -> ServicePort {
    port(name, TargetPort::Name(name.into()))
}

#[test]
fn a_named_port_is_found_on_containers_and_sidecars_only() {
    let on = |kind| vec![declares(pod("a", "10.1.0.1"), &[("web", 8080, kind)])];
    assert_eq!(slices_of(vec![named("web")], on(ContainerKind::Main)), ["create IPv4 web/8080: 1"]);
    assert_eq!(
        slices_of(vec![named("web")], on(ContainerKind::Sidecar)),
        ["create IPv4 web/8080: 1"]
    );
    assert_eq!(slices_of(vec![named("web")], on(ContainerKind::Init)), ["create IPv4 no ports: 1"]);
    let udp = ServicePort { protocol: "UDP".into(), ..named("web") };
    assert_eq!(slices_of(vec![udp], on(ContainerKind::Main)), ["create IPv4 no ports: 1"]);
}

#[test]
fn a_pod_that_lacks_one_of_two_ports_is_published_with_the_other() {
    let both = declares(
        pod("a", "10.1.0.1"),
        &[("web", 80, ContainerKind::Main), ("admin", 81, ContainerKind::Main)],
    );
    let one = declares(pod("b", "10.1.0.2"), &[("web", 80, ContainerKind::Main)]);
    let writes = slices_of(vec![named("web"), named("admin")], vec![both, one]);
    assert_eq!(writes, ["create IPv4 admin/81 web/80: 1", "create IPv4 web/80: 1"]);
}

#[test]
fn a_headless_service_without_ports_publishes_addresses() {
    let headless = Service { cluster_ip: ClusterIp::Headless, ports: Vec::new(), ..foo() };
    let mut cluster = Cluster::new().service(headless).pods(pods(0..3));
    assert_eq!(cluster.settle(), ["create IPv4 no ports: 3"]);
    assert_eq!(cluster.plan().service, [Reason::Healthy, Reason::HeadlessNoPorts]);
}

#[test]
fn an_application_protocol_makes_another_set_of_ports() {
    let mut cluster =
        Cluster::new().service(foo()).slice(slice("s0", &pods(0..1))).pods(pods(0..1));
    let mut http2 = port("http", TargetPort::Number(80));
    http2.app_protocol = Some("kubernetes.io/h2c".into());
    cluster = cluster.service(Service { ports: vec![http2], ..foo() });
    assert_eq!(cluster.settle(), ["update s0 IPv4 http/80: 1"]);
}

#[test]
fn services_that_ask_for_nothing_are_left_as_they_are() {
    let alias = Service { external_name: true, ..foo() };
    let bare = Service { selector: None, ..foo() };
    for service in [alias, bare] {
        let mut cluster =
            Cluster::new().service(service).slice(slice("s0", &pods(0..1))).pods(pods(0..1));
        assert_eq!(cluster.settle(), Vec::<String>::new());
    }
}

#[test]
fn every_pod_says_why_it_is_in_or_out() {
    let named = Service { ports: vec![named("web")], ..foo() };
    let web = |name: &str, ip: &str| declares(pod(name, ip), &[("web", 80, ContainerKind::Main)]);
    let change = |mut pod: Pod, change: fn(&mut Pod)| {
        change(&mut pod);
        pod
    };
    let pods = vec![
        web("a-ready", "10.1.0.1"),
        change(web("b-unready", "10.1.0.2"), |pod| pod.planning.ready = false),
        change(web("c-leaving", "10.1.0.3"), |pod| pod.planning.deleting = true),
        change(web("d-failed", "10.1.0.4"), |pod| pod.planning.phase = Phase::Failed),
        web("e-waiting", ""),
        web("f-six", "fd00::1"),
        change(web("g-lost", "10.1.0.7"), |pod| pod.planning.node_name = Some("gone".into())),
        pod("h-portless", "10.1.0.8"),
    ];
    let plan = Cluster::new().service(named).pods(pods).plan();
    let reasons: Vec<Reason> = plan.families[0].pods.iter().map(|verdict| verdict.reason).collect();
    assert_eq!(
        reasons,
        [
            Reason::Ready,
            Reason::NotReady,
            Reason::ServingTerminating,
            Reason::PodFailed,
            Reason::NoPodIP,
            Reason::FamilyMissing,
            Reason::NodeUnknown,
            Reason::NoPortResolved,
        ]
    );
    assert_eq!(plan.service, [Reason::Degraded, Reason::PortsPartlyResolved]);
}

#[test]
fn a_service_says_first_what_matters_most() {
    let first = |service: Service, pods: Vec<Pod>| {
        Cluster::new().service(service).pods(pods).plan().service[0]
    };
    let unready = || with(|pod| pod.planning.ready = false);
    assert_eq!(first(foo(), vec![]), Reason::NoPodsMatch);
    assert_eq!(first(foo(), vec![unready()]), Reason::NoneReady);
    assert_eq!(first(publishing(), vec![unready()]), Reason::NotReadyPublished);
    assert_eq!(
        first(foo(), vec![with(|pod| pod.planning.phase = Phase::Failed)]),
        Reason::AllPodsTerminal
    );
    assert_eq!(
        first(foo(), vec![with(|pod| pod.planning.deleting = true)]),
        Reason::TerminatingOnly
    );
    assert_eq!(first(foo(), vec![pod("a", "")]), Reason::NoUsableAddress);
    assert_eq!(first(foo(), vec![pod("a", "fd00::1")]), Reason::NoPodOfFamily);
    assert_eq!(first(foo(), pods(0..2)), Reason::Healthy);
}

#[test]
fn a_write_of_a_large_endpoints_object_is_left_to_stand_and_a_small_one_is_not() {
    let rest = |count| {
        let cluster = Cluster::new().service(foo()).pods(pods(0..count));
        cluster.plan_endpoints().write.unwrap().rest().as_millis()
    };
    assert_eq!([100, 200, 1000].map(rest), [0, 100, 500]);
}
