//! The mirroring controller: Endpoints in a line, one change, and every slice that is written.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use std::sync::Arc;

use controller_core::facts::endpoint_slice::TargetRefRest;
use controller_core::facts::{
    AddressType, EndpointPort, EndpointSlice, Endpoints, Fact, Service, TargetRef,
};
use controller_core::index::When;
use controller_core::key::{Controller, Kind, NamespacedName};
use controller_core::mirroring::{Counts, Skipped};
use controller_core::reason::Reason;
use support::{Cluster, endpoints_by_hand, foo, map, plain_address, pods, subset};

const MANAGED_BY: &str = "endpointslicemirroring-controller.k8s.io";

fn bare() -> Service {
    Service { selector: None, ..foo() }
}

fn mirrored(endpoints: Endpoints) -> Cluster {
    Cluster::new().service(bare()).endpoints_object(endpoints)
}

fn one_address() -> Endpoints {
    endpoints_by_hand(vec![subset(&["10.0.0.1"], &[], &[("http", 80)])])
}

fn edited(cluster: &Cluster, edit: impl FnOnce(&mut Endpoints)) -> Endpoints {
    let mut endpoints = (*cluster.current_endpoints().unwrap()).clone();
    edit(&mut endpoints);
    endpoints
}

fn slices(cluster: &Cluster) -> Vec<Arc<EndpointSlice>> {
    cluster.index.slices_of(&NamespacedName::new("test", "foo"))
}

fn only(cluster: &Cluster) -> Arc<EndpointSlice> {
    let slices = slices(cluster);
    assert_eq!(slices.len(), 1, "{:#?}", cluster.slices());
    slices[0].clone()
}

#[test]
fn endpoints_without_addresses_need_no_slice() {
    assert_eq!(mirrored(endpoints_by_hand(vec![])).settle_mirror(), Vec::<String>::new());
}

#[test]
fn a_slice_carries_all_that_the_endpoints_say_and_no_more() {
    let mut endpoints = one_address();
    let metadata = &mut endpoints.metadata;
    metadata.labels = map(&[("team", "x"), ("kubernetes.io/service-name", "zz")]);
    metadata.annotations = map(&[
        ("note", "y"),
        ("endpoints.kubernetes.io/last-change-trigger-time", "2026-01-01T00:00:00Z"),
        ("kubectl.kubernetes.io/last-applied-configuration", "{}"),
    ]);
    let address = endpoints.subsets[0].addresses.iter_mut().next().unwrap();
    address.hostname = Some("h".into());
    address.node_name = Some("n".into());
    let target = TargetRef {
        kind: Some("Pod".into()),
        namespace: Some("test".into()),
        name: Some("p".into()),
        uid: Some("u".into()),
        rest: Some(Box::new(TargetRefRest {
            api_version: Some("v1".into()),
            field_path: Some("spec.x".into()),
            resource_version: Some("7".into()),
        })),
    };
    address.target_ref = Some(target.clone());
    let mut cluster = mirrored(endpoints);
    assert_eq!(cluster.settle_mirror(), ["create IPv4 http/80: 1"]);
    let slice = only(&cluster);
    let metadata = &slice.metadata;
    assert_eq!(
        metadata.labels,
        map(&[
            ("team", "x"),
            ("kubernetes.io/service-name", "foo"),
            ("endpointslice.kubernetes.io/managed-by", MANAGED_BY),
        ])
    );
    assert_eq!(metadata.annotations, map(&[("note", "y")]));
    assert_eq!(metadata.generate_name.as_deref(), Some("foo-"));
    let owner = &metadata.owner_references[0];
    assert_eq!((&*owner.kind, &*owner.name, &*owner.uid), ("Endpoints", "foo", "endpoints-uid"));
    let endpoint = &slice.endpoints[0];
    let conditions = endpoint.conditions;
    assert_eq!(
        (conditions.ready, conditions.serving, conditions.terminating),
        (Some(true), None, None)
    );
    assert_eq!(
        (endpoint.hostname.as_deref(), endpoint.node_name.as_deref()),
        (Some("h"), Some("n"))
    );
    assert_eq!((&endpoint.zone, &endpoint.target_ref), (&None, &Some(target)));
}

#[test]
fn not_ready_addresses_are_mirrored_as_not_ready() {
    let mut cluster =
        mirrored(endpoints_by_hand(vec![subset(&["10.0.0.1"], &["10.0.0.2"], &[("http", 80)])]));
    cluster.settle_mirror();
    assert_eq!(cluster.endpoints(), ["10.0.0.1 - ready", "10.0.0.2 -"]);
}

