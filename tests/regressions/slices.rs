//! Bugs of the EndpointSlice controller.

use serde_json::{Value, json};
use support::history::{annotations, create, labels, spec};
use support::{EndpointsView, Op, Published, SliceView, node, pod};

use super::{Case, Rewritten, Seen, Stock, web};

const ONE: &str = "10.1.0.1 Pod/one ready serving on node-a in zone-a";
const TWO: &str = "10.1.0.2 Pod/two ready serving on node-a in zone-a";
const ONLY_ONE: &str = "10.1.0.1 Pod/one on node-a; not ; ports http/TCP/9376";
const BOTH: &str =
    "10.1.0.1 Pod/one on node-a, 10.1.0.2 Pod/two on node-a; not ; ports http/TCP/9376";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const HEADLESS: &str = "service.kubernetes.io/headless";

/// All of them.
pub fn all() -> Vec<Case> {
    vec![
        slice_deleted_after_a_restart_stays_away(),
        ended_pods_stay_published(),
        zones_set_later_never_arrive(),
        late_node_gives_no_zone(),
        lost_node_keeps_its_endpoints(),
        headless_service_without_ports_is_rewritten(),
        stale_headless_label_stays(),
        new_service_relies_on_the_slice_of_an_old_one(),
        slice_held_by_a_finalizer_blocks_its_service(),
        slice_taken_over_by_somebody_blocks_its_service(),
        slice_moved_to_another_service_blocks_its_own(),
        service_recreated_at_once_has_nothing(),
        what_others_keep_on_a_slice_is_lost(),
    ]
}

/// Service `web` and its Pod `one`.
fn web_and_one() -> Vec<Op> {
    vec![create("web", json!({})), Op::pod(pod("one", "web", "10.1.0.1"))]
}

fn two() -> Op {
    Op::pod(pod("two", "web", "10.1.0.2"))
}

/// One slice and the Endpoints, with Pod `one`.
fn shows_one() -> Published {
    web(vec![SliceView::of("web", &[ONE])], Some(EndpointsView::of(&[ONLY_ONE])))
}

fn zone(zone: Value) -> Value {
    labels(json!({"topology.kubernetes.io/zone": zone}))
}

fn slice_deleted_after_a_restart_stays_away() -> Case {
    Case::new("slice-deleted-after-a-restart-stays-away", &["web"])
        .given(web_and_one(), shows_one())
        .after_restart(
            vec![Op::DeleteSlices("web")],
            shows_one(),
            Stock::stays_at(web(vec![], Some(EndpointsView::of(&[ONLY_ONE])))),
        )
}

/// kube-controller-manager does not look at the phase of a Pod that changes.
fn ended_pods_stay_published() -> Case {
    let published = web(
        vec![SliceView::of(
            "web",
            &[
                ONE,
                "10.1.0.2 Pod/never-ready on node-a in zone-a",
                "10.1.0.3 Pod/ready-to-the-end ready serving on node-a in zone-a",
            ],
        )],
        Some(EndpointsView::of(&[
            "10.1.0.1 Pod/one on node-a, 10.1.0.3 Pod/ready-to-the-end on node-a; not 10.1.0.2 Pod/never-ready on node-a; ports http/TCP/9376",
        ])),
    );
    let pods = vec![
        Op::pod(pod("never-ready", "web", "10.1.0.2").not_ready()),
        Op::pod(pod("ready-to-the-end", "web", "10.1.0.3")),
    ];
    let end = |pod, phase: &str| Op::Status("Pod", pod, json!({"phase": phase}));
    Case::new("ended-pods-stay-published", &["web"])
        .given([web_and_one(), pods].concat(), published.clone())
        .then(
            vec![end("never-ready", "Failed"), end("ready-to-the-end", "Succeeded")],
            shows_one(),
            Stock::stays_at(published),
        )
}

