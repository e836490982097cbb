//! Any operations on allocators of both families, with any random numbers, against a set of used
//! addresses. Its IPv6 ranges are wide, so the sparse structure is tried as well.

#![no_main]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::IpAddr;

use allocator::{Error, Families, IpFamily, Range, Wish};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rand_core::TryRng;

const CIDRS: [&str; 6] =
    ["10.0.0.0/24", "10.0.0.64/27", "10.0.1.0/28", "fd00::/64", "fd00::/120", "fd00::/127"];

#[derive(Arbitrary, Debug)]
enum Operation {
    SetRanges(u8),
    Claim(Address),
    ClaimAny { v6: bool },
    ClaimWithin { first: Address, last: Address },
    ClaimBoth,
    MarkUsed(Address),
    Release(Address),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Address {
    v6: bool,
    offset: u16,
}

impl From<Address> for IpAddr {
    fn from(address: Address) -> IpAddr {
        let offset = address.offset % 320;
        match address.v6 {
            false => IpAddr::V4((0x0a00_0000 + u32::from(offset)).into()),
            true => IpAddr::V6(((0xfd00 << 112) + u128::from(offset)).into()),
        }
    }
}

/// Numbers out of the input, and then a count, so that no draw can go on for ever.
struct Numbers(Vec<u64>, u64);

impl TryRng for Numbers {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.1 = self.1.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Ok(self.0.pop().unwrap_or(self.1))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(0);
        Ok(())
    }
}

fuzz_target!(|input: (Vec<u64>, Vec<Operation>)| {
    let (numbers, operations) = input;
    let mut rng = Numbers(numbers, 0);
    let (mut families, mut ranges) = (Families::default(), Vec::<Range>::new());
    let mut used = BTreeSet::<IpAddr>::new();

    for operation in operations {
        let wishes = match &operation {
            Operation::SetRanges(chosen) => {
                let chosen = CIDRS.iter().enumerate().filter(|(bit, _)| chosen >> bit & 1 == 1);
                ranges =
                    chosen.map(|(_, cidr)| Range::new(cidr.parse().unwrap()).unwrap()).collect();
                families.set_ranges(ranges.clone()).unwrap();
                continue;
            }
            Operation::MarkUsed(address) => {
                let address = (*address).into();
                assert_eq!(families.mark_used(address), used.insert(address));
                continue;
            }
            Operation::Release(address) => {
                let address = (*address).into();
                assert_eq!(families.release(address), used.remove(&address));
                continue;
            }
            Operation::Claim(address) => vec![Wish::Given((*address).into())],
            Operation::ClaimAny { v6: false } => vec![Wish::Any(IpFamily::V4)],
            Operation::ClaimAny { v6: true } => vec![Wish::Any(IpFamily::V6)],
            Operation::ClaimBoth => vec![Wish::Any(IpFamily::V6), Wish::Any(IpFamily::V4)],
            Operation::ClaimWithin { first, last } => {
                let span = allocator::Span::new((*first).into(), (*last).into());
                let Some(span) = span else { continue };
                let claimed = families.claim_all(&[Wish::Within(span.family(), &[span])], &mut rng);
                if let Ok(claimed) = claimed {
                    assert!(span.contains(claimed[0]) && used.insert(claimed[0]));
                }
                continue;
            }
        };
        match families.claim_all(&wishes, &mut rng) {
            Ok(claimed) => {
                assert_eq!(claimed.len(), wishes.len());
                for address in claimed {
                    assert!(ranges.iter().any(|range| range.contains(address)), "{address}");
                    assert!(used.insert(address), "{address} was free");
                }
            }
            Err(refused) => match wishes[refused.index] {
                Wish::Given(address) => assert_eq!(
                    refused.error == Error::AlreadyAllocated,
                    used.contains(&address) && ranges.iter().any(|range| range.contains(address)),
                ),
                _ => assert_eq!(refused.error, Error::Full),
            },
        }
        for family in [IpFamily::V4, IpFamily::V6] {
            families.of(family).check();
        }
        assert!(used.iter().all(|address| families.contains(*address)));
    }
});
