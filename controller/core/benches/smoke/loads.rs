//! The loads. Each puts a cluster up, and then does the same thing many times.

use std::hint::black_box;

use controller_core::facts::{Fact, Pod, PodAddress, Service};
use controller_core::key::NamespacedName;

use crate::support::{Cluster, at, foo, map, pod};

/// A load.
pub struct Load {
    /// What is counted, for a reader.
    pub name: &'static str,
    /// In what it is counted.
    pub unit: Unit,
    /// How many operations share the total.
    pub operations: u64,
    /// Carries it out.
    pub carry: fn(),
}

/// What is counted.
pub enum Unit {
    /// Instructions of [`measured`].
    Instructions,
    /// Bytes that are still there at the end.
    Bytes,
}

const FLIPS: usize = 50;
const EVENTS: usize = 1000;
const SMALL: usize = 10;
const SERVICES: usize = 100;
const LARGE: usize = 1000;
const RESIDENTS: usize = 10_000;

/// All of them. They cover the index and the plans; what the wire costs is no part of them.
pub const LOADS: &[Load] = &[
    Load {
        name: "instructions a flip, Services of 10 Pods",
        unit: Unit::Instructions,
        operations: FLIPS as u64,
        carry: small_flips,
    },
    Load {
        name: "instructions a flip, a Service of 1,000 Pods",
        unit: Unit::Instructions,
        operations: FLIPS as u64,
        carry: large_flips,
    },
    Load {
        name: "instructions an event that does not matter",
        unit: Unit::Instructions,
        operations: EVENTS as u64,
        carry: irrelevant,
    },
    Load {
        name: "instructions a Pod, cold start",
        unit: Unit::Instructions,
        operations: (SERVICES * SMALL) as u64,
        carry: cold_start,
    },
    Load {
        name: "bytes a Pod, settled",
        unit: Unit::Bytes,
        operations: RESIDENTS as u64,
        carry: settled,
    },
];

/// Where valgrind counts.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

fn small_flips() {
    let mut cluster = Cluster::new();
    put_up(&mut cluster, SERVICES, SMALL);
    let flips: Vec<_> = (0..FLIPS).map(|number| (name(number), unready(number, 3))).collect();
    measured(&mut || flips.iter().for_each(|(service, pod)| flip(&mut cluster, service, pod)));
}

fn large_flips() {
    let mut cluster = Cluster::new();
    put_up(&mut cluster, 1, LARGE);
    let flips: Vec<_> = (0..FLIPS).map(|number| (name(0), unready(0, number * 7))).collect();
    measured(&mut || flips.iter().for_each(|(service, pod)| flip(&mut cluster, service, pod)));
}

fn irrelevant() {
    let mut cluster = Cluster::new();
    put_up(&mut cluster, SERVICES, SMALL);
    let again = |number| Fact::Pod(member(number % SERVICES, number % SMALL));
    let mut again: Vec<Fact> = (0..EVENTS).map(again).collect();
    measured(&mut || again.drain(..).for_each(|fact| cluster.see(fact)));
    assert!(cluster.woken().is_empty(), "a Pod that is as it was wakes nobody");
}

fn cold_start() {
    let mut all: Vec<Fact> = facts(SERVICES, SMALL).collect();
    let names: Vec<String> = (0..SERVICES).map(name).collect();
    measured(&mut || {
        let mut cluster = Cluster::new();
        all.drain(..).for_each(|fact| cluster.see(fact));
        names.iter().for_each(|service| plan(&cluster, service));
    });
}

fn settled() {
    let mut cluster = Cluster::new();
    put_up(&mut cluster, RESIDENTS / LARGE, LARGE);
    std::mem::forget(cluster);
}

/// A cluster in which everything that is to be published is.
fn put_up(cluster: &mut Cluster, services: usize, pods: usize) {
    facts(services, pods).for_each(|fact| cluster.see(fact));
    for name in (0..services).map(name) {
        let plan = cluster.plan_for(&name);
        cluster.execute(&name, &plan);
        cluster.settle_endpoints_of(&name);
    }
    cluster.woken();
    cluster.woken_others();
}

/// So many Services, and so many Pods of each.
fn facts(services: usize, pods: usize) -> impl Iterator<Item = Fact> {
    (0..services).flat_map(move |service| {
        let members = (0..pods).map(move |number| Fact::Pod(member(service, number)));
        [Fact::Service(selecting(service))].into_iter().chain(members)
    })
}

fn name(service: usize) -> String {
    format!("service-{service}")
}

fn selecting(number: usize) -> Service {
    let name = name(number);
    Service {
        selector: Some(map(&[("app", &name)])),
        key: NamespacedName::new("test", name),
        ..foo()
    }
}

/// A Pod of a Service. Its address is in another place than its name.
fn member(service: usize, number: usize) -> Pod {
    let mut member = pod(&format!("{}-{number:04}", name(service)), "");
    let place = number * 617 % LARGE;
    let address = format!("10.{service}.{}.{}", place / 100, place % 100 + 1);
    member.labels = map(&[("app", &name(service)), ("pod-template-hash", "6b7f8d9c4")]);
    member.planning.has_ip = true;
    member.planning.addresses = [PodAddress::parse(&address)].into_iter().collect();
    member.explaining.ready_since = Some(at(1000));
    member
}

/// The same Pod, not ready any more.
fn unready(service: usize, number: usize) -> Pod {
    let mut pod = member(service, number);
    pod.planning.ready = false;
    pod.explaining.ready_since = Some(at(2000));
    pod
}

/// A Pod is taken in, and its Service is planned.
fn flip(cluster: &mut Cluster, service: &str, pod: &Pod) {
    cluster.see(Fact::Pod(pod.clone()));
    plan(cluster, service);
}

fn plan(cluster: &Cluster, service: &str) {
    black_box(cluster.plan_for(service));
    black_box(cluster.plan_endpoints_of(service));
}
