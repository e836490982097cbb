//! The addresses of Pods: the lowest free one of a range.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Where Pods get their addresses.
const RANGE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16);

/// Which addresses are taken.
pub struct Addresses {
    taken: BTreeSet<Ipv4Addr>,
    /// No address below is free.
    lowest: Ipv4Addr,
}

impl Default for Addresses {
    fn default() -> Self {
        Self { taken: BTreeSet::new(), lowest: first() }
    }
}

impl Addresses {
    /// Notes that a Pod has an address; a text that is none is nobody's.
    pub fn take(&mut self, address: &str) {
        if let Ok(address) = address.parse() {
            self.taken.insert(address);
        }
    }

    /// Notes that it has it no more.
    pub fn release(&mut self, address: &str) {
        if let Ok(address) = address.parse()
            && self.taken.remove(&address)
            && RANGE.contains(&address)
        {
            self.lowest = self.lowest.min(address);
        }
    }

    /// Takes the lowest free address; none is left if it is empty.
    pub fn give(&mut self) -> String {
        while self.taken.contains(&self.lowest) {
            self.lowest = Ipv4Addr::from(u32::from(self.lowest).saturating_add(1));
        }
        if self.lowest >= RANGE.broadcast() {
            return String::new();
        }
        self.taken.insert(self.lowest);
        self.lowest.to_string()
    }
}

fn first() -> Ipv4Addr {
    RANGE.hosts().next().unwrap_or(RANGE.addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_address_is_given_and_what_is_released_is_given_again() {
        let mut addresses = Addresses::default();
        addresses.take("10.244.0.2");
        assert_eq!([addresses.give(), addresses.give()], ["10.244.0.1", "10.244.0.3"]);
        addresses.release("10.244.0.2");
        assert_eq!([addresses.give(), addresses.give()], ["10.244.0.2", "10.244.0.4"]);
    }

    #[test]
    fn a_full_range_gives_nothing() {
        let mut addresses = Addresses::default();
        let given = (0..65_534).filter(|_| !addresses.give().is_empty()).count();
        assert_eq!((given, addresses.give()), (65_534, String::new()));
    }
}
