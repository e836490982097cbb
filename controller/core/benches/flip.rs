//! What one Pod of a thousand costs that changes its readiness: the snapshot and the plan of each
//! controller for its Service, divided by the number of Pods. It is the least of many loops that
//! counts: what else the machine does only ever adds to it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)] // a benchmark may panic

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::Instant;

use controller_core::endpoint_slices::{self, Limits};
use controller_core::endpoints;
use controller_core::facts::{Fact, PodAddress};
use controller_core::key::NamespacedName;

use support::{Cluster, at, foo, pods};

const PODS: usize = 1000;
const NODES: usize = 50;
const LOOPS: usize = 400;
const PLANS: usize = 20;

/// A settled Service, and then one of its Pods is not ready any more.
fn after_a_flip() -> Cluster {
    let mut all = pods(0..PODS);
    for (number, pod) in all.iter_mut().enumerate() {
        // Pods get their addresses in another order than that of their names.
        let place = number * 617 % PODS;
        let address = format!("10.244.{}.{}", place / 20, place % 20 + 1);
        pod.planning.addresses = [PodAddress::parse(&address)].into_iter().collect();
        pod.planning.node_name = Some(format!("node-{}", number % NODES).into());
        pod.explaining.ready_since = Some(at(1000));
    }
    let mut cluster = (0..NODES)
        .fold(Cluster::new(), |cluster, number| cluster.node(&format!("node-{number}"), "zone-a"))
        .service(foo())
        .pods(all.clone());
    cluster.settle();
    cluster.settle_endpoints();
    let mut pod = all.swap_remove(PODS / 2);
    pod.planning.ready = false;
    pod.explaining.ready_since = Some(at(2000));
    cluster.see(Fact::Pod(pod));
    cluster
}

/// Prints what a plan costs for each Pod, in nanoseconds.
fn measure<T>(what: &str, mut plan: impl FnMut() -> T) {
    let nanoseconds = (0..LOOPS).map(|_| {
        let start = Instant::now();
        (0..PLANS).for_each(|_| drop(black_box(plan())));
        start.elapsed().as_nanos()
    });
    let least = nanoseconds.min().unwrap() as f64;
    println!("{what:<24} {:6.1} ns a Pod", least / (PLANS * PODS) as f64);
}

fn main() {
    let key = NamespacedName::new("test", "foo");
    let limits = Limits { max_endpoints_per_slice: NonZeroUsize::new(100).unwrap() };
    let flipped = after_a_flip();
    let mut settled = after_a_flip();
    settled.settle();
    settled.settle_endpoints();
    for (state, cluster) in [("a flip", &flipped), ("settled", &settled)] {
        measure(&format!("EndpointSlices, {state}"), || {
            endpoint_slices::plan(&cluster.index.endpoint_slices(&key), &limits)
        });
        measure(&format!("Endpoints, {state}"), || endpoints::plan(&cluster.index.endpoints(&key)));
    }
}
