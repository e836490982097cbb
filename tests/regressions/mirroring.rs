//! Bugs of the mirroring controller. Service `web` has no selector, and Endpoints written by hand.

use serde_json::{Value, json};
use support::history::{annotations, by_hand, create, labels, spec};
use support::{EndpointsView, Op, SliceView};

use super::{Case, Rewritten, Seen, Stock, web};

const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const HTTP: &str = "http/TCP/80";
const ONE: &str = "10.5.0.1 ready serving? terminating?";
const TWO: &str = "10.5.0.2 ready serving? terminating?";

/// All of them.
pub fn all() -> Vec<Case> {
    vec![
        not_ready_addresses_are_mirrored_as_ready(),
        new_labels_and_annotations_are_not_mirrored(),
        one_address_on_two_ports_is_mirrored_twice(),
        new_selector_leaves_the_mirror_behind(),
        mirror_of_endpoints_recreated_while_down_goes(),
        mirror_deleted_after_a_restart_stays_away(),
        mirror_taken_over_by_somebody_is_never_replaced(),
        mirror_moved_to_another_service_is_never_replaced(),
        equal_ports_with_a_protocol_are_refused(),
        mirror_without_ports_is_rewritten(),
        mirror_held_while_its_endpoints_are_recreated_is_never_replaced(),
        mirror_with_a_finalizer_deleted_is_not_replaced(),
    ]
}

/// A Service without a selector, and its Endpoints.
fn bare(subsets: Value) -> Vec<Op> {
    vec![create("web", json!({"selector": null})), by_hand("web", subsets)]
}

fn http(ips: &[&str]) -> Value {
    json!([{"addresses": addresses(ips), "ports": [{"name": "http", "port": 80}]}])
}

fn addresses(ips: &[&str]) -> Vec<Value> {
    ips.iter().map(|ip| json!({"ip": ip})).collect()
}

fn edit(patch: Value) -> Op {
    Op::Patch("Endpoints", "web", patch)
}

/// A mirror of the address `10.5.0.1`, and of `10.5.0.2` in `both`.
fn one() -> SliceView {
    SliceView::mirrored("web", &[HTTP], &[ONE])
}

fn both() -> SliceView {
    SliceView::mirrored("web", &[HTTP], &[ONE, TWO])
}

fn one_by_hand() -> EndpointsView {
    EndpointsView::by_hand(&["10.5.0.1; not ; ports http/TCP/80"])
}

fn both_by_hand() -> EndpointsView {
    EndpointsView::by_hand(&["10.5.0.1, 10.5.0.2; not ; ports http/TCP/80"])
}

/// A case that begins with one address and its mirror.
fn mirrored(name: &'static str) -> Case {
    let shown = web(vec![one()], Some(one_by_hand()));
    Case::new(name, &["web"]).given(bare(http(&["10.5.0.1"])), shown)
}

/// kubernetes/kubernetes#102683, mended in 1.22.
fn not_ready_addresses_are_mirrored_as_ready() -> Case {
    let subsets = json!([{
        "addresses": addresses(&["10.5.0.1"]),
        "notReadyAddresses": addresses(&["10.5.0.2"]),
        "ports": [{"name": "http", "port": 80}],
    }]);
    let slice = SliceView::mirrored("web", &[HTTP], &[ONE, "10.5.0.2 serving? terminating?"]);
    let endpoints = EndpointsView::by_hand(&["10.5.0.1; not 10.5.0.2; ports http/TCP/80"]);
    Case::new("not-ready-addresses-are-mirrored-as-ready", &["web"]).then(
        bare(subsets),
        web(vec![slice], Some(endpoints)),
        Stock::Heals,
    )
}

/// kubernetes/kubernetes#98026 and #98116, mended in 1.21.
fn new_labels_and_annotations_are_not_mirrored() -> Case {
    let endpoints = one_by_hand().labelled("team", "x").annotated("note", "y");
    mirrored("new-labels-and-annotations-are-not-mirrored").then(
        vec![edit(labels(json!({"team": "x"}))), edit(annotations(json!({"note": "y"})))],
        web(vec![one().labelled("team", "x").annotated("note", "y")], Some(endpoints)),
        Stock::Heals,
    )
}

/// kubernetes/kubernetes#114155, mended in 1.27.
fn one_address_on_two_ports_is_mirrored_twice() -> Case {
    let subset = |name: &str, port: i32| json!({"addresses": addresses(&["10.5.0.1"]), "ports": [{"name": name, "port": port}]});
    let slice = SliceView::mirrored("web", &["a/TCP/80", "b/TCP/90"], &[ONE]);
    let endpoints = EndpointsView::by_hand(&[
        "10.5.0.1; not ; ports a/TCP/80",
        "10.5.0.1; not ; ports b/TCP/90",
    ]);
    Case::new("one-address-on-two-ports-is-mirrored-twice", &["web"]).then(
        bare(json!([subset("a", 80), subset("b", 90)])),
        web(vec![slice], Some(endpoints)),
        Stock::Heals,
    )
}

