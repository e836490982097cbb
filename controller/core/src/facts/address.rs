//! IP families and the addresses of Pods: parsed leniently, printed canonically, and checked
//! against what the EndpointSlice API refuses, so that one bad address cannot block a Service.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::key::Text;

/// `spec.ipFamilies` of a Service; also the address types of the slices we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpFamily {
    /// `IPv4`.
    V4,
    /// `IPv6`.
    V6,
}

impl IpFamily {
    /// The API's word for the family.
    pub fn name(self) -> &'static str {
        match self {
            IpFamily::V4 => "IPv4",
            IpFamily::V6 => "IPv6",
        }
    }

    /// The other family.
    pub fn other(self) -> Self {
        match self {
            IpFamily::V4 => IpFamily::V6,
            IpFamily::V6 => IpFamily::V4,
        }
    }

    /// The family of an address; an IPv4-mapped IPv6 address counts as IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(_) => IpFamily::V4,
            IpAddr::V6(_) => IpFamily::V6,
        }
    }
}

impl From<allocator::IpFamily> for IpFamily {
    fn from(family: allocator::IpFamily) -> Self {
        match family {
            allocator::IpFamily::V4 => IpFamily::V4,
            allocator::IpFamily::V6 => IpFamily::V6,
        }
    }
}

impl From<IpFamily> for allocator::IpFamily {
    fn from(family: IpFamily) -> Self {
        match family {
            IpFamily::V4 => allocator::IpFamily::V4,
            IpFamily::V6 => allocator::IpFamily::V6,
        }
    }
}

impl fmt::Display for IpFamily {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One entry of a Pod's `status.podIPs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodAddress {
    /// An address that may stand in a slice, in canonical text: no leading zeros, IPv6 in lower
    /// case with its longest zero run shortened, IPv4-mapped addresses as IPv4.
    Usable {
        /// The family the address belongs to.
        family: IpFamily,
        /// The canonical text.
        text: Text,
        /// Its place in the order of texts as far as the first twelve characters tell it: worked out
        /// once, not at every plan that sorts addresses.
        order: u64,
    },
    /// Text that is no address, or an address that no slice may hold.
    Unusable {
        /// The family, where the text is an address at all.
        family: Option<IpFamily>,
        /// The text as the Pod has it.
        text: Text,
        /// Why it cannot be published, in words: `loopback`, `link-local`, …
        range: &'static str,
    },
}

impl PodAddress {
    /// Reads one podIPs entry.
    pub fn parse(text: &str) -> Self {
        let Some(address) = parse_leniently(text) else {
            return PodAddress::Unusable {
                family: None,
                text: text.into(),
                range: "not an IP address",
            };
        };
        let family = IpFamily::of(address);
        match forbidden_range(address) {
            None => {
                let text: Text = address.to_string().into();
                PodAddress::Usable { family, order: leading_characters(&text), text }
            }
            Some(range) => PodAddress::Unusable { family: Some(family), text: text.into(), range },
        }
    }

    /// The family, if the text is an address.
    pub fn family(&self) -> Option<IpFamily> {
        match self {
            PodAddress::Usable { family, .. } => Some(*family),
            PodAddress::Unusable { family, .. } => *family,
        }
    }

    /// The text: canonical where usable.
    pub fn text(&self) -> &Text {
        match self {
            PodAddress::Usable { text, .. } | PodAddress::Unusable { text, .. } => text,
        }
    }
}

/// The first twelve characters of a canonical address as a number that is ordered like them: five bits
/// each for the dot, the digits, the colon and the letters up to f.
fn leading_characters(address: &str) -> u64 {
    let place = |byte: u8| match byte {
        b'a'..=b'f' => byte - b'a' + 14,
        _ => byte.saturating_sub(b'-'),
    };
    let places = address.bytes().map(place).chain(std::iter::repeat(0));
    places.take(12).fold(0, |number, place| number << 5 | u64::from(place))
}

