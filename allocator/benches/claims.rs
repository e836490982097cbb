//! What a claim and its release cost at several fills, beside a scan for the next free address
//! from a random start, as kube-apiserver does it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)] // a benchmark may panic

use std::hint::black_box;
use std::net::IpAddr;

use allocator::{Allocator, IpFamily, Range};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

/// Fills of a /12, by how many of its 1,048,318 dynamic addresses stay free.
const FILLS: [(&str, usize); 4] =
    [("50 %", 524_159), ("99 %", 10_483), ("99.99 %", 105), ("last free address", 1)];

fn claims(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("claim and release");
    for (name, free) in FILLS {
        let used = used_of_a_slash_12(free);
        let mut rng = StdRng::seed_from_u64(2);

        let mut counted = allocator("10.96.0.0/12", &used);
        group.bench_function(BenchmarkId::new("Roster, 10.96.0.0/12", name), |bencher| {
            bencher.iter(|| claim_and_release(&mut counted, &mut rng));
        });

        let mut scan = Scan::new(&used);
        group.bench_function(BenchmarkId::new("linear scan, 10.96.0.0/12", name), |bencher| {
            bencher.iter(|| scan.claim_and_release(&mut rng));
        });
    }

    let mut rng = StdRng::seed_from_u64(3);
    let mut sparse = allocator("fd00::/64", &[]);
    for _ in 0..1_000_000 {
        sparse.claim_any(&mut rng).unwrap();
    }
    group.bench_function("Roster, fd00::/64, a million held", |bencher| {
        bencher.iter(|| claim_and_release(&mut sparse, &mut rng));
    });
    group.finish();
}

fn claim_and_release(allocator: &mut Allocator, rng: &mut StdRng) {
    let address = allocator.claim_any(rng).unwrap();
    allocator.release(black_box(address));
}

fn allocator(cidr: &str, used: &[IpAddr]) -> Allocator {
    let range = Range::new(cidr.parse().unwrap()).unwrap();
    let mut allocator = Allocator::new(range.family());
    allocator.set_ranges([range]).unwrap();
    used.iter().for_each(|address| allocator.claim(*address).unwrap());
    assert!(range.family() == IpFamily::V6 || allocator.usage().all(|usage| usage.free > 256));
    allocator
}

/// All addresses of the dynamic band but so many, drawn at random.
fn used_of_a_slash_12(free: usize) -> Vec<IpAddr> {
    let mut offsets: Vec<u32> = (0..Scan::LEN).collect();
    offsets.shuffle(&mut StdRng::seed_from_u64(1));
    let first = u32::from_be_bytes([10, 96, 1, 1]);
    offsets.iter().skip(free).map(|offset| IpAddr::V4((first + offset).into())).collect()
}

/// The addresses of the dynamic band as an array, kinder to the scan than the index of names in
/// which kube-apiserver looks.
struct Scan {
    used: Vec<bool>,
}

impl Scan {
    const LEN: u32 = (1 << 20) - 2 - 256;

    fn new(used: &[IpAddr]) -> Self {
        let mut scan = Scan { used: vec![false; Self::LEN as usize] };
        for address in used {
            let IpAddr::V4(address) = address else { continue };
            scan.used[(address.to_bits() - u32::from_be_bytes([10, 96, 1, 1])) as usize] = true;
        }
        scan
    }

    fn claim_and_release(&mut self, rng: &mut StdRng) {
        let start = rng.random_range(0..self.used.len());
        let (after, before) = (start..self.used.len(), 0..start);
        let offset = after.chain(before).find(|offset| !self.used[*offset]).unwrap();
        self.used[offset] = true;
        self.used[black_box(offset)] = false;
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(500))
        .measurement_time(std::time::Duration::from_secs(2));
    targets = claims
}
criterion_main!(benches);
