//! One allocator for each IP family. A request for addresses of both gets all of them or none.

use std::net::IpAddr;

use rand_core::Rng;

use crate::allocator::{Allocator, Error};
use crate::range::Range;
use crate::span::{IpFamily, Span};

/// The addresses of both families.
#[derive(Clone, Debug)]
pub struct Families {
    v4: Allocator,
    v6: Allocator,
}

/// One address that somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish<'a> {
    /// This one.
    Given(IpAddr),
    /// Any of the family.
    Any(IpFamily),
    /// Any of the family within these spans.
    Within(IpFamily, &'a [Span]),
}

impl Wish<'_> {
    /// The family of the address.
    pub fn family(&self) -> IpFamily {
        match self {
            Wish::Given(address) => IpFamily::of(*address),
            Wish::Any(family) | Wish::Within(family, _) => *family,
        }
    }
}

/// Which of the wishes could not be met, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{family}: {error}")]
pub struct Refused {
    /// Its place among the wishes.
    pub index: usize,
    /// The family of the address.
    pub family: IpFamily,
    /// Why there is no address.
    pub error: Error,
}

impl Default for Families {
    fn default() -> Self {
        Families { v4: Allocator::new(IpFamily::V4), v6: Allocator::new(IpFamily::V6) }
    }
}

impl Families {
    /// The allocator of a family.
    pub fn of(&self, family: IpFamily) -> &Allocator {
        match family {
            IpFamily::V4 => &self.v4,
            IpFamily::V6 => &self.v6,
        }
    }

    /// The allocator of a family, to change it.
    pub fn of_mut(&mut self, family: IpFamily) -> &mut Allocator {
        match family {
            IpFamily::V4 => &mut self.v4,
            IpFamily::V6 => &mut self.v6,
        }
    }

    /// Gives from these ranges from now on, each to its family. What is used stays so.
    pub fn set_ranges(&mut self, ranges: impl IntoIterator<Item = Range>) -> Result<(), Error> {
        let of_v4 = |range: &Range| range.family() == IpFamily::V4;
        let (v4, v6): (Vec<_>, Vec<_>) = ranges.into_iter().partition(of_v4);
        self.v4.set_ranges(v4)?;
        self.v6.set_ranges(v6)
    }

    /// Takes one address for every wish, in their order, or none at all.
    pub fn claim_all(
        &mut self,
        wishes: &[Wish<'_>],
        rng: &mut impl Rng,
    ) -> Result<Vec<IpAddr>, Refused> {
        let mut claimed = Vec::with_capacity(wishes.len());
        for (index, wish) in wishes.iter().enumerate() {
            match self.claim(wish, rng) {
                Ok(address) => claimed.push(address),
                Err(error) => {
                    claimed.into_iter().for_each(|address| {
                        self.release(address);
                    });
                    return Err(Refused { index, family: wish.family(), error });
                }
            }
        }
        Ok(claimed)
    }

    /// Marks an address as used by somebody, in a range or not; `false` if it was already.
    pub fn mark_used(&mut self, address: IpAddr) -> bool {
        self.of_mut(IpFamily::of(address)).mark_used(address).unwrap_or_default()
    }

    /// Makes an address free; `false` if it was already.
    pub fn release(&mut self, address: IpAddr) -> bool {
        self.of_mut(IpFamily::of(address)).release(address)
    }

    /// Whether an address is used.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.of(IpFamily::of(address)).contains(address)
    }

    fn claim(&mut self, wish: &Wish<'_>, rng: &mut impl Rng) -> Result<IpAddr, Error> {
        let allocator = self.of_mut(wish.family());
        match *wish {
            Wish::Given(address) => allocator.claim(address).map(|()| address),
            Wish::Any(_) => allocator.claim_any(rng),
            Wish::Within(_, spans) => allocator.claim_within(spans, rng),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn families(cidrs: &[&str]) -> Families {
        let mut families = Families::default();
        let ranges = cidrs.iter().map(|cidr| Range::new(cidr.parse().unwrap()).unwrap());
        families.set_ranges(ranges).unwrap();
        families
    }

    #[test]
    fn a_dual_stack_request_gets_both_addresses_in_its_order() {
        let mut families = families(&["10.0.0.0/24", "fd00::/64"]);
        let wishes = [Wish::Any(IpFamily::V6), Wish::Given("10.0.0.9".parse().unwrap())];
        let claimed = families.claim_all(&wishes, &mut StdRng::seed_from_u64(1)).unwrap();
        assert!(claimed[0].is_ipv6() && families.contains(claimed[0]));
        assert_eq!(claimed[1], "10.0.0.9".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn a_dual_stack_request_that_fails_leaves_nothing_behind() {
        let mut families = families(&["10.0.0.0/24"]);
        let wishes = [Wish::Any(IpFamily::V4), Wish::Any(IpFamily::V6)];
        let refused = families.claim_all(&wishes, &mut StdRng::seed_from_u64(1)).unwrap_err();
        assert_eq!(refused, Refused { index: 1, family: IpFamily::V6, error: Error::Full });
        assert_eq!(families.of(IpFamily::V4).usage().map(|usage| usage.used).sum::<u64>(), 0);
    }
}
