//! What we keep of a ClusterIPHold: an address that was promised to a Service about to be created.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::key::{NamespacedName, ResourceVersion, Text};

/// A roster.dev/v1alpha1 ClusterIPHold, narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterIpHold {
    /// The address, which `metadata.name` spells.
    pub address: IpAddr,
    /// `metadata.uid`.
    pub uid: Text,
    /// `metadata.resourceVersion`.
    pub resource_version: ResourceVersion,
    /// `spec.requestUID`: the admission request that it was made for.
    pub request_uid: Text,
}

impl ClusterIpHold {
    /// The name of the object.
    pub fn key(&self) -> NamespacedName {
        NamespacedName::cluster(hold_name(self.address))
    }
}

/// How the name of a hold spells an address: `v4-10-96-8-10`, or `v6-` and 32 hexadecimal digits.
pub fn hold_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("v4-{}", address.to_string().replace('.', "-")),
        IpAddr::V6(address) => format!("v6-{:032x}", address.to_bits()),
    }
}

/// The address that the name of a hold spells.
pub fn held_address(name: &str) -> Option<IpAddr> {
    if let Some(parts) = name.strip_prefix("v4-") {
        return parts.replace('-', ".").parse::<Ipv4Addr>().ok().map(IpAddr::V4);
    }
    let digits = name.strip_prefix("v6-").filter(|digits| digits.len() == 32)?;
    u128::from_str_radix(digits, 16).ok().map(Ipv6Addr::from_bits).map(IpAddr::V6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_spells_an_address_and_back() {
        for (address, name) in
            [("10.96.8.10", "v4-10-96-8-10"), ("fd00::1:2", "v6-fd000000000000000000000000010002")]
        {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(hold_name(address), name);
            assert_eq!(held_address(name), Some(address));
        }
        for name in ["v4-10-96-8", "v6-1", "10.96.8.10", "v4-10-96-8-300"] {
            assert_eq!(held_address(name), None, "{name}");
        }
    }
}
