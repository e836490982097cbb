//! The index as the shell shares it: locked for one step at a time, never across a wait, and every
//! visit it asks for goes straight to the queue.

use std::collections::HashSet;
use std::time::Duration;

use controller_core::index::{Index, Observation, Source, Trigger, Visit, When};
use controller_core::key::{Kind, NamespacedName, ResourceVersion};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::environment::Clock;
use crate::queue::Queue;

/// A change of a slice by somebody else waits at least this long, as it does in
/// kube-controller-manager, so that whoever makes several of them can finish.
const REPAIR_DELAY: Duration = Duration::from_secs(1);

/// The index, the queue behind it, and the clock they are stamped with.
pub struct SharedIndex {
    index: Mutex<Index>,
    queue: Queue<NamespacedName, Trigger>,
    batch_period: Duration,
    clock: Clock,
    synced: watch::Sender<bool>,
}

impl SharedIndex {
    /// An empty index before a queue.
    pub fn new(
        queue: Queue<NamespacedName, Trigger>,
        batch_period: Duration,
        clock: Clock,
    ) -> Self {
        Self {
            index: Mutex::default(),
            queue,
            batch_period,
            clock,
            synced: watch::Sender::new(false),
        }
    }

    /// Takes in an object.
    pub fn apply(
        &self,
        fact: controller_core::facts::Fact,
        resource_version: ResourceVersion,
        source: Source,
    ) {
        let seen = (self.clock)();
        let observation = Observation { fact, resource_version, source, seen };
        let visits = self.index.lock().apply(observation);
        self.enqueue(visits);
    }

    /// Takes in that an object is gone.
    pub fn delete(&self, kind: Kind, key: &NamespacedName, uid: Option<&str>, source: Source) {
        let visits = self.index.lock().delete(kind, key, uid, source, (self.clock)());
        self.enqueue(visits);
    }

    /// Ends a list.
    pub fn reset(&self, kind: Kind, listed: &HashSet<NamespacedName>, list: ResourceVersion) {
        let mut index = self.index.lock();
        let visits = index.reset(kind, listed, list, (self.clock)());
        let synced = index.is_synced();
        drop(index);
        self.enqueue(visits);
        self.synced.send_replace(synced);
    }

    /// Looks at the index, or changes it in a way that asks for no visits.
    pub fn with<T>(&self, look: impl FnOnce(&mut Index) -> T) -> T {
        look(&mut self.index.lock())
    }

    /// The queue of Services to visit.
    pub fn queue(&self) -> &Queue<NamespacedName, Trigger> {
        &self.queue
    }

    /// The time by the clock that was handed in.
    pub fn now(&self) -> jiff::Timestamp {
        (self.clock)()
    }

    /// Waits until every kind has been listed.
    pub async fn synced(&self) {
        // The sender lives in self, so the wait cannot fail.
        let _ = self.synced.subscribe().wait_for(|synced| *synced).await;
    }

    fn enqueue(&self, visits: Vec<Visit>) {
        for Visit { service, when, trigger } in visits {
            let delay = match when {
                When::Now => Duration::ZERO,
                When::AfterBatch => self.batch_period,
                When::AfterRepairDelay => self.batch_period.max(REPAIR_DELAY),
            };
            self.queue.add(service, delay, trigger);
        }
    }
}
