//! The status of ClusterIPPools, written by whoever leads: every five seconds at most, and only if it has
//! changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use controller_core::cluster_ip::pool_status::{Condition, Counts, PoolStatus};
use controller_core::key::{Controller, NamespacedName, Text};
use controller_core::reconcile::{Notice, NoticeSeverity, Reference};
use jiff::{Timestamp, Unit};
use serde_json::{Map, Value, json};

use crate::events::Recorder;
use crate::leader::Fence;
use crate::shared_index::SharedIndex;
use crate::wire::{Wire, WireError};

/// The shortest time between two writes of one pool.
const ROUND: Duration = Duration::from_secs(5);

/// Writes the status of pools.
pub struct PoolStatusWriter {
    /// The way to the API server.
    pub wire: Wire,
    /// What is known.
    pub index: Arc<SharedIndex>,
    /// Until when writes may leave.
    pub fence: Fence,
    /// Takes events.
    pub recorder: Recorder,
}

impl PoolStatusWriter {
    /// Runs until it is dropped.
    pub async fn run(self) {
        self.index.synced(Controller::ClusterIp.kinds()).await;
        let mut written: BTreeMap<Text, PoolStatus> = BTreeMap::new();
        loop {
            tokio::time::sleep(ROUND).await;
            let statuses = self.index.with(|index| index.pool_statuses());
            written.retain(|name, _| statuses.iter().any(|status| status.name == *name));
            for status in statuses {
                let before = written.get(&status.name);
                if before == Some(&status) || !self.fence.is_open() {
                    continue;
                }
                self.warn(before, &status);
                match self.write(&status).await {
                    Ok(()) => drop(written.insert(status.name.clone(), status)),
                    Err(error) => {
                        tracing::debug!(pool = %status.name, err = %error, "Cannot write the status of a ClusterIPPool; trying again");
                    }
                }
            }
        }
    }

    /// The pool is read first: its status may be right already, and its conditions tell since when.
    async fn write(&self, status: &PoolStatus) -> Result<(), WireError> {
        let Some(mut pool) = self.wire.cluster_ip_pool(&status.name).await? else {
            return Ok(());
        };
        let held = pool.get("status").cloned().unwrap_or_default();
        let wanted = status_object(status, &held, self.index.now());
        if held == wanted {
            return Ok(());
        }
        if let Some(object) = pool.as_object_mut() {
            object.insert("status".to_owned(), wanted);
        }
        self.wire.replace_cluster_ip_pool_status(&status.name, &pool).await
    }

    /// Says once that a pool has become nearly full.
    fn warn(&self, before: Option<&PoolStatus>, status: &PoolStatus) {
        let Some((family, counts)) = status.nearly_full() else {
            return;
        };
        if before.is_some_and(|before| before.nearly_full().is_some()) {
            return;
        }
        let (used, capacity) = (counts.used(), counts.capacity);
        let about = Reference {
            api_version: "roster.dev/v1alpha1",
            kind: "ClusterIPPool",
            key: NamespacedName::cluster(status.name.clone()),
            uid: status.uid.clone(),
            resource_version: None,
        };
        let message = format!("{used} of {capacity} {family} addresses are used");
        let severity = NoticeSeverity::Warning;
        self.recorder.record(
            "clusterip-controller",
            Notice { about, severity, reason: "NearlyFull", message },
        );
    }
}

fn status_object(status: &PoolStatus, held: &Value, now: Timestamp) -> Value {
    let per_family = |count: fn(Counts) -> u128| {
        let counts = status.families.iter().map(|(family, counts)| {
            let number = i64::try_from(count(*counts)).unwrap_or(i64::MAX);
            (family.to_string(), json!(number))
        });
        Value::Object(counts.collect::<Map<_, _>>())
    };
    let conditions = status.conditions.iter();
    let conditions: Vec<Value> = conditions
        .map(|condition| condition_object(condition, status.observed_generation, held, now))
        .collect();
    json!({
        "observedGeneration": status.observed_generation,
        "capacity": per_family(|counts| counts.capacity),
        "used": per_family(Counts::used),
        "available": per_family(|counts| counts.available),
        "held": per_family(|counts| counts.held),
        "conditions": conditions,
    })
}

fn condition_object(condition: &Condition, generation: i64, held: &Value, now: Timestamp) -> Value {
    let text = if condition.holds { "True" } else { "False" };
    let before = held.get("conditions").and_then(Value::as_array).into_iter().flatten();
    let mut same = before.filter(|before| {
        before.get("type") == Some(&json!(condition.kind))
            && before.get("status") == Some(&json!(text))
    });
    let since = same.next().and_then(|before| before.get("lastTransitionTime")).cloned();
    let now = now.round(Unit::Second).unwrap_or(now);
    json!({
        "type": condition.kind,
        "status": text,
        "reason": condition.reason,
        "message": condition.message,
        "observedGeneration": generation,
        "lastTransitionTime": since.unwrap_or_else(|| json!(now.to_string())),
    })
}
