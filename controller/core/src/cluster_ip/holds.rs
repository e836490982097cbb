//! When a hold may go. It keeps an address for a Service that is being created until the API server
//! has claimed it, and then a little longer: another replica may see the hold go before it sees the
//! claim come, and would give the address again. If no claim comes, the creation has failed.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::ledger::Ledger;
use crate::facts::ClusterIpHold;
use crate::key::Text;

/// How long a hold stays once its address is claimed.
const AFTER_CLAIM: SignedDuration = SignedDuration::from_secs(10);
/// How long it stays without a claim. No request to an API server lasts that long.
const WITHOUT_CLAIM: SignedDuration = SignedDuration::from_secs(120);

/// Since when each hold is known, by our own clock: those of other replicas and of the API server
/// may be wrong.
#[derive(Debug, Default)]
pub struct Holds {
    seen: BTreeMap<Text, Timestamp>,
    kept: BTreeMap<Text, Timestamp>,
}

impl Holds {
    /// Looks at all holds. Answers those that have done their work.
    pub fn look(&mut self, ledger: &Ledger, now: Timestamp) -> Vec<Arc<ClusterIpHold>> {
        note(&mut self.seen, ledger.holds(), now);
        note(&mut self.kept, ledger.kept_holds(), now);
        let is_over = |hold: &ClusterIpHold| {
            is_past(&self.kept, hold, now, AFTER_CLAIM)
                || is_past(&self.seen, hold, now, WITHOUT_CLAIM)
        };
        ledger.holds().filter(|hold| is_over(hold)).cloned().collect()
    }
}

/// Notes those that are new, and forgets those that are gone.
fn note<'a>(
    since: &mut BTreeMap<Text, Timestamp>,
    holds: impl Iterator<Item = &'a Arc<ClusterIpHold>>,
    now: Timestamp,
) {
    let before = std::mem::take(since);
    *since = holds
        .map(|hold| (hold.uid.clone(), before.get(&hold.uid).copied().unwrap_or(now)))
        .collect();
}

/// Whether a hold was noted so long ago.
fn is_past(
    since: &BTreeMap<Text, Timestamp>,
    hold: &ClusterIpHold,
    now: Timestamp,
    limit: SignedDuration,
) -> bool {
    since.get(&hold.uid).is_some_and(|since| now.duration_since(*since) >= limit)
}
