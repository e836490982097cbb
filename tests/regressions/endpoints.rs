//! Bugs of the Endpoints controller.

use serde_json::{Value, json};
use support::history::{create, pods};
use support::{EndpointsView, Op, Published, SliceView, pod};

use super::{Case, Rewritten, Seen, Stock, web};

/// All of them, but that ended Pods stay listed: that is among those of slices.
pub fn all() -> Vec<Case> {
    vec![
        more_than_a_thousand_addresses(),
        refused_creation_is_told_in_the_wrong_namespace(),
        pod_without_a_node_blocks_all_others(),
    ]
}

/// 1001 Pods, one more than Endpoints hold, of two Services: one leads to a number, one to a named
/// port.
fn more_than_a_thousand_addresses() -> Case {
    let to_port = |port: Value| {
        json!({
            "selector": {"app": "many"},
            "ports": [{"name": "http", "port": 80, "targetPort": port}],
        })
    };
    let services =
        vec![create("numbered", to_port(json!(9376))), create("named", to_port(json!("web")))];
    let crowd = Crowd::new(1001);
    let all = crowd.shown(crowd.first_thousand());
    let last = crowd.last();
    let flips = ["False", "True", "False", "True", "False", "True"];
    let gone = |first: usize, last: usize| {
        let delete = |number| Op::Delete("Pod", format!("many-{number}").leak());
        Op::AtOnce((first..=last).map(delete).collect())
    };
    let rest = crowd.without(1);
    let few = crowd.without(101);
    Case::new("more-than-a-thousand-addresses", &["numbered", "named"])
        .given([services, vec![Op::AtOnce(pods("many", 1001))]].concat(), all.clone())
        // The Pod that flips has no place among the thousand. The stock manager compares with the
        // uncut list, so every sync is a PUT.
        .then(
            flips.map(|ready| Op::Readiness(last, ready)).into(),
            Seen::from(all.clone()).and("endpoints", Rewritten::Never),
            Stock::stays_at(Seen::from(all).and("endpoints", Rewritten::Again)),
        )
        // A Pod alone on its port is cut away and leaves a subset of nothing, which the server refuses.
        .then(
            vec![Op::pod(odd()), gone(1, 1)],
            with_odd(rest.shown(rest.first_thousand())),
            Stock::stays_at(with_odd(rest.shown(crowd.first_thousand()))),
        )
        // Writes that changed nothing once locked such Endpoints for ever
        // (kubernetes/kubernetes#126578, #127370).
        .then(
            vec![Op::Delete("Pod", "odd"), gone(2, 101)],
            few.shown(few.endpoints()),
            Stock::Heals,
        )
}

/// Its named port has a number that no other Pod's has.
fn odd() -> support::PodObject {
    let ports = json!([{"name": "web", "containerPort": 9090}]);
    let containers = json!({"containers": [{"name": "main", "image": "i", "ports": ports}]});
    pod("odd", "many", "10.3.0.1").not_ready().with_spec(containers)
}

/// With the odd Pod in the slices.
fn with_odd(published: Published) -> Published {
    let slice = |service, port| {
        SliceView::of(service, &["10.3.0.1 Pod/odd on node-a in zone-a"]).on(&[port])
    };
    published
        .with_slice("numbered", slice("numbered", "http/TCP/9376"))
        .with_slice("named", slice("named", "http/TCP/9090"))
}

/// Pods `many-1`, `many-2`, …, by the text of their IPs.
struct Crowd(Vec<(String, usize)>);

impl Crowd {
    fn new(count: usize) -> Self {
        let ip = |number: usize| format!("10.2.{}.{}", number / 250, number % 250 + 1);
        let mut pods: Vec<_> = (1..=count).map(|number| (ip(number), number)).collect();
        pods.sort();
        Self(pods)
    }

    /// Without those up to a number.
    fn without(&self, last: usize) -> Self {
        Self(self.0.iter().filter(|(_, number)| *number > last).cloned().collect())
    }

    /// The name of the Pod that is cut first.
    fn last(&self) -> &'static str {
        let (_, number) = &self.0[self.0.len() - 1];
        format!("many-{number}").leak()
    }

    /// Endpoints with all of them.
    fn endpoints(&self) -> EndpointsView {
        let address = |(ip, number): &(String, usize)| format!("{ip} Pod/many-{number} on node-a");
        let addresses: Vec<String> = self.0.iter().take(1000).map(address).collect();
        EndpointsView::of(&[&format!("{}; not ; ports http/TCP/9376", addresses.join(", "))])
    }

    /// Endpoints with a thousand of them, and somebody left out.
    fn first_thousand(&self) -> EndpointsView {
        self.endpoints().annotated("endpoints.kubernetes.io/over-capacity", "truncated")
    }

    /// What both Services show: these in the slices, and the Endpoints of `named`.
    fn shown(&self, named: EndpointsView) -> Published {
        let line = |(ip, number): &(String, usize)| {
            format!("{ip} Pod/many-{number} ready serving on node-a in zone-a")
        };
        let lines: Vec<String> = self.0.iter().map(line).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let numbered = match named.annotations.is_empty() {
            true => self.endpoints(),
            false => self.first_thousand(),
        };
        Published::default()
            .with_slice("numbered", SliceView::of("numbered", &lines))
            .with_slice("named", SliceView::of("named", &lines))
            .with_endpoints("numbered", numbered)
            .with_endpoints("named", named)
    }
}

/// An Endpoints object that is yet to be created has no namespace, so the event goes to `default`.
fn refused_creation_is_told_in_the_wrong_namespace() -> Case {
    let none = json!({"count/endpoints": "0"});
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "no-endpoints"}, "spec": {"hard": none},
    });
    let in_force = Op::Status("ResourceQuota", "no-endpoints", json!({"hard": none, "used": none}));
    // Of all cases only this one has a Service of this name.
    let refused = json!({"selector": {"app": "web"}});
    let shown = |events: &[&str]| {
        let slices = Published::default().with_slice("refused", SliceView::of("refused", &[]));
        Seen::from(slices).and_events(events)
    };
    Case::new("refused-creation-is-told-in-the-wrong-namespace", &["refused"])
        .given(vec![Op::Create(quota), in_force], Published::default())
        .then(
            vec![create("refused", refused)],
            shown(&["its own: FailedToCreateEndpoint"]),
            Stock::stays_at(shown(&["default: FailedToCreateEndpoint"])),
        )
}

/// The stock manager writes an empty node name, which the server refuses.
fn pod_without_a_node_blocks_all_others() -> Case {
    let one = "10.1.0.1 Pod/one ready serving on node-a in zone-a";
    let nowhere = "10.1.0.2 Pod/nowhere ready serving";
    let only_one = EndpointsView::of(&["10.1.0.1 Pod/one on node-a; not ; ports http/TCP/9376"]);
    let both = EndpointsView::of(&[
        "10.1.0.1 Pod/one on node-a, 10.1.0.2 Pod/nowhere; not ; ports http/TCP/9376",
    ]);
    let without_node = pod("nowhere", "web", "10.1.0.2").with_spec(json!({"nodeName": null}));
    let slices = vec![SliceView::of("web", &[one, nowhere])];
    Case::new("pod-without-a-node-blocks-all-others", &["web"])
        .given(
            vec![
                create("web", json!({"publishNotReadyAddresses": true})),
                Op::pod(pod("one", "web", "10.1.0.1")),
            ],
            web(vec![SliceView::of("web", &[one])], Some(only_one.clone())),
        )
        .then(
            vec![Op::pod(without_node)],
            web(slices.clone(), Some(both)),
            Stock::stays_at(web(slices, Some(only_one))),
        )
}
