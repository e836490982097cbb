//! What happens at the edges: full ranges, first and last addresses, ranges that come and go.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test fails by panicking

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::IpAddr;

use allocator::{Allocator, Error, IpFamily, Range, Span};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rand_core::TryRng;

fn ranges(cidrs: &[&str]) -> Vec<Range> {
    cidrs.iter().map(|cidr| Range::new(cidr.parse().unwrap()).unwrap()).collect()
}

fn allocator(cidrs: &[&str]) -> Allocator {
    let ranges = ranges(cidrs);
    let mut allocator = Allocator::new(ranges[0].family());
    allocator.set_ranges(ranges).unwrap();
    allocator
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Claims until nothing is left.
fn fill(allocator: &mut Allocator) -> BTreeSet<IpAddr> {
    let mut rng = StdRng::seed_from_u64(4);
    let mut claimed = BTreeSet::new();
    loop {
        match allocator.claim_any(&mut rng) {
            Ok(address) => assert!(claimed.insert(address), "{address} was given twice"),
            Err(error) => {
                assert_eq!(error, Error::Full);
                return claimed;
            }
        }
    }
}

#[test]
fn a_range_gives_every_usable_address_once_and_is_full_then() {
    for (cidr, usable) in [
        ("10.0.0.0/28", 14),
        ("10.0.0.0/30", 2),
        ("10.0.0.0/31", 0),
        ("10.0.0.0/32", 0),
        ("fd00::/120", 255),
        ("fd00::/127", 1),
        ("fd00::/128", 0),
        ("10.0.0.0/20", 4094),
        ("fd00::/112", 65535),
    ] {
        let mut allocator = allocator(&[cidr]);
        let range = ranges(&[cidr])[0];
        let claimed = fill(&mut allocator);
        assert_eq!(claimed.len(), usable, "{cidr}");
        assert!(claimed.iter().all(|address| range.contains(*address)), "{cidr}");
        allocator.check();
        assert!(claimed.iter().all(|address| allocator.release(*address)), "{cidr}");
        assert_eq!(allocator.usage().map(|usage| usage.used).sum::<u64>(), 0);
    }
}

#[test]
fn the_static_band_is_touched_last() {
    let mut allocator = allocator(&["10.0.0.0/25"]);
    let mut rng = StdRng::seed_from_u64(1);
    let dynamic: BTreeSet<_> = (0..110).map(|_| allocator.claim_any(&mut rng).unwrap()).collect();
    assert_eq!(dynamic.first(), Some(&address("10.0.0.17")));
    assert_eq!(dynamic.last(), Some(&address("10.0.0.126")));
    assert_eq!(fill(&mut allocator).len(), 16);
}

#[test]
fn all_dynamic_bands_come_before_any_static_band() {
    let mut allocator = allocator(&["10.0.0.0/25", "10.1.0.0/25"]);
    let mut rng = StdRng::seed_from_u64(1);
    let is_static = |address: &IpAddr| matches!(address, IpAddr::V4(v4) if v4.octets()[3] < 17);
    for _ in 0..220 {
        assert!(!is_static(&allocator.claim_any(&mut rng).unwrap()));
    }
    assert!(is_static(&allocator.claim_any(&mut rng).unwrap()));
}

#[test]
fn an_address_that_is_asked_for_may_be_of_either_band_and_of_no_edge() {
    let mut allocator = allocator(&["10.0.0.0/24"]);
    assert_eq!(allocator.claim(address("10.0.0.5")), Ok(()));
    assert_eq!(allocator.claim(address("10.0.0.200")), Ok(()));
    assert_eq!(allocator.claim(address("10.0.0.200")), Err(Error::AlreadyAllocated));
    for outside in ["10.0.0.0", "10.0.0.255", "10.0.1.1"] {
        assert_eq!(allocator.claim(address(outside)), Err(Error::NotInRange));
    }
    assert_eq!(allocator.claim(address("fd00::1")), Err(Error::WrongFamily));
}

#[test]
fn the_last_address_of_an_ipv6_range_may_be_given() {
    let mut allocator = allocator(&["fd00::/64"]);
    assert_eq!(allocator.claim(address("fd00::ffff:ffff:ffff:ffff")), Ok(()));
    assert_eq!(allocator.claim(address("fd00::")), Err(Error::NotInRange));
}

/// Numbers from a source that likes both ends (kubernetes issue 138374).
struct Extremes(StdRng);

impl TryRng for Extremes {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let near = self.0.random_range(0..300);
        Ok(match self.0.random_range(0..3) {
            0 => near,
            1 => u64::MAX - near,
            _ => self.0.random(),
        })
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

#[test]
fn no_random_number_leads_out_of_the_dynamic_band() {
    let band: Span = "fd00::101-fd00::ffff:ffff:ffff:ffff".parse().unwrap();
    let mut allocator = allocator(&["fd00::/64"]);
    let mut rng = Extremes(StdRng::seed_from_u64(7));
    for _ in 0..100_000 {
        assert!(band.contains(allocator.claim_any(&mut rng).unwrap()));
    }
}

#[test]
fn a_released_address_of_a_full_range_is_given_next() {
    let mut allocator = allocator(&["10.0.0.0/24"]);
    fill(&mut allocator);
    assert!(allocator.release(address("10.0.0.77")));
    assert!(!allocator.release(address("10.0.0.77")));
    assert_eq!(allocator.claim_any(&mut StdRng::seed_from_u64(1)), Ok(address("10.0.0.77")));
}

#[test]
fn a_full_range_grows_by_one_that_covers_it_or_by_another() {
    let mut allocator = allocator(&["10.0.0.0/28"]);
    assert_eq!(fill(&mut allocator).len(), 14);
    allocator.set_ranges(ranges(&["10.0.0.0/28", "10.0.0.0/24"])).unwrap();
    assert_eq!(fill(&mut allocator).len(), 254 - 14);
    allocator.set_ranges(ranges(&["10.0.0.0/28", "10.0.0.0/24", "10.1.0.0/28"])).unwrap();
    assert_eq!(fill(&mut allocator).len(), 14);
    allocator.check();
}

#[test]
fn two_ranges_give_what_each_of_them_gives() {
    assert_eq!(fill(&mut allocator(&["192.168.0.0/28", "10.0.0.0/28"])).len(), 28);
}

#[test]
fn a_network_address_can_be_given_by_a_range_that_covers_it() {
    let mut allocator = allocator(&["192.168.1.0/24"]);
    assert_eq!(allocator.claim(address("192.168.1.0")), Err(Error::NotInRange));
    allocator.set_ranges(ranges(&["192.168.1.0/24", "192.168.0.0/16"])).unwrap();
    assert_eq!(allocator.claim(address("192.168.1.0")), Ok(()));
}

#[test]
fn an_address_stays_used_while_its_range_is_away() {
    let mut allocator = allocator(&["10.0.0.0/24", "10.0.0.0/28"]);
    allocator.claim(address("10.0.0.200")).unwrap();
    allocator.set_ranges(ranges(&["10.0.0.0/28"])).unwrap();
    assert!(allocator.contains(address("10.0.0.200")));
    assert_eq!(allocator.claim(address("10.0.0.201")), Err(Error::NotInRange));
    assert_eq!(fill(&mut allocator).len(), 14);
    allocator.set_ranges(ranges(&["10.0.0.0/24"])).unwrap();
    assert_eq!(allocator.claim(address("10.0.0.200")), Err(Error::AlreadyAllocated));
    allocator.check();
}

#[test]
fn ranges_and_spans_of_the_other_family_are_refused() {
    let mut allocator = allocator(&["10.0.0.0/24"]);
    let mut rng = StdRng::seed_from_u64(1);
    let span = "fd00::1-fd00::9".parse().unwrap();
    assert_eq!(allocator.claim_within(&[span], &mut rng), Err(Error::WrongFamily));
    assert_eq!(allocator.set_ranges(ranges(&["fd00::/64"])), Err(Error::WrongFamily));
    assert_eq!(allocator.mark_used(address("fd00::1")), Err(Error::WrongFamily));
    assert!(!Allocator::new(IpFamily::V6).release(address("10.0.0.1")));
}

#[test]
fn addresses_of_a_span_that_no_range_has_are_not_given() {
    let mut allocator = allocator(&["10.0.0.0/24"]);
    let mut rng = StdRng::seed_from_u64(1);
    let spans = ["10.0.0.250-10.0.1.20".parse().unwrap()];
    let claimed: BTreeSet<_> =
        (0..5).map(|_| allocator.claim_within(&spans, &mut rng).unwrap()).collect();
    assert_eq!(claimed.last(), Some(&address("10.0.0.254")));
    assert_eq!(allocator.claim_within(&spans, &mut rng), Err(Error::Full));
}
