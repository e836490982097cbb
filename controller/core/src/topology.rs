//! How much CPU each zone has: what topology mode shares the endpoints of a Service out by
//! (KEP-2433).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::facts::Node;
use crate::key::Text;

/// The share of each zone in the CPU of all, by name. Nothing if a Node does not say where it is or
/// what it has, or if there are fewer than two zones.
pub type Zones = Option<Arc<BTreeMap<Text, f64>>>;

/// The Nodes that count: those that are ready and no part of the control plane.
#[derive(Debug, Default)]
pub struct Topology {
    by_zone: BTreeMap<Text, Zone>,
    /// Nodes without a zone or without CPU. One is enough to know nothing.
    lacking: usize,
    zones: Zones,
}

#[derive(Debug, Default)]
struct Zone {
    nodes: usize,
    /// In thousandths of a core. Never zero.
    cpu: u128,
}

impl Topology {
    /// Takes a Node in the place of what it was, if either existed. Says whether the shares of
    /// zones have changed.
    pub fn replace(&mut self, before: Option<&Node>, after: Option<&Node>) -> bool {
        if let Some(node) = before.filter(|node| node.counts()) {
            self.remove(node);
        }
        if let Some(node) = after.filter(|node| node.counts()) {
            self.add(node);
        }
        let zones = self.shares();
        std::mem::replace(&mut self.zones, zones.clone()) != zones
    }

    /// The shares of all zones.
    pub fn zones(&self) -> &Zones {
        &self.zones
    }

    fn add(&mut self, node: &Node) {
        match node.zone_and_cpu() {
            Some((name, cpu)) => {
                let zone = self.by_zone.entry(name.clone()).or_default();
                zone.nodes += 1;
                zone.cpu += u128::from(cpu);
            }
            None => self.lacking += 1,
        }
    }

    fn remove(&mut self, node: &Node) {
        let Some((name, cpu)) = node.zone_and_cpu() else {
            self.lacking -= 1;
            return;
        };
        if let Some(zone) = self.by_zone.get_mut(name) {
            zone.nodes -= 1;
            zone.cpu -= u128::from(cpu);
            if zone.nodes == 0 {
                self.by_zone.remove(name);
            }
        }
    }

    fn shares(&self) -> Zones {
        if self.lacking > 0 || self.by_zone.len() < 2 {
            return None;
        }
        let all: u128 = self.by_zone.values().map(|zone| zone.cpu).sum();
        let share = |zone: &Zone| zone.cpu as f64 / all as f64;
        let shares = self.by_zone.iter().map(|(name, zone)| (name.clone(), share(zone)));
        Some(Arc::new(shares.collect()))
    }
}

impl Node {
    fn counts(&self) -> bool {
        self.ready && !self.control_plane
    }

    fn zone_and_cpu(&self) -> Option<(&Text, u64)> {
        self.zone.as_ref().filter(|_| self.cpu > 0).map(|zone| (zone, self.cpu))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, zone: &str, cpu: u64) -> Node {
        let zone = (!zone.is_empty()).then(|| zone.into());
        Node { name: name.into(), zone, ready: true, cpu, control_plane: false }
    }

    fn topology(nodes: &[Node]) -> Topology {
        let mut topology = Topology::default();
        for node in nodes {
            topology.replace(None, Some(node));
        }
        topology
    }

    fn shares(topology: &Topology) -> Option<Vec<(&str, f64)>> {
        let zones = topology.zones().as_ref()?;
        Some(zones.iter().map(|(name, share)| (&**name, *share)).collect())
    }

    #[test]
    fn zones_share_by_the_cpu_of_their_nodes() {
        let topology =
            topology(&[node("1", "a", 1000), node("2", "b", 2000), node("3", "b", 1000)]);
        assert_eq!(shares(&topology), Some(vec![("a", 0.25), ("b", 0.75)]));
    }

    #[test]
    fn one_node_that_does_not_say_where_it_is_or_what_it_has_is_enough_to_know_nothing() {
        let (a, b) = (node("1", "a", 1000), node("2", "b", 2000));
        for lacking in [node("3", "", 1000), node("3", "c", 0)] {
            let mut topology = topology(&[a.clone(), b.clone(), lacking.clone()]);
            assert_eq!(shares(&topology), None);
            assert!(topology.replace(Some(&lacking), None));
            assert!(shares(&topology).is_some());
        }
    }

    #[test]
    fn nodes_of_the_control_plane_and_nodes_that_are_not_ready_do_not_count() {
        let (a, b) = (node("1", "a", 1000), node("2", "b", 2000));
        let control_plane = Node { control_plane: true, ..node("3", "", 0) };
        let not_ready = Node { ready: false, ..node("4", "", 0) };
        let topology = topology(&[a, b, control_plane, not_ready]);
        assert_eq!(shares(&topology).map(|shares| shares.len()), Some(2));
    }

    #[test]
    fn one_zone_is_not_enough() {
        assert_eq!(shares(&topology(&[node("1", "a", 1000), node("2", "a", 1000)])), None);
    }

    #[test]
    fn only_what_moves_a_share_is_a_change() {
        let (a, b) = (node("1", "a", 1000), node("2", "b", 2000));
        let mut topology = topology(&[a.clone(), b]);
        assert!(!topology.replace(Some(&a), Some(&a)));
        let bigger = node("1", "a", 3000);
        assert!(topology.replace(Some(&a), Some(&bigger)));
        assert_eq!(shares(&topology), Some(vec![("a", 0.6), ("b", 0.4)]));
    }
}