/// Reads an address as old components wrote them: IPv4 octets may carry leading zeros (which are
/// decimal, not octal), and IPv4-mapped IPv6 is IPv4.
fn parse_leniently(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let mut octets = text.split('.').map(|part| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<u8>().ok()).flatten()
    });
    let mut next = || octets.next().flatten();
    let address = Ipv4Addr::new(next()?, next()?, next()?, next()?);
    octets.next().is_none().then_some(IpAddr::V4(address))
}

/// The ranges that validation of discovery.k8s.io/v1 refuses in `endpoints[].addresses`.
fn forbidden_range(address: IpAddr) -> Option<&'static str> {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if address.is_unspecified() {
        Some("unspecified")
    } else if address.is_loopback() {
        Some("loopback")
    } else if link_local {
        Some("link-local")
    } else if is_link_local_multicast(address) {
        Some("link-local multicast")
    } else {
        None
    }
}

fn is_link_local_multicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(address.octets(), [224, 0, 0, _]),
        IpAddr::V6(address) => is_link_local_multicast_v6(address),
    }
}

fn is_link_local_multicast_v6(address: Ipv6Addr) -> bool {
    matches!(address.octets(), [0xff, second, ..] if second & 0x0f == 0x02)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(text: &str) -> Option<String> {
        match PodAddress::parse(text) {
            PodAddress::Usable { text, .. } => Some(text.to_string()),
            PodAddress::Unusable { .. } => None,
        }
    }

    #[test]
    fn addresses_are_printed_canonically() {
        let cases = [
            ("10.0.0.1", "10.0.0.1"),
            ("010.000.000.001", "10.0.0.1"),
            ("FD00::00AB", "fd00::ab"),
            ("1234::5678:0000:0000:9abc:def0", "1234::5678:0:0:9abc:def0"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("255.255.255.255", "255.255.255.255"),
            ("239.1.1.1", "239.1.1.1"),
        ];
        for (text, canonical) in cases {
            assert_eq!(published(text).as_deref(), Some(canonical), "{text}");
        }
    }

    fn order_and_text(address: IpAddr) -> Option<(u64, Text)> {
        match PodAddress::parse(&address.to_string()) {
            PodAddress::Usable { order, text, .. } => Some((order, text)),
            PodAddress::Unusable { .. } => None,
        }
    }

    proptest::proptest! {
        #[test]
        fn where_the_orders_of_two_addresses_differ_their_texts_are_ordered_so(
            one: IpAddr,
            other: IpAddr,
        ) {
            let (Some(one), Some(other)) = (order_and_text(one), order_and_text(other)) else {
                return Ok(());
            };
            proptest::prop_assert!(one.0 == other.0 || one.0.cmp(&other.0) == one.1.cmp(&other.1));
        }
    }

    #[test]
    fn the_order_tells_addresses_of_one_network_apart() {
        let order = |text: &str| order_and_text(text.parse().expect("an address")).expect("usable");
        let texts = ["10.244.1.10", "10.244.1.9", "10.244.10.1", "10.244.2.1", "fd00:1::a"];
        let orders: Vec<u64> = texts.iter().map(|text| order(text).0).collect();
        assert!(orders.is_sorted_by(|one, next| one < next), "{orders:?}");
    }

    #[test]
    fn addresses_that_slices_refuse_are_unusable() {
        let cases = [
            ("127.0.0.1", "loopback"),
            ("::1", "loopback"),
            ("0.0.0.0", "unspecified"),
            ("::", "unspecified"),
            ("169.254.1.1", "link-local"),
            ("fe80::1", "link-local"),
            ("224.0.0.1", "link-local multicast"),
            ("ff02::1", "link-local multicast"),
            ("fe80::1%eth0", "not an IP address"),
            ("10.0.0", "not an IP address"),
            ("10.0.0.1.2", "not an IP address"),
            ("300.0.0.1", "not an IP address"),
            ("", "not an IP address"),
        ];
        for (text, expected) in cases {
            let PodAddress::Unusable { range, .. } = PodAddress::parse(text) else {
                panic!("{text} should be unusable");
            };
            assert_eq!(range, expected, "{text}");
        }
    }
}
