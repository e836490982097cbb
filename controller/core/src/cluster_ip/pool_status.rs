//! How pools fare: what their status says.

use std::collections::BTreeMap;

use allocator::{IpFamily, Span};

use super::ledger::Ledger;
use super::pools::Pool;
use super::precedence::{Outranked, outranked};
use crate::facts::Labels;
use crate::key::Text;

/// The condition of a pool that can give addresses.
pub const READY: &str = "Ready";
/// The condition of a pool that has to share with another what both claim for themselves.
pub const CONFLICT: &str = "Conflict";
/// The condition of a pool that has no address left.
pub const EXHAUSTED: &str = "Exhausted";
/// Why a pool of whose ranges no ServiceCIDR has any is not ready.
pub const OUTSIDE: &str = "OutsideServiceCIDR";

/// The part of a pool's status that does not depend on the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// `metadata.name`.
    pub name: Text,
    /// `metadata.uid`.
    pub uid: Text,
    /// `status.observedGeneration`.
    pub observed_generation: i64,
    /// The IP families that the pool has addresses of.
    pub families: Vec<(IpFamily, Counts)>,
    /// `status.conditions`.
    pub conditions: [Condition; 3],
}

/// Addresses of one IP family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// All that can be given.
    pub capacity: u128,
    /// Those that are free.
    pub available: u128,
    /// Those that were promised and are not claimed yet.
    pub held: u128,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `type`.
    pub kind: &'static str,
    /// `status`, which is never Unknown.
    pub holds: bool,
    /// `reason`.
    pub reason: &'static str,
    /// `message`.
    pub message: String,
}

/// The status of every pool, in their order.
pub fn pool_statuses(
    ledger: &Ledger,
    namespace_labels: &BTreeMap<Text, Labels>,
) -> Vec<PoolStatus> {
    let outranked = outranked(ledger, namespace_labels);
    let pools = ledger.pools().iter();
    pools.map(|pool| status(pool, ledger, outranked.get(&pool.pool.name))).collect()
}

fn status(pool: &Pool, ledger: &Ledger, outranked: Option<&Outranked>) -> PoolStatus {
    let counted = [IpFamily::V4, IpFamily::V6].into_iter().filter_map(|family| {
        let spans: Vec<Span> =
            pool.spans.iter().filter(|span| span.family() == family).copied().collect();
        let capacity = spans.iter().map(Span::size).sum();
        let available = ledger.families().of(family).free_within(&spans);
        let held = ledger.holds().filter(|hold| {
            ledger.is_only_promised(hold.address)
                && spans.iter().any(|span| span.contains(hold.address))
        });
        let held = held.count() as u128;
        (capacity > 0).then_some((family, Counts { capacity, available, held }))
    });
    let families: Vec<(IpFamily, Counts)> = counted.collect();
    PoolStatus {
        name: pool.pool.name.clone(),
        uid: pool.pool.uid.clone(),
        observed_generation: pool.pool.generation,
        conditions: [ready(pool), conflict(pool, outranked), exhausted(&families)],
        families,
    }
}

fn ready(pool: &Pool) -> Condition {
    let (holds, reason, message) = match pool {
        _ if pool.pool.disabled => (false, "Disabled", "it gives no addresses at present"),
        _ if pool.spans.is_empty() && !pool.conflicts.is_empty() => {
            (false, "Overlap", "older pools have all its addresses")
        }
        _ if pool.spans.is_empty() => {
            (false, OUTSIDE, "no ServiceCIDR that gives addresses has any of its ranges")
        }
        _ if pool.reaches_outside => {
            (true, "Ready", "what lies outside of the ServiceCIDRs is not used")
        }
        _ => (true, "Ready", ""),
    };
    Condition { kind: READY, holds, reason, message: message.to_owned() }
}

fn conflict(pool: &Pool, outranked: Option<&Outranked>) -> Condition {
    let others: Vec<&str> = pool.conflicts.iter().map(|name| &**name).collect();
    let overlap = (!others.is_empty()).then(|| {
        format!(
            "it shares addresses with {}, and one of them is Exclusive; the eldest has them",
            others.join(", ")
        )
    });
    let rank = outranked.map(|Outranked { by, service }| {
        format!("{by} comes before it for Services that must use both, such as {service}")
    });
    let (holds, reason) = match (&overlap, &rank) {
        (Some(_), _) => (true, "Overlap"),
        (None, Some(_)) => (true, "Outranked"),
        (None, None) => (false, "NoOverlap"),
    };
    let texts: Vec<String> = overlap.into_iter().chain(rank).collect();
    Condition { kind: CONFLICT, holds, reason, message: texts.join("; ") }
}

fn exhausted(families: &[(IpFamily, Counts)]) -> Condition {
    let full = families.iter().find(|(_, counts)| counts.available == 0);
    let (holds, reason, message) = match full {
        Some((family, _)) => (true, "NoneAvailable", format!("no {family} address is free")),
        None => (false, "Available", String::new()),
    };
    Condition { kind: EXHAUSTED, holds, reason, message }
}

impl PoolStatus {
    /// The fullest family, if nine of ten of its addresses are used.
    pub fn nearly_full(&self) -> Option<(IpFamily, Counts)> {
        let scarce = |counts: &Counts| counts.available * 10 <= counts.capacity;
        self.families.iter().copied().find(|(_, counts)| scarce(counts))
    }
}

impl Counts {
    /// Those that are neither free nor only promised.
    pub fn used(self) -> u128 {
        self.capacity.saturating_sub(self.available).saturating_sub(self.held)
    }
}
