//! A span: addresses in a row, of one IP family.

use std::cmp::{max, min};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpFamily {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => IpFamily::V4,
            IpAddr::V6(_) => IpFamily::V6,
        }
    }
}

impl fmt::Display for IpFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IpFamily::V4 => "IPv4",
            IpFamily::V6 => "IPv6",
        })
    }
}

/// All addresses from a first to a last one, both included; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    family: IpFamily,
    first: u128,
    last: u128,
}

impl Span {
    /// The span of two addresses, unless they are of two families or in the wrong order.
    pub fn new(first: IpAddr, last: IpAddr) -> Option<Self> {
        let family = IpFamily::of(first);
        let span = Span { family, first: number(first), last: number(last) };
        (family == IpFamily::of(last) && span.first <= span.last).then_some(span)
    }

    /// The span of two numbers of one family, which must be in order.
    pub(crate) fn of_numbers(family: IpFamily, first: u128, last: u128) -> Option<Self> {
        (first <= last).then_some(Span { family, first, last })
    }

    /// Its family.
    pub fn family(&self) -> IpFamily {
        self.family
    }

    /// Its first address.
    pub fn first(&self) -> IpAddr {
        address(self.family, self.first)
    }

    /// Its last address.
    pub fn last(&self) -> IpAddr {
        address(self.family, self.last)
    }

    /// How many addresses it has, or `u128::MAX` for all of IPv6.
    pub fn size(&self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }

    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.family == IpFamily::of(address) && self.offset_of(number(address)).is_some()
    }

    /// How far a number of this family lies behind the first one, if it is in the span.
    pub(crate) fn offset_of(&self, number: u128) -> Option<u128> {
        (self.first..=self.last).contains(&number).then(|| number - self.first)
    }

    /// The number that lies so far behind the first one. The offset must be less than the size.
    pub(crate) fn number_at(&self, offset: u128) -> u128 {
        debug_assert!(offset < self.size());
        self.first + offset
    }

    /// The address of that number.
    pub(crate) fn address_at(&self, offset: u128) -> IpAddr {
        address(self.family, self.number_at(offset))
    }

    /// What both have.
    pub fn intersection(&self, other: &Span) -> Option<Span> {
        let (first, last) = (max(self.first, other.first), min(self.last, other.last));
        (self.family == other.family).then(|| Span::of_numbers(self.family, first, last)).flatten()
    }

    /// What this one has and the other has not, in order.
    pub fn minus(&self, other: &Span) -> impl Iterator<Item = Span> + use<> {
        let (whole, common) = (*self, self.intersection(other));
        let before = match common {
            None => Some(whole),
            Some(common) => common
                .first
                .checked_sub(1)
                .and_then(|last| Span::of_numbers(whole.family, whole.first, last)),
        };
        let after = common
            .and_then(|common| common.last.checked_add(1))
            .and_then(|first| Span::of_numbers(whole.family, first, whole.last));
        before.into_iter().chain(after)
    }
}

impl From<IpNet> for Span {
    /// All addresses of a network, with those that no range ever gives.
    fn from(net: IpNet) -> Self {
        let family = IpFamily::of(net.addr());
        Span { family, first: number(net.network()), last: number(net.broadcast()) }
    }
}

/// A text that is neither a CIDR nor two addresses in order with a hyphen between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a CIDR nor FIRST-LAST of one IP family")]
pub struct NotASpan;

impl FromStr for Span {
    type Err = NotASpan;

    /// Reads `10.96.8.0/22` or `10.96.8.10-10.96.8.99`.
    fn from_str(text: &str) -> Result<Self, NotASpan> {
        match text.split_once('-') {
            None => text.parse::<IpNet>().map(Span::from).map_err(|_| NotASpan),
            Some((first, last)) => match (first.parse(), last.parse()) {
                (Ok(first), Ok(last)) => Span::new(first, last).ok_or(NotASpan),
                _ => Err(NotASpan),
            },
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first(), self.last())
    }
}

/// An address as a number, in whose order the addresses of one family stand.
pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The address of a number. A number of IPv4 fits into 32 bits, since it came from an address.
pub(crate) fn address(family: IpFamily, number: u128) -> IpAddr {
    match family {
        IpFamily::V4 => IpAddr::V4(Ipv4Addr::from_bits(number as u32)),
        IpFamily::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str) -> Span {
        text.parse().unwrap()
    }

    #[test]
    fn a_span_is_read_from_a_cidr_or_from_two_addresses() {
        assert_eq!(span("10.96.8.0/30"), span("10.96.8.0-10.96.8.3"));
        assert_eq!(span("fd00::/126"), span("fd00::-fd00::3"));
        for text in ["", "10.96.8.0", "10.96.8.9-10.96.8.1", "10.96.8.1-fd00::1", "10.96.8.0/33"] {
            assert_eq!(text.parse::<Span>(), Err(NotASpan), "{text}");
        }
    }

    #[test]
    fn taking_a_span_away_leaves_what_lies_before_and_after() {
        let minus = |a: &str, b: &str| span(a).minus(&span(b)).collect::<Vec<_>>();
        assert_eq!(
            minus("10.0.0.0/24", "10.0.0.8/29"),
            [span("10.0.0.0-10.0.0.7"), span("10.0.0.16-10.0.0.255")]
        );
        assert_eq!(minus("10.0.0.0/24", "10.0.0.0/25"), [span("10.0.0.128/25")]);
        assert_eq!(minus("10.0.0.0/24", "10.0.0.0/16"), []);
        assert_eq!(minus("10.0.0.0/24", "fd00::/64"), [span("10.0.0.0/24")]);
        assert_eq!(minus("0.0.0.0/0", "0.0.0.0/0"), []);
        assert_eq!(minus("::/0", "::/1"), [span("8000::/1")]);
    }
}
