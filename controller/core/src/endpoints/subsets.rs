//! Subsets in their packed form: ports that serve the same addresses in the same state share one
//! subset, no address stands twice in a subset, and everything has a fixed order.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::facts::{EndpointAddress, EndpointPort, EndpointSubset, TargetRef};
use crate::go_hash::{OrNil, go_hash};

/// An address, the state it is in, and the ports it serves. Without ports it still counts.
pub struct Entry<'a> {
    /// The address.
    pub address: &'a EndpointAddress,
    /// Whether it is ready.
    pub readiness: Readiness,
    /// Its ports.
    pub ports: &'a [EndpointPort],
}

/// Whether an address is ready for a port. Of two statements, the worse holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Readiness {
    /// Not ready.
    NotReady,
    /// Ready.
    Ready,
}

/// Packs entries. Entries of one ip and target are one address; the first one met says what else
/// there is to say about it.
pub fn pack<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Vec<EndpointSubset> {
    let mut addresses: Vec<&EndpointAddress> = Vec::new();
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut by_port: BTreeMap<Option<&EndpointPort>, BTreeMap<usize, Readiness>> = BTreeMap::new();
    for Entry { address, readiness, ports } in entries {
        let place = *places.entry((&address.ip, address.target_uid())).or_insert_with(|| {
            addresses.push(address);
            addresses.len() - 1
        });
        let ports = ports.iter().map(Some).chain(ports.is_empty().then_some(None));
        for port in ports {
            let known = by_port.entry(port).or_default().entry(place).or_insert(readiness);
            *known = readiness.min(*known);
        }
    }
    let mut groups: BTreeMap<Vec<(usize, Readiness)>, Vec<EndpointPort>> = BTreeMap::new();
    for (port, members) in by_port {
        groups.entry(members.into_iter().collect()).or_default().extend(port.cloned());
    }
    let subset = |(members, ports)| subset(&addresses, members, ports);
    let mut subsets: Vec<EndpointSubset> = groups.into_iter().map(subset).collect();
    if subsets.len() > 1 {
        subsets.sort_by_cached_key(subset_hash);
    }
    subsets
}

/// Packs subsets as somebody wrote them. What a target's resourceVersion was plays no part.
pub fn repack(subsets: &[EndpointSubset]) -> Vec<EndpointSubset> {
    let mut subsets = subsets.to_vec();
    for subset in &mut subsets {
        for address in subset.addresses.iter_mut().chain(&mut subset.not_ready_addresses) {
            address.target_ref = address.target_ref.as_ref().map(TargetRef::without_version);
        }
    }
    pack(entries(&subsets))
}

/// The entries of subsets, in their order, ready ones first in each.
pub fn entries(subsets: &[EndpointSubset]) -> impl Iterator<Item = Entry<'_>> {
    subsets.iter().flat_map(|subset| {
        let entry = |readiness| move |address| Entry { address, readiness, ports: &subset.ports };
        let ready = subset.addresses.iter().map(entry(Readiness::Ready));
        ready.chain(subset.not_ready_addresses.iter().map(entry(Readiness::NotReady)))
    })
}

fn subset(
    addresses: &[&EndpointAddress],
    members: Vec<(usize, Readiness)>,
    mut ports: Vec<EndpointPort>,
) -> EndpointSubset {
    let of = |wanted: Readiness| {
        let places = members.iter().filter(|(_, readiness)| *readiness == wanted);
        let found = places.filter_map(|(place, _)| addresses.get(*place));
        let mut found: Vec<&EndpointAddress> = found.copied().collect();
        found.sort_by(|one, other| order(one).cmp(&order(other)));
        found.into_iter().cloned().collect()
    };
    ports.sort_by_cached_key(|port| go_hash(format_args!("(v1.EndpointPort){}", GoPort(port))));
    EndpointSubset {
        addresses: of(Readiness::Ready),
        not_ready_addresses: of(Readiness::NotReady),
        ports,
    }
}

/// Addresses are ordered by the bytes of their text, not by their numbers.
fn order(address: &EndpointAddress) -> (&str, bool, &str) {
    (&address.ip, address.target_ref.is_some(), address.target_uid())
}

