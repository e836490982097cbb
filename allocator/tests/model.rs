//! Random operations on an allocator and on a set of addresses that are free or not, compared
//! after every step.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test fails by panicking

use std::collections::BTreeSet;
use std::net::IpAddr;

use allocator::{Allocator, Error, IpFamily, Range, Span};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

#[derive(Clone, Debug)]
enum Operation {
    SetRanges(Vec<Range>),
    Claim(IpAddr),
    ClaimAny,
    ClaimWithin(Vec<Span>),
    MarkUsed(IpAddr),
    Release(IpAddr),
    ReleaseSome(prop::sample::Index),
}

/// The naive twin: every range is walked.
#[derive(Default)]
struct Model {
    ranges: Vec<Range>,
    used: BTreeSet<IpAddr>,
}

impl Model {
    fn is_in_range(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(address))
    }

    fn claim(&mut self, address: IpAddr) -> Result<(), Error> {
        match self.is_in_range(address) {
            false => Err(Error::NotInRange),
            true if self.used.insert(address) => Ok(()),
            true => Err(Error::AlreadyAllocated),
        }
    }

    /// Whether an address was a right choice among those of the spans, or none was.
    fn expect(&mut self, spans: &[Span], claimed: Result<IpAddr, Error>) {
        let free = |address: &IpAddr| self.is_in_range(*address) && !self.used.contains(address);
        match claimed {
            Ok(address) => {
                assert!(free(&address), "{address} was free");
                assert!(spans.iter().any(|span| span.contains(address)), "{address} is in a span");
                self.used.insert(address);
            }
            Err(error) => {
                assert_eq!(error, Error::Full);
                assert!(!spans.iter().flat_map(addresses).any(|address| free(&address)));
            }
        }
    }

    /// The dynamic bands, or the static ones if no dynamic address is free.
    fn bands(&self) -> Vec<Span> {
        let dynamic: Vec<Span> = self.ranges.iter().filter_map(Range::dynamic_band).collect();
        let mut all = dynamic.iter().flat_map(addresses);
        match all.any(|address| !self.used.contains(&address)) {
            true => dynamic,
            false => self.ranges.iter().filter_map(Range::static_band).collect(),
        }
    }
}

fn addresses(span: &Span) -> impl Iterator<Item = IpAddr> + use<> {
    let (mut next, last) = (Some(span.first()), span.last());
    std::iter::from_fn(move || {
        let address = next?;
        next = (address < last).then(|| match address {
            IpAddr::V4(address) => IpAddr::V4((address.to_bits() + 1).into()),
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() + 1).into()),
        });
        Some(address)
    })
}

fn range_of_v4() -> impl Strategy<Value = Range> {
    const CIDRS: [&str; 5] =
        ["10.0.0.0/24", "10.0.0.0/25", "10.0.0.128/27", "10.0.1.0/28", "10.0.1.16/30"];
    prop::sample::select(&CIDRS[..]).prop_map(|cidr| Range::new(cidr.parse().unwrap()).unwrap())
}

fn address_of_v4() -> impl Strategy<Value = IpAddr> {
    (0..300u32).prop_map(|offset| IpAddr::V4((0x0a00_0000 + offset).into()))
}

fn span_of_v4() -> impl Strategy<Value = Span> {
    (address_of_v4(), address_of_v4()).prop_map(|(a, b)| Span::new(a.min(b), a.max(b)).unwrap())
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        1 => prop::collection::vec(range_of_v4(), 0..4).prop_map(Operation::SetRanges),
        10 => address_of_v4().prop_map(Operation::Claim),
        20 => Just(Operation::ClaimAny),
        10 => prop::collection::vec(span_of_v4(), 0..3).prop_map(Operation::ClaimWithin),
        3 => address_of_v4().prop_map(Operation::MarkUsed),
        3 => address_of_v4().prop_map(Operation::Release),
        10 => any::<prop::sample::Index>().prop_map(Operation::ReleaseSome),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_allocator_agrees_with_a_set(
        seed: u64,
        ranges in prop::collection::vec(range_of_v4(), 1..4),
        operations in prop::collection::vec(operation(), 1..200),
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut allocator, mut model) = (Allocator::new(IpFamily::V4), Model::default());
        let start = [Operation::SetRanges(ranges)];
        for operation in start.into_iter().chain(operations) {
            match operation {
                Operation::SetRanges(ranges) => {
                    allocator.set_ranges(ranges.clone()).unwrap();
                    model.ranges = ranges;
                }
                Operation::Claim(address) => {
                    prop_assert_eq!(allocator.claim(address), model.claim(address));
                }
                Operation::ClaimAny => {
                    let bands = model.bands();
                    model.expect(&bands, allocator.claim_any(&mut rng));
                }
                Operation::ClaimWithin(spans) => {
                    model.expect(&spans, allocator.claim_within(&spans, &mut rng));
                }
                Operation::MarkUsed(address) => {
                    prop_assert_eq!(allocator.mark_used(address), Ok(model.used.insert(address)));
                }
                Operation::Release(address) => {
                    prop_assert_eq!(allocator.release(address), model.used.remove(&address));
                }
                Operation::ReleaseSome(index) => {
                    let used: Vec<IpAddr> = model.used.iter().copied().collect();
                    if !used.is_empty() {
                        let address = used[index.index(used.len())];
                        model.used.remove(&address);
                        prop_assert!(allocator.release(address));
                    }
                }
            }
            allocator.check();
            compare(&allocator, &model);
        }
    }
}

fn compare(allocator: &Allocator, model: &Model) {
    for offset in 0..300 {
        let address = IpAddr::V4((0x0a00_0000 + offset).into());
        assert_eq!(allocator.contains(address), model.used.contains(&address), "{address}");
    }
    for usage in allocator.usage() {
        let used = model.used.iter().filter(|address| usage.range.contains(**address)).count();
        assert_eq!(usage.used, used as u64);
        assert_eq!(usage.used + usage.free, usage.range.size());
    }
}
