//! The range of a CIDR: which of its addresses may be given, and in which band each lies.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::span::{IpFamily, Span};

/// The addresses of a CIDR that may be given: all but the first, and for IPv4 the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    cidr: IpNet,
    usable: Option<Span>,
    /// How many of the usable addresses, from the first on, are the static band.
    static_size: u128,
}

/// A CIDR that no address is given from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// An IPv6 prefix of less than 64 bits; kube-apiserver makes no allocator for one, either.
    #[error("the prefix of an IPv6 range must have at least 64 bits")]
    PrefixTooShort,
}

impl Range {
    /// The range of a CIDR. Host bits that are set do not matter.
    pub fn new(cidr: IpNet) -> Result<Self, Unusable> {
        let cidr = cidr.trunc();
        let whole = Span::from(cidr);
        if whole.size() > 1 << 64 {
            return Err(Unusable::PrefixTooShort);
        }
        let last = match whole.family() {
            IpFamily::V4 => whole.size().saturating_sub(2),
            IpFamily::V6 => whole.size().saturating_sub(1),
        };
        let usable = match last {
            0 => None,
            last => Span::new(whole.address_at(1), whole.address_at(last)),
        };
        Ok(Range { cidr, usable, static_size: static_size(whole.size()) })
    }

    /// The CIDR, without host bits.
    pub fn cidr(&self) -> IpNet {
        self.cidr
    }

    /// IPv4 or IPv6.
    pub fn family(&self) -> IpFamily {
        IpFamily::of(self.cidr.addr())
    }

    /// The addresses that may be given; none in a /31, /32 or /128.
    pub fn usable(&self) -> Option<Span> {
        self.usable
    }

    /// How many addresses may be given.
    pub fn size(&self) -> u64 {
        self.usable.map_or(0, |usable| usable.size() as u64)
    }

    /// The band for addresses that are asked for; none in ranges of at most 16 addresses.
    pub fn static_band(&self) -> Option<Span> {
        let (usable, last) = (self.usable?, self.static_size.checked_sub(1)?);
        Span::new(usable.first(), usable.address_at(last))
    }

    /// The band for everybody else.
    pub fn dynamic_band(&self) -> Option<Span> {
        let usable = self.usable?;
        Span::new(usable.address_at(self.static_size), usable.last())
    }

    /// Whether an address may be given. The network address and the IPv4 broadcast may not.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.usable.is_some_and(|usable| usable.contains(address))
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cidr.fmt(f)
    }
}

/// The size of the static band (KEP-3070): one address in 16, but at least 16 and at most 256,
/// and none in a CIDR of at most 16 addresses. Counted are all addresses of the CIDR.
fn static_size(addresses: u128) -> u128 {
    match addresses {
        ..=16 => 0,
        _ => (addresses / 16).clamp(16, 256),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(cidr: &str) -> Range {
        Range::new(cidr.parse().unwrap()).unwrap()
    }

    #[test]
    fn bands_are_those_of_kube_apiserver() {
        let table = [
            ("10.0.0.0/29", 6, None, "10.0.0.1-10.0.0.6"),
            ("10.0.0.0/28", 14, None, "10.0.0.1-10.0.0.14"),
            ("10.0.0.0/27", 30, Some("10.0.0.1-10.0.0.16"), "10.0.0.17-10.0.0.30"),
            ("10.0.0.0/25", 126, Some("10.0.0.1-10.0.0.16"), "10.0.0.17-10.0.0.126"),
            ("10.0.0.0/24", 254, Some("10.0.0.1-10.0.0.16"), "10.0.0.17-10.0.0.254"),
            ("10.0.0.0/20", 4094, Some("10.0.0.1-10.0.1.0"), "10.0.1.1-10.0.15.254"),
            ("10.0.0.0/16", 65534, Some("10.0.0.1-10.0.1.0"), "10.0.1.1-10.0.255.254"),
            ("10.96.0.0/12", 1048574, Some("10.96.0.1-10.96.1.0"), "10.96.1.1-10.111.255.254"),
            ("0.0.0.0/0", 4294967294, Some("0.0.0.1-0.0.1.0"), "0.0.1.1-255.255.255.254"),
            ("fd00::/124", 15, None, "fd00::1-fd00::f"),
            ("fd00::/120", 255, Some("fd00::1-fd00::10"), "fd00::11-fd00::ff"),
            ("fd00::/112", 65535, Some("fd00::1-fd00::100"), "fd00::101-fd00::ffff"),
            (
                "fd00::/64",
                u64::MAX,
                Some("fd00::1-fd00::100"),
                "fd00::101-fd00::ffff:ffff:ffff:ffff",
            ),
            ("fd00::/127", 1, None, "fd00::1-fd00::1"),
        ];
        for (cidr, size, static_band, dynamic_band) in table {
            let range = range(cidr);
            assert_eq!(range.size(), size, "{cidr}");
            let text = |span: Option<Span>| span.map(|span| span.to_string());
            assert_eq!(text(range.static_band()).as_deref(), static_band, "{cidr}");
            assert_eq!(text(range.dynamic_band()).as_deref(), Some(dynamic_band), "{cidr}");
        }
    }

    #[test]
    fn the_smallest_networks_have_nothing_to_give() {
        for cidr in ["10.0.0.0/31", "10.0.0.0/32", "fd00::/128"] {
            let range = range(cidr);
            assert_eq!((range.size(), range.static_band(), range.dynamic_band()), (0, None, None));
        }
    }

    #[test]
    fn the_bands_of_every_prefix_cover_what_is_usable() {
        let v4 = (0..=32).map(|prefix| format!("10.0.0.0/{prefix}"));
        let v6 = (64..=128).map(|prefix| format!("fd00::/{prefix}"));
        for cidr in v4.chain(v6) {
            let range = range(&cidr);
            let size = |span: Option<Span>| span.map_or(0, |span| span.size());
            let bands = size(range.static_band()) + size(range.dynamic_band());
            assert_eq!(bands, u128::from(range.size()), "{cidr}");
        }
    }

    #[test]
    fn network_and_broadcast_addresses_are_outside() {
        let contains = |cidr: &str, address: &str| range(cidr).contains(address.parse().unwrap());
        assert!(!contains("10.0.0.0/24", "10.0.0.0"));
        assert!(contains("10.0.0.0/24", "10.0.0.1"));
        assert!(contains("10.0.0.0/24", "10.0.0.254"));
        assert!(!contains("10.0.0.0/24", "10.0.0.255"));
        assert!(!contains("fd00::/64", "fd00::"));
        assert!(contains("fd00::/64", "fd00::ffff:ffff:ffff:ffff"));
        assert!(!contains("fd00::/64", "10.0.0.1"));
    }

    #[test]
    fn a_wide_ipv6_network_is_unusable_and_host_bits_are_ignored() {
        assert_eq!(Range::new("2001:db8:1::/48".parse().unwrap()), Err(Unusable::PrefixTooShort));
        assert_eq!(range("10.0.0.8/24").cidr(), "10.0.0.0/24".parse().unwrap());
    }
}
