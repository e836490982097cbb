//! Which addresses and which ports of Nodes Services have. It follows the changes, so that to find a
//! free one costs no look at all Services.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use crate::kinds::{IP_ADDRESS, Kind, SERVICE};
use crate::object::{Object, elements};
use crate::store::{Forgotten, Store};
use crate::taken_addresses::TakenAddresses;

/// What is taken, as of a revision.
#[derive(Default)]
pub struct Allocations {
    revision: u64,
    addresses: TakenAddresses,
    /// How often each port is taken: a number may serve one Service under two protocols.
    node_ports: BTreeMap<u64, usize>,
}

impl Allocations {
    /// Takes in what has changed, or everything if that is not known any more.
    pub fn follow(&mut self, store: &Store) {
        if self.take_in_changes(store).is_err() {
            *self = Self::default();
            for kind in [&IP_ADDRESS, &SERVICE] {
                store.objects(kind).for_each(|object| self.add(kind, object));
            }
        }
        self.revision = store.revision();
    }

    /// The lowest address of a range that no IPAddress holds.
    pub fn lowest_free(&mut self, range: IpNet) -> Option<IpAddr> {
        self.addresses.lowest_free(range)
    }

    /// Whether a Service has a port of the Nodes.
    pub fn has_node_port(&self, number: u64) -> bool {
        self.node_ports.contains_key(&number)
    }

    fn take_in_changes(&mut self, store: &Store) -> Result<(), Forgotten> {
        for kind in [&IP_ADDRESS, &SERVICE] {
            for change in store.changes(kind, self.revision)? {
                change.before.iter().for_each(|object| self.remove(kind, object));
                change.after.iter().for_each(|object| self.add(kind, object));
            }
        }
        Ok(())
    }

    fn add(&mut self, kind: &Kind, object: &Object) {
        if *kind == IP_ADDRESS {
            return self.addresses.take(&object.name);
        }
        for number in node_ports(&object.value()) {
            *self.node_ports.entry(number).or_default() += 1;
        }
    }

    fn remove(&mut self, kind: &Kind, object: &Object) {
        if *kind == IP_ADDRESS {
            return self.addresses.release(&object.name);
        }
        for number in node_ports(&object.value()) {
            let count = self.node_ports.entry(number).or_default();
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.node_ports.remove(&number);
            }
        }
    }
}

/// The ports of Nodes that a Service has.
pub fn node_ports(service: &Value) -> Vec<u64> {
    let ports = elements(service, "/spec/ports").filter_map(|port| port.get("nodePort"));
    let all = ports.chain(service.pointer("/spec/healthCheckNodePort"));
    all.filter_map(Value::as_u64).filter(|number| *number > 0).collect()
}