#[test]
fn each_list_of_ports_and_each_family_has_its_slice() {
    let mut cluster = mirrored(endpoints_by_hand(vec![
        subset(&["10.0.0.1", "fd00::1"], &[], &[("http", 80)]),
        subset(&["10.0.0.2"], &[], &[("http", 3000)]),
    ]));
    let mut written = cluster.settle_mirror();
    written.sort();
    assert_eq!(
        written,
        ["create IPv4 http/3000: 1", "create IPv4 http/80: 1", "create IPv6 http/80: 1"]
    );
}

#[test]
fn one_address_with_ports_in_two_subsets_is_one_endpoint_with_both() {
    let mut cluster = mirrored(endpoints_by_hand(vec![
        subset(&["10.0.0.1"], &[], &[("a", 80)]),
        subset(&["10.0.0.1"], &[], &[("b", 90)]),
    ]));
    cluster.settle_mirror();
    assert_eq!(only(&cluster).ports.len(), 2);
}

#[test]
fn equal_ports_with_an_application_protocol_are_equal() {
    let mut subsets =
        vec![subset(&["10.0.0.1"], &[], &[("a", 80)]), subset(&["10.0.0.1"], &[], &[("a", 80)])];
    for subset in &mut subsets {
        subset.ports[0].app_protocol = Some("http".into());
    }
    let mut cluster = mirrored(endpoints_by_hand(subsets));
    cluster.settle_mirror();
    assert_eq!(only(&cluster).ports.len(), 1);
}

#[test]
fn a_subset_without_ports_makes_a_slice_without_ports() {
    let mut cluster = mirrored(endpoints_by_hand(vec![subset(&["10.0.0.1"], &[], &[])]));
    assert_eq!(cluster.settle_mirror(), ["create IPv4 no ports: 1"]);
}

#[test]
fn addresses_are_brought_into_canonical_form_and_invalid_ones_are_counted() {
    let given = endpoints_by_hand(vec![subset(
        &["::ffff:1.2.3.4", "FD00:0::A", "nonsense", "127.0.0.1"],
        &[],
        &[("http", 80)],
    )]);
    let mut cluster = mirrored(given);
    let plan = cluster.plan_mirror(1000);
    assert_eq!(plan.skipped, Skipped { invalid: 2, total: 2 });
    assert_eq!(plan.reason, Reason::MirrorInvalidIP);
    cluster.settle_mirror();
    assert_eq!(cluster.endpoints(), ["1.2.3.4 - ready", "fd00::a - ready"]);
}

#[test]
fn of_each_subset_the_first_addresses_are_taken_ready_ones_first_families_together() {
    let given = endpoints_by_hand(vec![
        subset(&["10.0.0.1", "10.0.0.9", "fd00::1"], &["10.0.0.0"], &[("http", 80)]),
        subset(&["10.1.0.1"], &[], &[("http", 81)]),
    ]);
    let plan = mirrored(given).plan_mirror(2);
    assert_eq!(plan.skipped, Skipped { invalid: 0, total: 2 });
    assert_eq!(plan.reason, Reason::MirrorTruncated);
    let mut sizes: Vec<(String, usize)> = plan
        .slices
        .create
        .iter()
        .map(|slice| (slice.address_type.to_string(), slice.endpoints.len()))
        .collect();
    sizes.sort();
    assert_eq!(sizes, [("IPv4".to_owned(), 1), ("IPv4".to_owned(), 2)]);
}

#[test]
fn endpoints_that_do_not_want_it_are_not_mirrored() {
    let mut skipping = one_address();
    skipping.metadata.labels = map(&[("endpointslice.kubernetes.io/skip-mirror", "true")]);
    let mut lock = one_address();
    lock.metadata.annotations = map(&[("control-plane.alpha.kubernetes.io/leader", "")]);
    for endpoints in [skipping, lock] {
        assert_eq!(mirrored(endpoints).settle_mirror(), Vec::<String>::new());
    }
    for value in ["false", "True", "", "invalid"] {
        let mut endpoints = one_address();
        endpoints.metadata.labels = map(&[("endpointslice.kubernetes.io/skip-mirror", value)]);
        assert_eq!(mirrored(endpoints).settle_mirror().len(), 1, "{value:?}");
    }
}

#[test]
fn only_a_service_without_selector_has_its_endpoints_mirrored() {
    let mut cluster = Cluster::new().endpoints_object(one_address());
    assert_eq!(cluster.settle_mirror(), Vec::<String>::new(), "no Service");
    cluster.see(Fact::Service(Service { external_name: true, ..bare() }));
    assert_eq!(cluster.settle_mirror(), ["create IPv4 http/80: 1"], "of any type");
    cluster.see(Fact::Service(foo()));
    assert_eq!(cluster.settle_mirror(), ["delete foo-1"], "a selector");
    cluster.see(Fact::Service(bare()));
    assert_eq!(cluster.settle_mirror(), ["create IPv4 http/80: 1"]);
    cluster.lose(Kind::Endpoints, "foo");
    assert_eq!(cluster.settle_mirror(), ["delete foo-2"]);
}

