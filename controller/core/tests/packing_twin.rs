//! The packer and its naive twin. The twin only says which endpoints a Service has; whatever is
//! done to Pods, Service and slices, the slices must hold exactly those, each once, packed by the
//! rules, and planning again must find nothing to do.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use controller_core::facts::pod::Phase;
use controller_core::facts::{
    AddressType, ContainerKind, Endpoint, EndpointSlice, Fact, IpFamily, Pod, PodAddress, Service,
    ServicePort, TargetPort,
};
use controller_core::key::{Kind, NamespacedName};
use proptest::prelude::*;
use support::{Cluster, OURS, declares, foo, map, pod, port};

/// Something that happens.
#[derive(Clone, Debug)]
enum Op {
    /// A Pod of this number is there, with these properties.
    Pod(u8, PodState),
    /// The Pod of this number is gone.
    NoPod(u8),
    /// The Service has these families.
    Families(Vec<IpFamily>),
    /// The Service has these target ports.
    Target(Target),
    /// `publishNotReadyAddresses`.
    PublishNotReady(bool),
    /// A label of the Service has this value.
    Label(u8),
    /// Somebody does something to one of the slices.
    Vandalism(u8, Vandalism),
    /// `--max-endpoints-per-slice` is another after a restart.
    Max(usize),
}

#[derive(Clone, Debug)]
struct PodState {
    ips: &'static str,
    ready: bool,
    deleting: bool,
    phase: Phase,
    matches: bool,
    web: Option<i32>,
}

#[derive(Clone, Copy, Debug)]
enum Target {
    Number(i32),
    Web,
    WebAndNumber(i32),
}