/// kubernetes/kubernetes#105987, mended in 1.23.
fn new_selector_leaves_the_mirror_behind() -> Case {
    let selector = spec(json!({"selector": {"app": "web"}}));
    mirrored("new-selector-leaves-the-mirror-behind").then(
        vec![Op::Patch("Service", "web", selector)],
        web(vec![SliceView::of("web", &[])], Some(EndpointsView::of(&[]))),
        Stock::Heals,
    )
}

/// kubernetes/kubernetes#125354, mended in 1.31.
fn mirror_of_endpoints_recreated_while_down_goes() -> Case {
    mirrored("mirror-of-endpoints-recreated-while-down-goes").while_down(
        vec![Op::DeleteEndpoints("web"), by_hand("web", http(&["10.5.0.1"]))],
        web(vec![one()], Some(one_by_hand())),
        Stock::Heals,
    )
}

/// kubernetes/kubernetes#112143, mended.
fn mirror_deleted_after_a_restart_stays_away() -> Case {
    mirrored("mirror-deleted-after-a-restart-stays-away").after_restart(
        vec![Op::DeleteSlices("web")],
        web(vec![one()], Some(one_by_hand())),
        Stock::Heals,
    )
}

fn mirror_taken_over_by_somebody_is_never_replaced() -> Case {
    let foreign = one().labelled(MANAGED_BY, "somebody");
    mirrored("mirror-taken-over-by-somebody-is-never-replaced").then(
        vec![
            Op::EditSlices("web", labels(json!({MANAGED_BY: "somebody"}))),
            edit(json!({"subsets": http(&["10.5.0.1", "10.5.0.2"])})),
        ],
        web(vec![foreign.clone(), both()], Some(both_by_hand())),
        Stock::stays_at(web(vec![foreign], Some(both_by_hand()))),
    )
}

/// The other Service has no Endpoints, so nothing is mirrored there.
fn mirror_moved_to_another_service_is_never_replaced() -> Case {
    let moved = labels(json!({"kubernetes.io/service-name": "elsewhere"}));
    let mut case = mirrored("mirror-moved-to-another-service-is-never-replaced").then(
        vec![
            Op::EditSlices("web", moved),
            edit(json!({"subsets": http(&["10.5.0.1", "10.5.0.2"])})),
        ],
        web(vec![both()], Some(both_by_hand())),
        Stock::stays_at(web(vec![], Some(both_by_hand()))),
    );
    case.services.push("elsewhere");
    case
}

/// The stock manager compares the pointers to the protocols, takes one port for two, and the server
/// refuses the slice.
fn equal_ports_with_a_protocol_are_refused() -> Case {
    let subset = |ips: &[&str]| {
        json!({
            "addresses": addresses(ips),
            "ports": [{"name": "http", "port": 80, "appProtocol": "http"}],
        })
    };
    let slice = SliceView::mirrored("web", &["http/TCP/80 http"], &[ONE]);
    let endpoints = EndpointsView::by_hand(&[
        "10.5.0.1; not ; ports http/TCP/80 http",
        "10.5.0.1; not ; ports http/TCP/80 http",
    ]);
    let subsets = json!([subset(&["10.5.0.1"]), subset(&["10.5.0.1"])]);
    Case::new("equal-ports-with-a-protocol-are-refused", &["web"]).then(
        bare(subsets),
        web(vec![slice], Some(endpoints.clone())),
        Stock::stays_at(web(vec![], Some(endpoints))),
    )
}

/// kubernetes/kubernetes#133474, mended in 1.36.
fn mirror_without_ports_is_rewritten() -> Case {
    let slice = SliceView::mirrored("web", &[], &[ONE]);
    let shown = web(vec![slice], Some(EndpointsView::by_hand(&["10.5.0.1; not ; ports "])));
    // It is not mirrored, so it leads to a sync and to no change.
    let touch = |time: &str| {
        edit(annotations(json!({"endpoints.kubernetes.io/last-change-trigger-time": time})))
    };
    Case::new("mirror-without-ports-is-rewritten", &["web"])
        .given(bare(json!([{"addresses": addresses(&["10.5.0.1"])}])), shown.clone())
        .then(
            vec![touch("2026-01-02T03:04:05Z"), touch("2026-01-02T03:04:06Z")],
            Seen::from(shown).and("endpointslices", Rewritten::Never),
            Stock::Heals,
        )
}

fn held() -> Op {
    Op::EditSlices("web", json!({"metadata": {"finalizers": ["example.com/hold"]}}))
}

fn mirror_held_while_its_endpoints_are_recreated_is_never_replaced() -> Case {
    let name = "mirror-held-while-its-endpoints-are-recreated-is-not-replaced";
    mirrored(name)
        .given(vec![held(), Op::DeleteEndpoints("web")], web(vec![one().of_old().held()], None))
        .then(
            vec![by_hand("web", http(&["10.5.0.1", "10.5.0.2"]))],
            web(vec![one().of_old().held(), both()], Some(both_by_hand())),
            Stock::Races("it writes to the slice that goes, and sticks more often than not"),
        )
}

fn mirror_with_a_finalizer_deleted_is_not_replaced() -> Case {
    mirrored("mirror-with-a-finalizer-deleted-is-not-replaced").then(
        vec![held(), Op::DeleteSlices("web")],
        web(vec![one().held(), one()], Some(one_by_hand())),
        Stock::stays_at(web(vec![one().held()], Some(one_by_hand()))),
    )
}