#[test]
fn a_changed_port_number_keeps_the_names_of_the_slices() {
    let both = |number| {
        endpoints_by_hand(vec![subset(&["10.0.0.1", "fd00::1"], &[], &[("http", number)])])
    };
    let mut cluster = mirrored(both(80));
    cluster.settle_mirror();
    cluster.see_endpoints(both(81));
    let mut written = cluster.settle_mirror();
    written.sort();
    assert_eq!(written.len(), 2);
    assert!(written.iter().all(|line| line.starts_with("update foo-")), "{written:?}");
}

/// kubernetes/kubernetes#121231.
#[test]
fn a_changed_port_number_leaves_each_address_in_its_slice() {
    let two = |number| {
        let one = subset(&["10.0.0.1"], &[], &[("a", number)]);
        let other = subset(&["10.0.0.2"], &[], &[("b", number)]);
        endpoints_by_hand(vec![one, other])
    };
    let placed = |cluster: &Cluster| -> Vec<(String, String)> {
        let place = |slice: &Arc<EndpointSlice>| {
            let [endpoint] = &*slice.endpoints else { panic!("{slice:#?}") };
            (slice.metadata.key.name.to_string(), endpoint.addresses[0].to_string())
        };
        slices(cluster).iter().map(place).collect()
    };
    let mut cluster = mirrored(two(80));
    cluster.settle_mirror();
    let before = placed(&cluster);
    for number in 81..89 {
        cluster.see_endpoints(two(number));
        cluster.settle_mirror();
        assert_eq!(placed(&cluster), before);
    }
}

#[test]
fn what_is_shown_already_is_not_written_again() {
    let mut cluster = mirrored(one_address());
    cluster.settle_mirror();
    let timed = edited(&cluster, |endpoints| {
        endpoints.metadata.annotations =
            map(&[("endpoints.kubernetes.io/last-change-trigger-time", "2026-01-01T00:00:00Z")]);
    });
    cluster.see_endpoints(timed);
    assert_eq!(cluster.settle_mirror(), Vec::<String>::new());
    let annotated =
        edited(&cluster, |endpoints| endpoints.metadata.annotations = map(&[("note", "x")]));
    cluster.see_endpoints(annotated);
    assert_eq!(cluster.settle_mirror(), ["update foo-1 IPv4 http/80: 1"]);
    let moved = edited(&cluster, |endpoints| {
        let addresses = endpoints.subsets[0].addresses.iter_mut();
        addresses.for_each(|address| address.node_name = Some("n".into()));
    });
    cluster.see_endpoints(moved);
    assert_eq!(cluster.settle_mirror(), ["update foo-1 IPv4 http/80: 1"]);
}

#[test]
fn recreated_endpoints_become_the_owner() {
    let mut cluster = mirrored(one_address());
    cluster.settle_mirror();
    let recreated = edited(&cluster, |endpoints| endpoints.metadata.uid = "new".into());
    cluster.see_endpoints(recreated);
    assert_eq!(cluster.settle_mirror(), ["update foo-1 IPv4 http/80: 1"]);
    assert_eq!(&*only(&cluster).metadata.owner_references[0].uid, "new");
}

#[test]
fn a_plan_counts_what_changes_for_readers_of_ports_that_are_still_wanted() {
    let mut cluster = mirrored(endpoints_by_hand(vec![
        subset(&["10.0.0.1", "10.0.0.2", "fd00::1"], &[], &[("http", 80)]),
        subset(&["10.1.0.1"], &[], &[("http", 81)]),
    ]));
    let counts = cluster.plan_mirror(2).counts.unwrap();
    assert_eq!((counts.added, counts.updated, counts.removed), (3, 0, 0));
    cluster.settle_mirror();
    // One turns not ready, one is new, the other family goes though its ports stay; other ports go.
    let change = vec![subset(&["10.0.0.2", "10.0.0.3"], &["10.0.0.1"], &[("http", 80)])];
    let changed = edited(&cluster, |endpoints| endpoints.subsets = change);
    cluster.see_endpoints(changed);
    let wanted = Counts {
        desired_endpoints: 3,
        added: 1,
        updated: 1,
        removed: 1,
        slices: 1,
        desired_slices: 1,
    };
    assert_eq!(cluster.plan_mirror(1000).counts, Some(wanted));
}

#[test]
fn endpoints_that_are_going_away_get_no_new_slices() {
    let mut going = one_address();
    going.metadata.deleting = true;
    assert_eq!(mirrored(going).settle_mirror(), Vec::<String>::new());
}

