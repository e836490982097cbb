//! Every free address comes up as often as every other. The seeds are fixed, so that the verdict
//! is, too.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test fails by panicking

use std::collections::BTreeMap;
use std::net::IpAddr;

use allocator::{Allocator, Error, Range, Span};
use rand::{SeedableRng, rngs::StdRng};

fn allocator(cidrs: &[&str]) -> Allocator {
    let ranges: Vec<Range> =
        cidrs.iter().map(|cidr| Range::new(cidr.parse().unwrap()).unwrap()).collect();
    let mut allocator = Allocator::new(ranges[0].family());
    allocator.set_ranges(ranges).unwrap();
    allocator
}

/// Picks many times and fails unless `candidates` addresses come up, and Pearson's chi-square is
/// within five standard deviations of what chance gives.
fn assert_uniform(candidates: usize, mut claim: impl FnMut(&mut StdRng) -> Result<IpAddr, Error>) {
    const EACH: usize = 200;
    let mut rng = StdRng::seed_from_u64(20);
    let mut seen = BTreeMap::new();
    for _ in 0..candidates * EACH {
        *seen.entry(claim(&mut rng).unwrap()).or_insert(0usize) += 1;
    }
    assert_eq!(seen.len(), candidates);
    let off = |count: &usize| (*count as f64 - EACH as f64).powi(2) / EACH as f64;
    let chi_square: f64 = seen.values().map(off).sum();
    let freedom = candidates as f64 - 1.0;
    let bound = freedom + 5.0 * (2.0 * freedom).sqrt();
    assert!(chi_square < bound, "{chi_square} is above {bound}");
}

#[test]
fn the_free_addresses_of_a_range_with_holes() {
    let mut allocator = allocator(&["10.0.0.0/22"]);
    for offset in (0..1024).filter(|offset| offset % 7 < 4 || (300..700).contains(offset)) {
        allocator.mark_used(IpAddr::V4((0x0a00_0000u32 + offset).into())).unwrap();
    }
    let free = allocator.free_within(&[span("10.0.0.65-10.0.3.254")]);
    assert_uniform(free as usize, |rng| {
        let address = allocator.claim_any(rng);
        address.inspect(|address| assert!(allocator.release(*address)))
    });
}

#[test]
fn ranges_are_weighed_by_what_is_free_in_them() {
    let mut allocator = allocator(&["10.0.0.0/24", "10.1.0.0/28", "10.2.0.0/26"]);
    assert_uniform(238 + 14 + 46, |rng| {
        let address = allocator.claim_any(rng);
        address.inspect(|address| assert!(allocator.release(*address)))
    });
}

#[test]
fn ranges_that_overlap_count_once() {
    let mut allocator = allocator(&["10.0.0.0/24", "10.0.0.128/26"]);
    assert_uniform(238, |rng| {
        let address = allocator.claim_any(rng);
        address.inspect(|address| assert!(allocator.release(*address)))
    });
}

#[test]
fn spans_of_an_ipv6_range_that_are_nearly_full() {
    let mut allocator = allocator(&["fd00::/64"]);
    let spans = [span("fd00::1:0/118"), span("fd00::2:0-fd00::2:3f"), span("fd00::10-fd00::1ff")];
    let mut rng = StdRng::seed_from_u64(1);
    let size: u128 = spans.iter().map(Span::size).sum();
    for _ in 0..size - 12 {
        allocator.claim_within(&spans, &mut rng).unwrap();
    }
    assert_uniform(12, |rng| {
        let address = allocator.claim_within(&spans, rng);
        address.inspect(|address| assert!(allocator.release(*address)))
    });
}

fn span(text: &str) -> Span {
    text.parse().unwrap()
}