fn subset_hash(subset: &EndpointSubset) -> u128 {
    let addresses = GoAddresses(&subset.addresses);
    let not_ready = GoAddresses(&subset.not_ready_addresses);
    let ports = GoList("v1.EndpointPort", subset.ports.iter().map(GoPort).collect());
    go_hash(format_args!(
        "(v1.EndpointSubset){{Addresses:{addresses} NotReadyAddresses:{not_ready} Ports:{ports}}}"
    ))
}

/// A port as Go prints it inside a list.
struct GoPort<'a>(&'a EndpointPort);

impl fmt::Display for GoPort<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.name.as_deref().unwrap_or("");
        let protocol = self.0.protocol.as_deref().unwrap_or("");
        let number = self.0.port.unwrap_or(0);
        let app_protocol = OrNil(self.0.app_protocol.as_deref());
        write!(
            formatter,
            "{{Name:(string){name} Port:(int32){number} Protocol:(v1.Protocol){protocol} AppProtocol:(*string){app_protocol}}}"
        )
    }
}

struct GoAddresses<'a>(&'a [EndpointAddress]);

impl fmt::Display for GoAddresses<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        GoList("v1.EndpointAddress", self.0.iter().map(GoAddress).collect()).fmt(formatter)
    }
}

struct GoAddress<'a>(&'a EndpointAddress);

impl fmt::Display for GoAddress<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EndpointAddress { ip, hostname, node_name, target_ref } = self.0;
        let hostname = hostname.as_deref().unwrap_or("");
        let node_name = OrNil(node_name.as_deref());
        write!(
            formatter,
            "{{IP:(string){ip} Hostname:(string){hostname} NodeName:(*string){node_name} TargetRef:(*v1.ObjectReference)"
        )?;
        let Some(target) = target_ref else {
            return formatter.write_str("<nil>}");
        };
        fn or_empty(text: &Option<crate::key::Text>) -> &str {
            text.as_deref().unwrap_or("")
        }
        let (kind, namespace) = (or_empty(&target.kind), or_empty(&target.namespace));
        let (name, uid) = (or_empty(&target.name), or_empty(&target.uid));
        let rest = target.rest.as_deref();
        let api_version = rest.map_or("", |rest| or_empty(&rest.api_version));
        let version = rest.map_or("", |rest| or_empty(&rest.resource_version));
        let field_path = rest.map_or("", |rest| or_empty(&rest.field_path));
        write!(
            formatter,
            "{{Kind:(string){kind} Namespace:(string){namespace} Name:(string){name} UID:(types.UID){uid} APIVersion:(string){api_version} ResourceVersion:(string){version} FieldPath:(string){field_path}}}}}"
        )
    }
}

