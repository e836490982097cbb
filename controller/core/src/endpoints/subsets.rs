//! Subsets of Endpoints in their packed form: ports that are served by the same addresses share one
//! subset, no address stands twice in a subset, and everything has a fixed order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::build::build;
use super::go_order::{sorted, subset_hash};
use crate::facts::{Addresses, EndpointAddress, EndpointPort, EndpointSubset, TargetRef};

/// What can stand in a subset: an address as it is published, or a Pod that is to be.
pub trait Address {
    /// `ip`.
    fn ip(&self) -> &str;

    /// A number that orders ips as their texts do, as far as it differs.
    fn order(&self) -> u64;

    /// `targetRef.uid`, if there is a target. With the ip it tells addresses apart.
    fn target(&self) -> Option<&str>;

    /// Whether a published address says just this.
    fn is(&self, published: &EndpointAddress) -> bool;

    /// The address to publish.
    fn to_address(&self) -> EndpointAddress;
}

impl Address for EndpointAddress {
    fn ip(&self) -> &str {
        &self.ip
    }

    /// Somebody else's text need not be canonical: only the text itself tells its place.
    fn order(&self) -> u64 {
        0
    }

    fn target(&self) -> Option<&str> {
        self.target_ref.as_ref().map(|target| target.uid.as_deref().unwrap_or(""))
    }

    fn is(&self, published: &EndpointAddress) -> bool {
        self == published
    }

    fn to_address(&self) -> EndpointAddress {
        self.clone()
    }
}

/// An address, the state it is in, and the ports it serves. Without ports it still counts.
pub struct Entry<'a, A> {
    /// The address.
    pub address: &'a A,
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

/// A subset that is not built yet.
pub struct Packed<'a, A> {
    /// The addresses that are ready, in their order.
    pub addresses: Vec<&'a A>,
    /// Those that are not.
    pub not_ready_addresses: Vec<&'a A>,
    /// The ports that all of them serve.
    pub ports: Vec<EndpointPort>,
}

impl<A: Address> Packed<'_, A> {
    /// Whether it holds no address.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.not_ready_addresses.is_empty()
    }

    /// The subset to publish. What it has in common with a published one of the same ports is shared.
    pub fn to_subset(&self, published: &[EndpointSubset]) -> EndpointSubset {
        let none = EndpointSubset::default();
        let same_ports = |subset: &&EndpointSubset| subset.ports == self.ports;
        let published = published.iter().find(same_ports).unwrap_or(&none);
        EndpointSubset {
            addresses: build(&self.addresses, &published.addresses),
            not_ready_addresses: build(&self.not_ready_addresses, &published.not_ready_addresses),
            ports: self.ports.clone(),
        }
    }

    /// Whether a published subset is just this one.
    fn is(&self, published: &EndpointSubset) -> bool {
        fn are<A: Address>(these: &[&A], published: &Addresses) -> bool {
            these.len() == published.len()
                && these.iter().zip(published.iter()).all(|(this, published)| this.is(published))
        }
        are(&self.addresses, &published.addresses)
            && are(&self.not_ready_addresses, &published.not_ready_addresses)
            && self.ports == published.ports
    }
}

/// Packs entries. Entries of one ip and target are one address; the first one met says what else
/// there is to say about it.
pub fn pack<'a, A: Address>(entries: impl Iterator<Item = Entry<'a, A>>) -> Vec<Packed<'a, A>> {
    let most = entries.size_hint().1.unwrap_or_default();
    let mut met: Vec<Entry<'a, A>> = Vec::with_capacity(most);
    met.extend(entries);
    let mut sorted: Vec<(u64, &Entry<'a, A>)> = Vec::with_capacity(met.len());
    sorted.extend(met.iter().map(|entry| (entry.address.order(), entry)));
    let order = |one: &(u64, &Entry<'a, A>), other: &(u64, &Entry<'a, A>)| {
        one.0.cmp(&other.0).then_with(|| order(one.1.address, other.1.address))
    };
    // What is equal stays in the order in which it was met.
    sorted.sort_by(order);
    let mut addresses: Vec<&'a A> = Vec::with_capacity(sorted.len());
    let mut groups = Groups::default();
    for same in sorted.chunk_by(|one, other| order(one, other) == Ordering::Equal) {
        for (_, Entry { readiness, ports, .. }) in same {
            groups.add(ports, (addresses.len(), *readiness));
        }
        addresses.extend(same.first().map(|(_, entry)| entry.address));
    }
    let packed = |(members, ports)| packed(&addresses, members, ports);
    let mut packed: Vec<Packed<'a, A>> = groups.by_members().into_iter().map(packed).collect();
    if packed.len() > 1 {
        packed.sort_by_cached_key(|subset| subset_hash(&subset.to_subset(&[])));
    }
    packed
}

/// Addresses by their places, and how each is.
type Members = Vec<(usize, Readiness)>;

/// Which addresses serve which ports.
#[derive(Default)]
struct Groups<'a> {
    by_ports: Vec<(&'a [EndpointPort], Members)>,
    /// The group that was added to last: mostly the next one, too.
    last: usize,
}

impl<'a> Groups<'a> {
    fn add(&mut self, ports: &'a [EndpointPort], member: (usize, Readiness)) {
        let last = self.by_ports.get(self.last);
        if !last.is_some_and(|(known, _)| std::ptr::eq(*known, ports)) {
            let known = self.by_ports.iter().position(|(known, _)| *known == ports);
            self.last = known.unwrap_or_else(|| {
                self.by_ports.push((ports, Vec::new()));
                self.by_ports.len() - 1
            });
        }
        if let Some((_, members)) = self.by_ports.get_mut(self.last) {
            members.push(member);
        }
    }

