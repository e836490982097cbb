//! What a candidate knows of the Lease and may write to it: the rules of client-go's leader election,
//! without clock, client or randomness.
//!
//! Whether a record has expired is told by our own clock alone: it holds for its duration from when
//! we last saw it change. The times in the object come from other clocks and are compared with
//! nothing.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

/// The Lease as one candidate sees it.
pub struct Record {
    identity: String,
    /// `leaseDurationSeconds` of what we write.
    lease_duration: Duration,
    seen: Option<Seen>,
}

struct Seen {
    lease: Lease,
    /// When we saw the record change, since boot.
    changed: Duration,
}

/// How we stand to the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It names us.
    Ours,
    /// It names nobody, or somebody who has let it expire.
    Free,
    /// It names somebody else.
    HeldBy(String),
    /// It is the API server that gives it to whom it chooses (KEP-4355).
    Assigned,
}

impl Record {
    /// Nothing is known yet.
    pub fn new(identity: String, lease_duration: Duration) -> Self {
        Self { identity, lease_duration, seen: None }
    }

    /// Takes in the Lease as somebody stored it. A renewal within the same second, or a change of
    /// anything but the record, does not make it last longer. A watch may be behind a read.
    pub fn observe(&mut self, lease: Lease, now: Duration) {
        let changed = match &self.seen {
            Some(before) if version(&before.lease) > version(&lease) => return,
            Some(before) if content(&before.lease) == content(&lease) => before.changed,
            _ => now,
        };
        self.seen = Some(Seen { lease, changed });
    }

    /// Takes in the answer to a write of ours that was sent at a time.
    pub fn wrote(&mut self, lease: Lease, sent: Duration) {
        self.seen = Some(Seen { lease, changed: sent });
    }

    /// How we stand to what was last seen.
    pub fn standing(&self, now: Duration) -> Standing {
        let Some(spec) = self.spec() else {
            return Standing::Free;
        };
        match spec.holder_identity.as_deref().unwrap_or_default() {
            holder if holder == self.identity => Standing::Ours,
            holder if !holder.is_empty() && !self.remaining(now).is_zero() => {
                Standing::HeldBy(holder.to_owned())
            }
            _ if spec.strategy.is_some() => Standing::Assigned,
            _ => Standing::Free,
        }
    }

    /// For how long what was last seen still holds.
    pub fn remaining(&self, now: Duration) -> Duration {
        self.seen.as_ref().map_or(Duration::ZERO, |seen| {
            let seconds = seen.lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
            let seconds = u64::try_from(seconds.unwrap_or(0)).unwrap_or(0);
            (seen.changed + Duration::from_secs(seconds)).saturating_sub(now)
        })
    }

    /// The Lease as it was last seen.
    pub fn lease(&self) -> Option<&Lease> {
        self.seen.as_ref().map(|seen| &seen.lease)
    }

    /// What renews a Lease that is ours and has not expired, without reading it again.
    pub fn renewal(&self, now: Duration, time: Timestamp) -> Option<Lease> {
        let current = self.standing(now) == Standing::Ours && !self.remaining(now).is_zero();
        current.then(|| self.claim(time))
    }

    /// What creates a Lease that is absent. One that was ours a moment ago goes on as it was.
    pub fn creation(&self, now: Duration, time: Timestamp, namespace: &str, name: &str) -> Lease {
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        };
        let spec = match self.renewal(now, time) {
            Some(renewal) => renewal.spec,
            None => Some(LeaseSpec {
                acquire_time: Some(MicroTime(time)),
                lease_transitions: Some(0),
                ..self.held(LeaseSpec::default(), time)
            }),
        };
        Lease { metadata, spec }
    }

    /// What makes the Lease that was last seen ours, or keeps it so. It stands under the
    /// resourceVersion that was seen, and keeps what others have put there.
    pub fn claim(&self, time: Timestamp) -> Lease {
        let lease = self.lease().cloned().unwrap_or_default();
        let before = lease.spec.unwrap_or_default();
        let ours = before.holder_identity.as_ref() == Some(&self.identity);
        let mut spec = self.held(before, time);
        if !ours {
            spec.acquire_time = Some(MicroTime(time));
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0).saturating_add(1));
        }
        Lease { spec: Some(spec), ..lease }
    }

    /// What gives the Lease back, if it names us.
    pub fn release(&self, time: Timestamp) -> Option<Lease> {
        let lease = self.lease()?.clone();
        let spec = lease.spec?;
        (spec.holder_identity.as_ref() == Some(&self.identity)).then(|| Lease {
            spec: Some(LeaseSpec {
                holder_identity: Some(String::new()),
                lease_duration_seconds: Some(1),
                acquire_time: Some(MicroTime(time)),
                renew_time: Some(MicroTime(time)),
                ..spec
            }),
            ..lease
        })
    }

    fn held(&self, before: LeaseSpec, time: Timestamp) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.lease_duration.as_secs()).ok(),
            renew_time: Some(MicroTime(time)),
            ..before
        }
    }

    fn spec(&self) -> Option<&LeaseSpec> {
        self.lease()?.spec.as_ref()
    }
}

/// API servers promise that versions of one object can be compared (KEP-5504).
fn version(lease: &Lease) -> u64 {
    let version = lease.metadata.resource_version.as_deref().unwrap_or_default();
    version.parse().unwrap_or_default()
}

/// What makes a record another one: all of it, with times in whole seconds.
fn content(lease: &Lease) -> Option<LeaseSpec> {
    let whole =
        |time: MicroTime| MicroTime(Timestamp::from_second(time.0.as_second()).unwrap_or(time.0));
    lease.spec.clone().map(|spec| LeaseSpec {
        acquire_time: spec.acquire_time.map(whole),
        renew_time: spec.renew_time.map(whole),
        ..spec
    })
}

#[cfg(test)]
mod tests;
