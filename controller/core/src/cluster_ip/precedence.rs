//! Pools that bind a Service together with another: only the first of them is asked.

use std::collections::BTreeMap;

use allocator::IpFamily;

use super::ledger::Ledger;
use super::pools::Pool;
use crate::facts::{ClusterIp, Labels, Service};
use crate::key::{NamespacedName, Text};

/// Why a pool is not asked for an address that it must give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outranked {
    /// The pool that is asked in its place.
    pub by: Text,
    /// A Service that both must serve, the first in the order of names.
    pub service: NamespacedName,
}

/// The pools that are outranked, by their names.
pub fn outranked(
    ledger: &Ledger,
    namespace_labels: &BTreeMap<Text, Labels>,
) -> BTreeMap<Text, Outranked> {
    let binding: Vec<&Pool> = ledger.pools().iter().filter(|it| it.pool.binds()).collect();
    let mut outranked = BTreeMap::new();
    if binding.len() < 2 {
        return outranked;
    }
    let unlabelled = Labels::default();
    for service in ledger.all_services().filter(|service| wants_addresses(service)) {
        let labels = namespace_labels.get(&service.key.namespace).unwrap_or(&unlabelled);
        let matching = binding.iter().filter(|it| it.pool.matches(service, labels));
        let matching: Vec<&Pool> = matching.copied().collect();
        for family in [IpFamily::V4, IpFamily::V6] {
            let mut of_family = matching.iter().filter(|it| it.has(family));
            let Some(first) = of_family.next() else { continue };
            for other in of_family {
                outranked.entry(other.pool.name.clone()).or_insert_with(|| Outranked {
                    by: first.pool.name.clone(),
                    service: service.key.clone(),
                });
            }
        }
    }
    outranked
}

fn wants_addresses(service: &Service) -> bool {
    !service.external_name && service.cluster_ip != ClusterIp::Headless
}
