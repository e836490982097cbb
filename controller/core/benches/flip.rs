//! What one Pod of a thousand costs that changes its readiness: the snapshot and the plan of each
//! controller for its Service, divided by the number of Pods.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)] // a benchmark may panic

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::num::NonZeroUsize;

use controller_core::endpoint_slices::{self, Limits};
use controller_core::endpoints;
use controller_core::facts::{Fact, PodAddress};
use controller_core::key::NamespacedName;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use support::{Cluster, at, foo, pods};

const PODS: usize = 1000;
const NODES: usize = 50;

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

fn flip(criterion: &mut Criterion) {
    let cluster = after_a_flip();
    let key = NamespacedName::new("test", "foo");
    let limits = Limits { max_endpoints_per_slice: NonZeroUsize::new(100).unwrap() };
    let mut group = criterion.benchmark_group("a flip among 1000 Pods");
    group.throughput(Throughput::Elements(PODS as u64));
    group.bench_function("EndpointSlices", |bencher| {
        bencher.iter(|| endpoint_slices::plan(&cluster.index.endpoint_slices(&key), &limits));
    });
    group.bench_function("Endpoints", |bencher| {
        bencher.iter(|| endpoints::plan(&cluster.index.endpoints(&key)));
    });
    let mut settled = after_a_flip();
    settled.settle();
    settled.settle_endpoints();
    group.bench_function("EndpointSlices, settled", |bencher| {
        bencher.iter(|| {
            black_box(endpoint_slices::plan(&settled.index.endpoint_slices(&key), &limits))
        });
    });
    group.bench_function("Endpoints, settled", |bencher| {
        bencher.iter(|| black_box(endpoints::plan(&settled.index.endpoints(&key))));
    });
    group.finish();
}

criterion_group!(benches, flip);
criterion_main!(benches);