    /// The ports that the same addresses serve.
    fn by_members(self) -> BTreeMap<Members, Vec<EndpointPort>> {
        let mut by_members: BTreeMap<Members, Vec<EndpointPort>> = BTreeMap::new();
        for (port, members) in self.by_port() {
            by_members.entry(members).or_default().extend(port.cloned());
        }
        by_members
    }

    /// The addresses of every port, each once and in their order. No port is a port, too.
    fn by_port(self) -> BTreeMap<Option<&'a EndpointPort>, Members> {
        let mut by_port: BTreeMap<Option<&EndpointPort>, Members> = BTreeMap::new();
        for (ports, members) in self.by_ports {
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
}

fn packed<'a, A>(addresses: &[&'a A], members: Members, ports: Vec<EndpointPort>) -> Packed<'a, A> {
    let mut subset = Packed {
        addresses: Vec::with_capacity(members.len()),
        not_ready_addresses: Vec::new(),
        ports: sorted(ports),
    };
    for (place, readiness) in members {
        let list = match readiness {
            Readiness::Ready => &mut subset.addresses,
            Readiness::NotReady => &mut subset.not_ready_addresses,
        };
        list.extend(addresses.get(place));
    }
    subset
}

/// Addresses are ordered by the bytes of their text, not by their numbers.
fn order<A: Address>(one: &A, other: &A) -> Ordering {
    let key = |address: &'_ A| address.target().is_some();
    one.ip()
        .cmp(other.ip())
        .then_with(|| key(one).cmp(&key(other)))
        .then_with(|| one.target().cmp(&other.target()))
}

/// Whether published subsets say what packed ones do, in whatever order and grouping.
pub fn say_the_same<A: Address>(published: &[EndpointSubset], packed: &[Packed<'_, A>]) -> bool {
    let are = |published: &[EndpointSubset]| {
        published.len() == packed.len()
            && packed.iter().zip(published).all(|(packed, published)| packed.is(published))
    };
    if is_short(published, packed) {
        return false;
    }
    are(published) || (!is_packed(published) && are(&repack(published)))
}

/// Whether a subset has fewer ready addresses than another, or fewer that are not. Packing only takes
/// away from either list, so it can't come to the other.
fn is_short<A>(published: &[EndpointSubset], packed: &[Packed<'_, A>]) -> bool {
    let ([published], [packed]) = (published, packed) else {
        return false;
    };
    published.addresses.len() < packed.addresses.len()
        || published.not_ready_addresses.len() < packed.not_ready_addresses.len()
}

/// Whether packing would change nothing, as far as that can be told at a glance: one subset, in
/// order, without repetitions.
fn is_packed(subsets: &[EndpointSubset]) -> bool {
    let [subset] = subsets else {
        return subsets.is_empty();
    };
    let (ready, not_ready) = (&subset.addresses, &subset.not_ready_addresses);
    let is_in_order = |list: &Addresses| {
        list.iter().all(is_plain)
            && list.iter().is_sorted_by(|one, other| order(*one, *other).is_lt())
    };
    let by_order: Vec<&EndpointAddress> = ready.iter().collect();
    let mut distinct_ports = HashSet::new();
    !subset.is_empty()
        && is_in_order(ready)
        && is_in_order(not_ready)
        && not_ready
            .iter()
            .all(|one| by_order.binary_search_by(|ready| order(*ready, one)).is_err())
        && subset.ports.iter().all(|port| distinct_ports.insert(port))
        && sorted(subset.ports.clone()) == subset.ports
}

/// Whether nothing is said of the target that plays no part.
fn is_plain(address: &EndpointAddress) -> bool {
    address.target_ref.as_ref().is_none_or(|target| target.rest.is_none())
}

/// Packs subsets as somebody wrote them. What a target's resourceVersion was plays no part.
pub fn repack(subsets: &[EndpointSubset]) -> Vec<EndpointSubset> {
    let mut subsets = subsets.to_vec();
    for subset in &mut subsets {
        for address in subset.addresses.iter_mut().chain(subset.not_ready_addresses.iter_mut()) {
            address.target_ref = address.target_ref.as_ref().map(TargetRef::without_version);
        }
    }
    pack_subsets(&subsets)
}

/// Packs subsets as they are.
pub fn pack_subsets(subsets: &[EndpointSubset]) -> Vec<EndpointSubset> {
    pack(entries(subsets)).iter().map(|subset| subset.to_subset(&[])).collect()
}

/// The entries of subsets, in their order, ready ones first in each.
fn entries(subsets: &[EndpointSubset]) -> impl Iterator<Item = Entry<'_, EndpointAddress>> {
    subsets.iter().flat_map(|subset| {
        let entry = |readiness| move |address| Entry { address, readiness, ports: &subset.ports };
        let ready = subset.addresses.iter().map(entry(Readiness::Ready));
        ready.chain(subset.not_ready_addresses.iter().map(entry(Readiness::NotReady)))
    })
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
            let ips = |addresses: &Addresses| {
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

    fn same(published: &EndpointSubset, other: &EndpointSubset) -> bool {
        let packed = pack(entries(std::slice::from_ref(other)));
        say_the_same(std::slice::from_ref(published), &packed)
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
            assert!(same(&other, &packed));
        }
        assert!(!is(&subset(&[], &[], &[80])));
        let different = subset(&["10.0.0.1/a"], &["10.0.0.3/c"], &[80]);
        assert!(is(&different) && !same(&different, &packed) && !same(&packed, &different));
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
        let uids: Vec<&str> =
            packed[0].addresses.iter().map(|one| one.target().unwrap_or("")).collect();
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
}
