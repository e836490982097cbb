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
    seen: BTreeMap<Text, Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    first: Timestamp,
    claimed: Option<Timestamp>,
}

impl Holds {
    /// Looks at all holds. Answers those that have done their work.
    pub fn look(&mut self, ledger: &Ledger, now: Timestamp) -> Vec<Arc<ClusterIpHold>> {
        let mut seen = BTreeMap::new();
        let mut spent = Vec::new();
        for hold in ledger.holds() {
            let before = self.seen.get(&hold.uid).copied();
            let mut it = before.unwrap_or(Seen { first: now, claimed: None });
            // A claim that comes and goes is of a creation that failed late; it was seen all the same.
            if it.claimed.is_none() && ledger.claim_on(hold.address).is_some() {
                it.claimed = Some(now);
            }
            if it.is_over(now) {
                spent.push(hold.clone());
            }
            seen.insert(hold.uid.clone(), it);
        }
        self.seen = seen;
        spent
    }
}

impl Seen {
    fn is_over(self, now: Timestamp) -> bool {
        let claimed_long_ago =
            self.claimed.is_some_and(|claimed| now.duration_since(claimed) >= AFTER_CLAIM);
        claimed_long_ago || now.duration_since(self.first) >= WITHOUT_CLAIM
    }
}