#[test]
fn of_equal_slices_the_one_that_shares_most_is_kept() {
    let mut cluster =
        mirrored(endpoints_by_hand(vec![subset(&["10.0.0.1", "10.0.0.2"], &[], &[("http", 80)])]));
    cluster.settle_mirror();
    let kept = only(&cluster);
    let mut poorer = (*kept).clone();
    poorer.metadata.key.name = "aaa".into();
    poorer.metadata.uid = "aaa-uid".into();
    poorer.endpoints.pop();
    cluster.see_slice(poorer);
    assert_eq!(cluster.settle_mirror(), ["delete aaa"]);
}

#[test]
fn a_slice_that_somebody_deletes_slowly_is_replaced_and_not_written_to() {
    let mut cluster = mirrored(one_address());
    cluster.settle_mirror();
    let mut held = (*only(&cluster)).clone();
    held.metadata.deleting = true;
    held.metadata.finalizers = vec!["example.com/wait".into()];
    cluster.see_slice(held);
    assert_eq!(cluster.settle_mirror(), ["create IPv4 http/80: 1"]);
}

#[test]
fn slices_of_others_and_odd_ones_of_ours() {
    let mut cluster = mirrored(one_address());
    cluster.settle_mirror();
    let ours = only(&cluster);
    let mut foreign = (*ours).clone();
    foreign.metadata.key.name = "foreign".into();
    foreign.metadata.uid = "foreign-uid".into();
    foreign.metadata.labels = map(&[
        ("kubernetes.io/service-name", "foo"),
        ("endpointslice.kubernetes.io/managed-by", "somebody"),
    ]);
    let mut odd = (*ours).clone();
    odd.metadata.key.name = "odd".into();
    odd.metadata.uid = "odd-uid".into();
    odd.address_type = AddressType::Other("FQDN".into());
    cluster.see_slice(foreign);
    cluster.see_slice(odd);
    assert_eq!(cluster.settle_mirror(), ["delete odd"]);
}

#[test]
fn edits_that_matter_wake_the_controller_and_are_undone() {
    let mut cluster = mirrored(one_address());
    cluster.settle_mirror();
    cluster.woken_others();
    let mut annotated = (*only(&cluster)).clone();
    annotated.metadata.annotations = map(&[("note", "x")]);
    cluster.see_slice(annotated);
    assert_eq!(cluster.woken_others(), [], "annotations wait for the next visit");
    let mut serving = (*only(&cluster)).clone();
    serving.endpoints[0].conditions.serving = Some(true);
    cluster.see_slice(serving);
    assert_eq!(
        cluster.woken_others(),
        [(Controller::EndpointSliceMirroring, "foo".to_owned(), When::AfterBatch)]
    );
    assert_eq!(cluster.settle_mirror(), ["update foo-1 IPv4 http/80: 1"]);
    assert_eq!(only(&cluster).endpoints[0].conditions.serving, None);
}

#[test]
fn endpoints_of_a_service_with_selector_wake_nobody_here() {
    let mut cluster = Cluster::new().service(foo()).pods(pods(0..1));
    cluster.woken_others();
    cluster.see_endpoints(endpoints_by_hand(vec![subset(&["10.0.0.1"], &[], &[])]));
    let woken = cluster.woken_others();
    assert!(woken.iter().all(|(controller, ..)| *controller == Controller::Endpoints), "{woken:?}");
}

#[test]
fn addresses_that_differ_in_the_uid_of_their_target_are_one_endpoint() {
    let with_uid = |uid: &str| {
        let mut address = plain_address("10.0.0.1");
        address.target_ref = Some(TargetRef {
            kind: None,
            namespace: None,
            name: Some("p".into()),
            uid: Some(uid.into()),
            rest: None,
        });
        address
    };
    let mut endpoints = one_address();
    endpoints.subsets[0].addresses = ["a", "b"].map(with_uid).into_iter().collect();
    let mut cluster = mirrored(endpoints);
    cluster.settle_mirror();
    let slice = only(&cluster);
    assert_eq!(slice.endpoints.len(), 1);
    assert_eq!(slice.endpoints[0].target_ref.as_ref().unwrap().uid.as_deref(), Some("b"));
}

#[test]
fn ports_are_in_the_order_of_kube_controller_manager() {
    let mut endpoints = one_address();
    let port = |name: &str, number: i32, protocol: &str| EndpointPort {
        name: Some(name.into()),
        protocol: Some(protocol.into()),
        port: Some(number),
        app_protocol: None,
    };
    endpoints.subsets[0].ports = vec![
        port("metrics", 9153, "TCP"),
        port("http", 80, "TCP"),
        port("dns-tcp", 53, "TCP"),
        port("https", 443, "TCP"),
        port("dns", 53, "UDP"),
    ];
    let mut cluster = mirrored(endpoints);
    cluster.settle_mirror();
    let slice = only(&cluster);
    let names: Vec<&str> = slice.ports.iter().filter_map(|port| port.name.as_deref()).collect();
    assert_eq!(names, ["dns", "https", "dns-tcp", "http", "metrics"]);
}