impl Target {
    fn ports(self) -> Vec<ServicePort> {
        let web = port("web", TargetPort::Name("web".into()));
        let numbered = |number| port("http", TargetPort::Number(number));
        match self {
            Target::Number(number) => vec![numbered(number)],
            Target::Web => vec![web],
            Target::WebAndNumber(number) => vec![web, numbered(number)],
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Vandalism {
    DropsAnEndpoint,
    DoublesAnEndpoint,
    AddsOneOfAnotherSlice,
    UnreadiesAnEndpoint,
    DropsALabel,
    TakesItOver,
    OrphansIt,
    DeletesIt,
}

fn op() -> impl Strategy<Value = Op> {
    let families = prop_oneof![
        Just(vec![IpFamily::V4]),
        Just(vec![IpFamily::V6]),
        Just(vec![IpFamily::V4, IpFamily::V6]),
    ];
    let target = prop_oneof![
        Just(Target::Number(80)),
        Just(Target::Number(81)),
        Just(Target::Web),
        Just(Target::WebAndNumber(80)),
    ];
    prop_oneof![
        12 => (0..30_u8, pod_state()).prop_map(|(number, state)| Op::Pod(number, state)),
        4 => (0..30_u8).prop_map(Op::NoPod),
        1 => families.prop_map(Op::Families),
        1 => target.prop_map(Op::Target),
        1 => any::<bool>().prop_map(Op::PublishNotReady),
        1 => (0..3_u8).prop_map(Op::Label),
        3 => (any::<u8>(), vandalism()).prop_map(|(slice, how)| Op::Vandalism(slice, how)),
        1 => (1..8_usize).prop_map(Op::Max),
    ]
}

fn pod_state() -> impl Strategy<Value = PodState> {
    let ips = prop_oneof![6 => Just("4"), 3 => Just("4,6"), 1 => Just("6"), 1 => Just("")];
    let phase =
        prop_oneof![8 => Just(Phase::Live), 1 => Just(Phase::Failed), 1 => Just(Phase::Succeeded)];
    let web = prop_oneof![Just(None), Just(Some(8080)), Just(Some(8081))];
    (ips, any::<bool>(), prop::bool::weighted(0.2), phase, prop::bool::weighted(0.9), web).prop_map(
        |(ips, ready, deleting, phase, matches, web)| PodState {
            ips,
            ready,
            deleting,
            phase,
            matches,
            web,
        },
    )
}

fn vandalism() -> impl Strategy<Value = Vandalism> {
    prop_oneof![
        Just(Vandalism::DropsAnEndpoint),
        Just(Vandalism::DoublesAnEndpoint),
        Just(Vandalism::AddsOneOfAnotherSlice),
        Just(Vandalism::UnreadiesAnEndpoint),
        Just(Vandalism::DropsALabel),
        Just(Vandalism::TakesItOver),
        Just(Vandalism::OrphansIt),
        Just(Vandalism::DeletesIt),
    ]
}

/// A family and the ports of a slice: name and number.
type Group = (AddressType, Vec<(String, i32)>);
/// An endpoint: Pod, address, ready, serving, terminating.
type Line = (String, String, bool, bool, bool);

/// The world as the twin sees it: no slices, only what should come of it.
struct Twin {
    service: Service,
    pods: BTreeMap<u8, Pod>,
}

impl Twin {
    fn endpoints(&self) -> BTreeMap<Group, Vec<Line>> {
        let mut groups: BTreeMap<Group, Vec<Line>> = BTreeMap::new();
        for family in &self.service.ip_families {
            for pod in self.pods.values().filter(|pod| self.publishes(pod)) {
                if let Some(address) = address(pod, *family) {
                    let group = (AddressType::Ip(*family), self.ports(pod));
                    groups.entry(group).or_default().push(self.line(pod, address));
                }
            }
        }
        groups.values_mut().for_each(|lines| lines.sort());
        groups
    }

    fn publishes(&self, pod: &Pod) -> bool {
        pod.planning.phase == Phase::Live
            && pod.labels.get("app").is_some_and(|app| &**app == "foo")
    }

    fn line(&self, pod: &Pod, address: String) -> Line {
        let Pod { planning, .. } = pod;
        let ready =
            self.service.publish_not_ready_addresses || planning.ready && !planning.deleting;
        (pod.key.name.to_string(), address, ready, planning.ready, planning.deleting)
    }

    /// By name: the twin does not know in which order ports are written.
    fn ports(&self, pod: &Pod) -> Vec<(String, i32)> {
        let number = |port: &ServicePort| match &port.target_port {
            TargetPort::Number(number) => Some(*number),
            TargetPort::Name(_) => pod.planning.ports.first().map(|port| port.number),
        };
        let ports = self.service.ports.iter();
        let mut ports: Vec<(String, i32)> =
            ports.filter_map(|port| Some((port.name.to_string(), number(port)?))).collect();
        ports.sort();
        ports
    }
}

fn address(pod: &Pod, family: IpFamily) -> Option<String> {
    pod.planning.addresses.iter().find_map(|address| match address {
        PodAddress::Usable { family: of, text, .. } if *of == family => Some(text.to_string()),
        _ => None,
    })
}

/// The real thing beside its twin.
struct Pair {
    cluster: Cluster,
    twin: Twin,
}

impl Pair {
    fn new() -> Self {
        let twin = Twin { service: foo(), pods: BTreeMap::new() };
        Self { cluster: Cluster::new().with_max(4).service(foo()), twin }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Pod(number, state) => self.see_pod(*number, state),
            Op::NoPod(number) => {
                if let Some(pod) = self.twin.pods.remove(number) {
                    self.cluster.lose(Kind::Pod, &pod.key.name);
                }
            }
            Op::Families(families) => self.edit(|service| service.ip_families = families.clone()),
            Op::Target(target) => self.edit(|service| service.ports = target.ports()),
            Op::PublishNotReady(on) => {
                self.edit(|service| service.publish_not_ready_addresses = *on)
            }
            Op::Label(value) => {
                self.edit(|service| service.labels = map(&[("tier", &value.to_string())]));
            }
            Op::Vandalism(which, how) => self.vandalise(usize::from(*which), *how),
            Op::Max(max) => self.cluster.max = *max,
        }
    }

    fn see_pod(&mut self, number: u8, state: &PodState) {
        let ips: Vec<String> = state
            .ips
            .split(',')
            .filter(|family| !family.is_empty())
            .map(|family| match family {
                "4" => format!("10.1.0.{}", number + 1),
                _ => format!("fd00::{}", number + 1),
            })
            .collect();
        let mut seen = pod(&format!("pod-{number:02}"), &ips.join(","));
        seen.planning.ready = state.ready;
        seen.planning.deleting = state.deleting;
        seen.planning.phase = state.phase;
        if !state.matches {
            seen.labels = map(&[("app", "other")]);
        }
        if let Some(web) = state.web {
            seen = declares(seen, &[("web", web, ContainerKind::Main)]);
        }
        self.twin.pods.insert(number, seen.clone());
        self.cluster.see(Fact::Pod(seen));
    }

    fn edit(&mut self, change: impl FnOnce(&mut Service)) {
        change(&mut self.twin.service);
        self.cluster.see(Fact::Service(self.twin.service.clone()));
    }

    fn vandalise(&mut self, which: usize, how: Vandalism) {
        let slices = self.slices();
        let Some(victim) = slices.get(which % slices.len().max(1)) else {
            return;
        };
        let mut slice = (**victim).clone();
        match how {
            Vandalism::DropsAnEndpoint => drop(slice.endpoints.pop()),
            Vandalism::DoublesAnEndpoint => {
                slice.endpoints.extend(slice.endpoints.first().cloned())
            }
            Vandalism::AddsOneOfAnotherSlice => {
                let other = &slices[(which + 1) % slices.len()];
                slice.endpoints.extend(other.endpoints.first().cloned());
            }
            Vandalism::UnreadiesAnEndpoint => {
                slice.endpoints.iter_mut().take(1).for_each(|first| first.conditions.ready = None);
            }
            Vandalism::DropsALabel => slice.metadata.labels = without(&slice, "tier"),
            Vandalism::TakesItOver => {
                slice.metadata.labels = without(&slice, "endpointslice.kubernetes.io/managed-by");
            }
            Vandalism::OrphansIt => {
                slice.metadata.labels = without(&slice, "kubernetes.io/service-name");
            }
            Vandalism::DeletesIt => {
                return self.cluster.lose(Kind::EndpointSlice, &slice.metadata.key.name);
            }
        }
        self.cluster.see_slice(slice);
    }

    /// The slices that are ours.
    fn slices(&self) -> Vec<Arc<EndpointSlice>> {
        let mut slices = self.cluster.index.slices_of(&NamespacedName::new("test", "foo"));
        slices.retain(|slice| slice.managed_by() == Some(OURS));
        slices
    }

    fn published(&self) -> BTreeMap<Group, Vec<Line>> {
        let mut groups: BTreeMap<Group, Vec<Line>> = BTreeMap::new();
        for slice in self.slices().iter().filter(|slice| !slice.endpoints.is_empty()) {
            groups.entry(group(slice)).or_default().extend(slice.endpoints.iter().map(line));
        }
        groups.values_mut().for_each(|lines| lines.sort());
        groups
    }

    /// Plans, carries out, plans again, and compares with the twin.
    fn settle(&mut self) {
        let before: Before =
            self.slices().iter().map(|slice| (name(slice), slice.clone())).collect();
        self.cluster.settle();
        assert_eq!(self.published(), self.twin.endpoints());
        self.check_growth(&before);
        self.check_new_slices(&before);
        for family in &self.twin.service.ip_families {
            self.check_placeholder(*family, &before);
        }
    }

    /// A slice above the limit is one that took nothing in.
    fn check_growth(&self, before: &Before) {
        for slice in self.slices() {
            let (size, max) = (slice.endpoints.len(), self.cluster.max);
            let grew = slice.endpoints.iter().any(|endpoint| !stood(before, &slice, endpoint));
            assert!(size <= max || !grew, "{} grew to {size}, over {max}", name(&slice));
        }
    }

    /// Of the slices of new endpoints only, in one set of ports, all but one are full. A new slice
    /// may bear the name of one that went.
    fn check_new_slices(&self, before: &Before) {
        let mut with_room: BTreeMap<Group, usize> = BTreeMap::new();
        for slice in self.slices() {
            let new = !slice.endpoints.iter().any(|endpoint| stood(before, &slice, endpoint));
            if new && (1..self.cluster.max).contains(&slice.endpoints.len()) {
                *with_room.entry(group(&slice)).or_default() += 1;
            }
        }
        let needed = with_room.values().all(|count| *count == 1);
        assert!(needed, "more new slices than needed: {with_room:?}");
    }

    /// A family without endpoints has one slice without ports. Only slices that somebody else
    /// emptied may stand for it instead: they stay while a Pod, even one without an address of the
    /// family, serves their ports.
    fn check_placeholder(&self, family: IpFamily, before: &Before) {
        let mut slices = self.slices();
        slices.retain(|slice| slice.address_type == AddressType::Ip(family));
        if slices.iter().any(|slice| !slice.endpoints.is_empty()) {
            return;
        }
        let emptied = !slices.is_empty() && slices.iter().all(|slice| was_empty(before, slice));
        let one = matches!(&slices[..], [only] if only.ports.is_empty());
        assert!(
            one || emptied,
            "{family} should have one placeholder: {:?}",
            self.cluster.slices()
        );
    }
}

/// Our slices as they stood before a plan, by name.
type Before = BTreeMap<String, Arc<EndpointSlice>>;

/// Whether the endpoint of a slice stood there before, with the same ports.
fn stood(before: &Before, slice: &EndpointSlice, endpoint: &Endpoint) -> bool {
    let same = |old: &Endpoint| {
        let name = |of: &Endpoint| of.target_ref.as_ref().and_then(|target| target.name.clone());
        old.addresses == endpoint.addresses && name(old) == name(endpoint)
    };
    let old = before.get(&name(slice)).filter(|old| group(old) == group(slice));
    old.is_some_and(|old| old.endpoints.iter().any(same))
}

fn was_empty(before: &Before, slice: &EndpointSlice) -> bool {
    let old = before.get(&name(slice));
    old.is_some_and(|old| old.endpoints.is_empty() && group(old) == group(slice))
}

fn without(slice: &EndpointSlice, label: &str) -> controller_core::facts::Labels {
    let kept = slice.metadata.labels.iter().filter(|(key, _)| &***key != label);
    Arc::new(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn name(slice: &EndpointSlice) -> String {
    slice.metadata.key.name.to_string()
}

fn group(slice: &EndpointSlice) -> Group {
    let ports = slice
        .ports
        .iter()
        .map(|port| (port.name.as_deref().unwrap_or("-").to_owned(), port.port.unwrap_or(0)));
    let mut ports: Vec<(String, i32)> = ports.collect();
    ports.sort();
    (slice.address_type.clone(), ports)
}

fn line(endpoint: &Endpoint) -> Line {
    let pod = endpoint.target_ref.as_ref().and_then(|target| target.name.as_deref());
    let on = |condition: Option<bool>| condition.unwrap();
    (
        pod.unwrap().to_owned(),
        endpoint.addresses.join(","),
        on(endpoint.conditions.ready),
        on(endpoint.conditions.serving),
        on(endpoint.conditions.terminating),
    )
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn slices_hold_what_the_twin_says_after_every_change(
        ops in prop::collection::vec(op(), 1..60)
    ) {
        let mut pair = Pair::new();
        for op in &ops {
            pair.apply(op);
            pair.settle();
        }
    }

    #[test]
    fn slices_hold_what_the_twin_says_when_many_changes_come_at_once(
        bursts in prop::collection::vec(prop::collection::vec(op(), 1..30), 1..6)
    ) {
        let mut pair = Pair::new();
        for burst in &bursts {
            burst.iter().for_each(|op| pair.apply(op));
            pair.settle();
        }
    }
}