/// kubernetes/kubernetes#117245 and its kin.
fn zones_set_later_never_arrive() -> Case {
    let endpoints =
        "10.1.0.1 Pod/one on late-zone, 10.1.0.2 Pod/two on lost-zone; not ; ports http/TCP/9376";
    let shows = |one: &str, two: &str| {
        let slice = SliceView::of("web", &[one, two]);
        web(vec![slice], Some(EndpointsView::of(&[endpoints])))
    };
    let before = shows(
        "10.1.0.1 Pod/one ready serving on late-zone",
        "10.1.0.2 Pod/two ready serving on lost-zone in zone-x",
    );
    let after = shows(
        "10.1.0.1 Pod/one ready serving on late-zone in zone-z",
        "10.1.0.2 Pod/two ready serving on lost-zone",
    );
    let ops = vec![
        Op::Node(node("late-zone", "")),
        Op::Node(node("lost-zone", "zone-x")),
        create("web", json!({})),
        Op::pod(pod("one", "web", "10.1.0.1").on("late-zone")),
        Op::pod(pod("two", "web", "10.1.0.2").on("lost-zone")),
    ];
    Case::new("zones-set-later-never-arrive", &["web"]).given(ops, before.clone()).then(
        vec![
            Op::Patch("Node", "late-zone", zone(json!("zone-z"))),
            Op::Patch("Node", "lost-zone", zone(json!(null))),
        ],
        after,
        Stock::stays_at(before),
    )
}

fn late_node_gives_no_zone() -> Case {
    let shows = |one: &str| {
        let endpoints =
            EndpointsView::of(&["10.1.0.1 Pod/one on late-node; not ; ports http/TCP/9376"]);
        web(vec![SliceView::of("web", &[one])], Some(endpoints))
    };
    let before = shows("10.1.0.1 Pod/one ready serving on late-node");
    let ops = vec![
        create("web", json!({"publishNotReadyAddresses": true})),
        Op::pod(pod("one", "web", "10.1.0.1").on("late-node")),
    ];
    Case::new("late-node-gives-no-zone", &["web"]).given(ops, before.clone()).then(
        vec![Op::Node(node("late-node", "zone-l"))],
        shows("10.1.0.1 Pod/one ready serving on late-node in zone-l"),
        Stock::stays_at(before),
    )
}

/// The Endpoints keep the Pod: they never ask for its Node.
fn lost_node_keeps_its_endpoints() -> Case {
    let lost = "10.1.0.2 Pod/two ready serving on lost-node in zone-l";
    let shows = |lines: &[&str]| {
        let endpoints =
            "10.1.0.1 Pod/one on node-a, 10.1.0.2 Pod/two on lost-node; not ; ports http/TCP/9376";
        web(vec![SliceView::of("web", lines)], Some(EndpointsView::of(&[endpoints])))
    };
    let ops = vec![
        Op::Node(node("lost-node", "zone-l")),
        Op::pod(pod("two", "web", "10.1.0.2").on("lost-node")),
    ];
    Case::new("lost-node-keeps-its-endpoints", &["web"])
        .given([ops, web_and_one()].concat(), shows(&[ONE, lost]))
        .then(
            vec![Op::Delete("Node", "lost-node")],
            shows(&[ONE]),
            Stock::stays_at(shows(&[ONE, lost])),
        )
}

/// kubernetes/kubernetes#133474, mended in 1.36.
fn headless_service_without_ports_is_rewritten() -> Case {
    let shown = web(
        vec![SliceView::of("web", &[ONE]).on(&[]).labelled(HEADLESS, "")],
        Some(
            EndpointsView::of(&["10.1.0.1 Pod/one on node-a; not ; ports "]).labelled(HEADLESS, ""),
        ),
    );
    let touch = |value: &str| Op::Patch("Service", "web", annotations(json!({"touched": value})));
    Case::new("headless-service-without-ports-is-rewritten", &["web"])
        .given(
            vec![
                create("web", json!({"clusterIP": "None", "ports": null})),
                Op::pod(pod("one", "web", "10.1.0.1")),
            ],
            shown.clone(),
        )
        .then(
            vec![touch("once"), touch("twice"), touch("again")],
            Seen::from(shown).and("endpointslices", Rewritten::Never),
            Stock::Heals,
        )
}

/// kube-proxy passes over slices that call themselves headless.
fn stale_headless_label_stays() -> Case {
    let external = json!({"type": "ExternalName", "externalName": "example.com", "clusterIP": null, "clusterIPs": null});
    let cluster_ip = json!({"type": "ClusterIP", "externalName": null});
    let endpoints = EndpointsView::of(&[ONLY_ONE]).labelled(HEADLESS, "");
    let headless =
        web(vec![SliceView::of("web", &[ONE]).labelled(HEADLESS, "")], Some(endpoints.clone()));
    Case::new("stale-headless-label-stays", &["web"])
        .given(
            vec![
                create("web", json!({"clusterIP": "None"})),
                Op::pod(pod("one", "web", "10.1.0.1")),
            ],
            headless.clone(),
        )
        .given(vec![Op::Patch("Service", "web", spec(external))], headless.clone())
        .then(
            vec![Op::Patch("Service", "web", spec(cluster_ip))],
            web(vec![SliceView::of("web", &[ONE])], Some(endpoints)),
            Stock::stays_at(headless),
        )
}

