//! Subsets in their packed form: ports that serve the same addresses in the same state share one
//! subset, no address stands twice in a subset, and everything has a fixed order.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::{self, Write as _};
use std::hash::Hash;

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
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    let mut by_ports: BTreeMap<&[EndpointPort], Members> = BTreeMap::new();
    for Entry { address, readiness, ports } in entries {
        let place = *places.entry((&address.ip, address.target_uid())).or_insert_with(|| {
            addresses.push(address);
            addresses.len() - 1
        });
        by_ports.entry(ports).or_default().push((place, readiness));
    }
    let mut groups: BTreeMap<Members, Vec<EndpointPort>> = BTreeMap::new();
    for (port, members) in by_port(by_ports) {
        groups.entry(members).or_default().extend(port.cloned());
    }
    let subset = |(members, ports)| subset(&addresses, members, ports);
    let mut subsets: Vec<EndpointSubset> = groups.into_iter().map(subset).collect();
    if subsets.len() > 1 {
        subsets.sort_by_cached_key(subset_hash);
    }
    subsets
}

/// Addresses by their places, and how each is.
type Members = Vec<(usize, Readiness)>;

/// The addresses of every port, each once and in their order. No port is a port, too.
fn by_port(
    by_ports: BTreeMap<&[EndpointPort], Members>,
) -> BTreeMap<Option<&EndpointPort>, Members> {
    let mut by_port: BTreeMap<Option<&EndpointPort>, Members> = BTreeMap::new();
    for (ports, members) in by_ports {
        let ports: BTreeSet<Option<&EndpointPort>> =
            ports.iter().map(Some).chain(ports.is_empty().then_some(None)).collect();
        for port in ports {
            by_port.entry(port).or_default().extend(&members);
        }
    }
    for members in by_port.values_mut() {
        // Not ready comes first, and of two statements about one address the first stays.
        members.sort_unstable();
        members.dedup_by_key(|(place, _)| *place);
    }
    by_port
}

/// Whether subsets say the same, in whatever order and grouping. `packed` is in its packed form.
pub fn say_the_same(subsets: &[EndpointSubset], packed: &[EndpointSubset]) -> bool {
    subsets == packed || (!is_packed(subsets) && repack(subsets) == packed)
}

/// Whether packing would change nothing, as far as that can be told at a glance: one subset, in
/// order, without repetitions.
fn is_packed(subsets: &[EndpointSubset]) -> bool {
    let [subset] = subsets else {
        return subsets.is_empty();
    };
    let lists = [&subset.addresses, &subset.not_ready_addresses];
    !subset.is_empty()
        && lists.iter().all(|list| list.iter().all(is_plain))
        && lists.iter().all(|list| list.is_sorted_by(|one, other| order(one) < order(other)))
        && are_distinct(lists.into_iter().flatten().map(|one| (&one.ip, one.target_uid())))
        && are_distinct(subset.ports.iter())
        && sorted(subset.ports.clone()) == subset.ports
}

fn are_distinct<T: Hash + Eq>(mut items: impl Iterator<Item = T>) -> bool {
    let mut seen = HashSet::new();
    items.all(|item| seen.insert(item))
}

/// Whether nothing is said of the target that plays no part.
fn is_plain(address: &EndpointAddress) -> bool {
    address.target_ref.as_ref().is_none_or(|target| target.rest.is_none())
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
    members: Members,
    ports: Vec<EndpointPort>,
) -> EndpointSubset {
    let of = |wanted: Readiness| {
        let places = members.iter().filter(|(_, readiness)| *readiness == wanted);
        let found = places.filter_map(|(place, _)| addresses.get(*place));
        let mut found: Vec<&EndpointAddress> = found.copied().collect();
        found.sort_by(|one, other| order(one).cmp(&order(other)));
        found.into_iter().cloned().collect()
    };
    EndpointSubset {
        addresses: of(Readiness::Ready),
        not_ready_addresses: of(Readiness::NotReady),
        ports: sorted(ports),
    }
}

fn sorted(mut ports: Vec<EndpointPort>) -> Vec<EndpointPort> {
    ports.sort_by_cached_key(|port| go_hash(format_args!("(v1.EndpointPort){}", GoPort(port))));
    ports
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
    fn what_is_packed_is_told_at_a_glance_and_what_is_not_is_packed_first() {
        let is = |subset: &EndpointSubset| is_packed(std::slice::from_ref(subset));
        let packed = subset(&["10.0.0.1/a", "10.0.0.2/b"], &["10.0.0.3/c"], &[80]);
        assert!(is_packed(&[]) && is(&packed));
        let others = [
            subset(&["10.0.0.2/b", "10.0.0.1/a"], &["10.0.0.3/c"], &[80]),
            subset(&["10.0.0.1/a", "10.0.0.2/b", "10.0.0.2/b"], &["10.0.0.3/c"], &[80]),
            subset(&["10.0.0.1/a", "10.0.0.2/b", "10.0.0.3/c"], &["10.0.0.3/c"], &[80]),
            subset(&["10.0.0.1/a", "10.0.0.2/b"], &["10.0.0.3/c"], &[80, 80]),
        ];
        for other in others {
            assert!(!is(&other), "{other:?}");
            assert!(say_the_same(&[other], std::slice::from_ref(&packed)));
        }
        assert!(!is(&subset(&[], &[], &[80])));
        let different = subset(&["10.0.0.1/a"], &["10.0.0.3/c"], &[80]);
        assert!(is(&different) && !say_the_same(&[different], &[packed]));
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
