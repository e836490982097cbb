//! Which addresses are taken, and the lowest free one of a range.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Addresses that are taken.
#[derive(Default)]
pub struct TakenAddresses {
    taken: BTreeSet<IpAddr>,
    /// No address of the range below this one is free.
    lowest: BTreeMap<IpNet, IpAddr>,
}

impl TakenAddresses {
    /// Notes that somebody has an address; a text that is none is nobody's.
    pub fn take(&mut self, address: &str) {
        if let Ok(address) = address.parse() {
            self.taken.insert(address);
        }
    }

    /// Notes that it is free again.
    pub fn release(&mut self, address: &str) {
        let Ok(address) = address.parse() else {
            return;
        };
        if self.taken.remove(&address) {
            for (range, lowest) in &mut self.lowest {
                if range.contains(&address) {
                    *lowest = address.min(*lowest);
                }
            }
        }
    }

    /// The lowest free address of a range. Its first address is that of the network, and the last one
    /// of IPv4 is for everybody.
    pub fn lowest_free(&mut self, range: IpNet) -> Option<IpAddr> {
        let last = range.broadcast();
        let lowest = self.lowest.entry(range).or_insert_with(|| after(range.network()));
        while *lowest < last && self.taken.contains(lowest) {
            *lowest = after(*lowest);
        }
        let is_free = match last {
            IpAddr::V4(_) => *lowest < last,
            IpAddr::V6(_) => *lowest <= last && !self.taken.contains(lowest),
        };
        is_free.then_some(*lowest)
    }
}

/// The next address, if there is one.
fn after(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from(u32::from(address).saturating_add(1)).into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address).saturating_add(1)).into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test fails by panicking
mod tests {
    use super::*;

    fn give(addresses: &mut TakenAddresses, range: &str) -> String {
        let given = addresses.lowest_free(range.parse().unwrap());
        let given = given.map_or(String::new(), |address| address.to_string());
        addresses.take(&given);
        given
    }

    #[test]
    fn the_lowest_free_address_is_given_and_what_is_released_is_given_again() {
        let mut addresses = TakenAddresses::default();
        addresses.take("10.244.0.2");
        let mut give = |release: &str| {
            addresses.release(release);
            give(&mut addresses, "10.244.0.0/16")
        };
        assert_eq!([give(""), give("")], ["10.244.0.1", "10.244.0.3"]);
        assert_eq!([give("10.244.0.2"), give("")], ["10.244.0.2", "10.244.0.4"]);
    }

    #[test]
    fn a_full_range_gives_nothing_until_an_address_is_released() {
        for (range, expected) in [("10.0.0.0/29", 6), ("255.255.255.248/29", 6), ("fd00::/125", 7)]
        {
            let mut addresses = TakenAddresses::default();
            let given: Vec<String> = (0..9).map(|_| give(&mut addresses, range)).collect();
            let (given, nothing) = given.split_at(expected);
            assert!(nothing.iter().all(String::is_empty), "{range} gave {nothing:?}");
            let last = given.last().unwrap();
            addresses.release(last);
            assert_eq!(give(&mut addresses, range), *last);
        }
    }
}