/// The garbage collector is going to take that slice away.
fn new_service_relies_on_the_slice_of_an_old_one() -> Case {
    let shows = |slice| web(vec![slice], Some(EndpointsView::of(&[])));
    Case::new("new-service-relies-on-the-slice-of-an-old-one", &["web"])
        .given(vec![create("web", json!({}))], shows(SliceView::of("web", &[])))
        .then(
            vec![Op::Delete("Service", "web"), create("web", json!({}))],
            shows(SliceView::of("web", &[])),
            Stock::stays_at(shows(SliceView::of("web", &[]).of_old())),
        )
}

/// kubernetes/kubernetes#109624: a deletion timestamp does not settle what the stock manager waits
/// for.
fn slice_held_by_a_finalizer_blocks_its_service() -> Case {
    let finalizer = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    let held = SliceView::of("web", &[ONE]).held();
    let both = EndpointsView::of(&[BOTH]);
    Case::new("slice-held-by-a-finalizer-blocks-its-service", &["web"])
        .given(web_and_one(), shows_one())
        .then(
            vec![Op::EditSlices("web", finalizer), Op::DeleteSlices("web"), two()],
            web(vec![held.clone(), SliceView::of("web", &[ONE, TWO])], Some(both.clone())),
            Stock::stays_at(web(vec![held], Some(both))),
        )
}

fn slice_taken_over_by_somebody_blocks_its_service() -> Case {
    let foreign = SliceView::of("web", &[ONE]).labelled(MANAGED_BY, "somebody");
    let both = EndpointsView::of(&[BOTH]);
    Case::new("slice-taken-over-by-somebody-blocks-its-service", &["web"])
        .given(web_and_one(), shows_one())
        .then(
            vec![Op::EditSlices("web", labels(json!({MANAGED_BY: "somebody"}))), two()],
            web(vec![foreign.clone(), SliceView::of("web", &[ONE, TWO])], Some(both.clone())),
            Stock::stays_at(web(vec![foreign], Some(both))),
        )
}

fn slice_moved_to_another_service_blocks_its_own() -> Case {
    let both = EndpointsView::of(&[BOTH]);
    let elsewhere = |published: Published| {
        let moved = SliceView::of("web", &[ONE]).labelled(SERVICE_NAME, "elsewhere").of_old();
        published.with_slice("elsewhere", moved)
    };
    Case::new("slice-moved-to-another-service-blocks-its-own", &["web", "elsewhere"])
        .given(web_and_one(), shows_one())
        .then(
            vec![Op::EditSlices("web", labels(json!({SERVICE_NAME: "elsewhere"}))), two()],
            elsewhere(web(vec![SliceView::of("web", &[ONE, TWO])], Some(both.clone()))),
            Stock::stays_at(elsewhere(web(vec![], Some(both)))),
        )
}

/// kubernetes/kubernetes#47711 and #94720 are mended; #141592 is the race that is left.
fn service_recreated_at_once_has_nothing() -> Case {
    let again = [Op::Delete("Service", "web"), create("web", json!({}))];
    Case::new("service-recreated-at-once-has-nothing", &["web"])
        .given(web_and_one(), shows_one())
        .then(
            again.iter().cycle().take(10).cloned().collect(),
            shows_one(),
            Stock::Races("it sticks if an answer is late (kubernetes/kubernetes#141592)"),
        )
}

/// kubernetes/kubernetes#108267: of the slice that becomes the empty one only the name is left.
fn what_others_keep_on_a_slice_is_lost() -> Case {
    let kept = annotations(json!({"note": "mine"}));
    let empty = SliceView::of("web", &[]);
    let endpoints = Some(EndpointsView::of(&[]));
    Case::new("what-others-keep-on-a-slice-is-lost", &["web"])
        .given(web_and_one(), shows_one())
        .then(
            vec![Op::EditSlices("web", kept), Op::Delete("Pod", "one")],
            web(vec![empty.clone().annotated("note", "mine")], endpoints.clone()),
            Stock::stays_at(web(vec![empty], endpoints)),
        )
}