/// A list as Go prints it: the type, then the elements, or `<nil>` if there are none.
struct GoList<T>(&'static str, Vec<T>);

impl<T: fmt::Display> fmt::Display for GoList<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(element, list) = self;
        write!(formatter, "([]{element})")?;
        if list.is_empty() {
            return formatter.write_str("<nil>");
        }
        formatter.write_char('[')?;
        for (place, element) in list.iter().enumerate() {
            if place > 0 {
                formatter.write_char(' ')?;
            }
            element.fmt(formatter)?;
        }
        formatter.write_char(']')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, number: i32, protocol: &str) -> EndpointPort {
        EndpointPort {
            name: Some(name.into()),
            protocol: Some(protocol.into()),
            port: Some(number),
            app_protocol: None,
        }
    }

    /// `ip` or `ip/uid`.
    fn address(text: &str) -> EndpointAddress {
        let (ip, uid) = text.split_once('/').unwrap_or((text, ""));
        let target = TargetRef {
            kind: Some("Pod".into()),
            namespace: None,
            name: None,
            uid: Some(uid.into()),
            rest: None,
        };
        EndpointAddress {
            ip: ip.into(),
            hostname: None,
            node_name: None,
            target_ref: (!uid.is_empty()).then_some(target),
        }
    }

    fn subset(ready: &[&str], not_ready: &[&str], ports: &[i32]) -> EndpointSubset {
        EndpointSubset {
            addresses: ready.iter().map(|text| address(text)).collect(),
            not_ready_addresses: not_ready.iter().map(|text| address(text)).collect(),
            ports: ports.iter().map(|number| port("", *number, "TCP")).collect(),
        }
    }

    /// `1.1.1.1 1.1.1.2 | 1.1.1.3 : 80 81`, sorted.
    fn packed(subsets: &[EndpointSubset]) -> Vec<String> {
        let line = |subset: &EndpointSubset| {
            let ips = |addresses: &[EndpointAddress]| {
                addresses.iter().map(|address| address.ip.to_string()).collect::<Vec<_>>().join(" ")
            };
            let numbers = subset.ports.iter().filter_map(|port| port.port);
            let mut numbers: Vec<i32> = numbers.collect();
            numbers.sort_unstable();
            format!(
                "{} | {} : {numbers:?}",
                ips(&subset.addresses),
                ips(&subset.not_ready_addresses)
            )
        };
        let mut lines: Vec<String> = repack(subsets).iter().map(line).collect();
        lines.sort();
        lines
    }

    #[test]
    fn ports_with_the_same_addresses_share_a_subset() {
        let given = [
            subset(&["10.0.0.4"], &[], &[111]),
            subset(&["10.0.0.5"], &[], &[222]),
            subset(&["10.0.0.6"], &[], &[111]),
            subset(&["10.0.0.5"], &[], &[333]),
        ];
        assert_eq!(packed(&given), ["10.0.0.4 10.0.0.6 |  : [111]", "10.0.0.5 |  : [222, 333]"]);
    }

    #[test]
    fn not_ready_beats_ready() {
        let given = [subset(&["10.0.0.1"], &["10.0.0.1"], &[80])];
        assert_eq!(packed(&given), [" | 10.0.0.1 : [80]"]);
    }

    #[test]
    fn an_address_ready_on_one_port_only_needs_two_subsets() {
        let given = [subset(&["10.0.0.1/a"], &[], &[80]), subset(&[], &["10.0.0.1/a"], &[81])];
        assert_eq!(packed(&given), [" | 10.0.0.1 : [81]", "10.0.0.1 |  : [80]"]);
    }

    #[test]
    fn one_ip_of_two_targets_is_two_addresses_and_the_one_without_target_comes_first() {
        let given = [subset(&["10.0.0.1/b", "10.0.0.1/a", "10.0.0.1"], &[], &[80])];
        let packed = repack(&given);
        let uids: Vec<&str> = packed[0].addresses.iter().map(EndpointAddress::target_uid).collect();
        assert_eq!(uids, ["", "a", "b"]);
    }

    #[test]
    fn addresses_are_ordered_as_text() {
        let given = [subset(&["10.0.0.2", "10.0.0.10", "10.0.0.1"], &[], &[80])];
        assert_eq!(packed(&given), ["10.0.0.1 10.0.0.10 10.0.0.2 |  : [80]"]);
    }

    #[test]
    fn addresses_without_ports_are_kept_unless_ports_have_the_same_ones() {
        assert_eq!(packed(&[subset(&["10.0.0.1"], &[], &[])]), ["10.0.0.1 |  : []"]);
        let given = [subset(&["10.0.0.1"], &[], &[]), subset(&["10.0.0.1"], &[], &[80])];
        assert_eq!(packed(&given), ["10.0.0.1 |  : [80]"]);
    }

    #[test]
    fn ports_are_in_the_order_of_kube_controller_manager() {
        let vectors = [
            (port("http", 80, "TCP"), 0x754b_003f),
            (port("https", 443, "TCP"), 0xa1d3_cd18),
            (port("metrics", 9153, "TCP"), 0xbb22_4be3),
            (port("dns-tcp", 53, "TCP"), 0xbb9c_c7b3),
            (port("dns", 53, "UDP"), 0xcf68_4d8c),
            (port("port-1337", 1337, "TCP"), 0x5d50_8f35),
        ];
        for (port, leading) in vectors {
            let hash = go_hash(format_args!("(v1.EndpointPort){}", GoPort(&port)));
            assert_eq!(hash >> 96, leading, "{port:?}");
        }
    }
}
