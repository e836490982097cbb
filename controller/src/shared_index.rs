//! The index as the shell shares it: locked for one step at a time, never across a wait, and every
//! visit it asks for goes straight to the queue, once somebody is there to make it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use controller_core::index::{Index, Observation, Source, Trigger, Visit, When};
use controller_core::key::{Controller, Kind, NamespacedName, ResourceVersion};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::environment::Clock;
use crate::queue::Queue;

/// A change by somebody else of what we wrote waits at least this long, as it does in
/// kube-controller-manager, so that whoever makes several of them can finish.
const REPAIR_DELAY: Duration = Duration::from_secs(1);

/// The keys that a controller is to visit, and how long it waits for more changes of a key.
pub struct Intake {
    /// The queue.
    pub queue: Arc<Queue<NamespacedName, Trigger>>,
    /// How long changes of Pods, Nodes and slices may gather.
    pub batch_period: Duration,
}

/// The index, the queues behind it, and the clock they are stamped with.
pub struct SharedIndex {
    index: Mutex<Index>,
    /// The controllers that run.
    intakes: BTreeMap<Controller, Intake>,
    clock: Clock,
    /// Whether visits are made. Until then none is asked for: what is gathered while standing by is
    /// visited all at once.
    at_work: AtomicBool,
    /// The kinds that have been listed.
    synced: watch::Sender<BTreeSet<Kind>>,
}

impl SharedIndex {
    /// An empty index before the queues of the controllers that run.
    pub fn new(intakes: BTreeMap<Controller, Intake>, clock: Clock) -> Self {
        let kinds = intakes.keys().flat_map(|controller| controller.kinds()).copied().collect();
        let index = Mutex::new(Index::of(kinds));
        Self {
            index,
            intakes,
            clock,
            at_work: AtomicBool::default(),
            synced: watch::Sender::default(),
        }
    }

    /// Asks for visits from now on, and for one of everything that is known already.
    pub fn begin_work(&self) {
        let index = self.index.lock();
        // Whoever takes something in after this sees it; what was taken in before is in the index.
        self.at_work.store(true, Ordering::Release);
        drop(index);
        self.visit_all();
    }

    /// Asks for a visit of everything that is known.
    pub fn visit_all(&self) {
        let visits = self.index.lock().all_visits((self.clock)());
        self.enqueue(visits);
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
        let synced = index.synced().clone();
        drop(index);
        self.enqueue(visits);
        self.synced.send_replace(synced);
    }

    /// Takes Services for gone that have been missing since before a time, although something is
    /// claimed for them.
    pub fn presume_departed(&self, before: jiff::Timestamp) {
        let visits = self.index.lock().departures(before, (self.clock)());
        self.enqueue(visits);
    }

    /// Takes claims on ClusterIPs that were made before a time for settled.
    pub fn settle_claims(&self, before: jiff::Timestamp) {
        let visits = self.index.lock().settlements(before, (self.clock)());
        self.enqueue(visits);
    }

    /// Asks for a visit of everything by one controller.
    pub fn revisit(&self, controller: Controller) {
        let mut visits = self.index.lock().all_visits((self.clock)());
        visits.retain(|visit| visit.controller == controller);
        self.enqueue(visits);
    }

    /// Looks at the index, or changes it in a way that asks for no visits.
    pub fn with<T>(&self, look: impl FnOnce(&mut Index) -> T) -> T {
        look(&mut self.index.lock())
    }

    /// The queues of all controllers that run.
    pub fn queues(&self) -> impl Iterator<Item = &Arc<Queue<NamespacedName, Trigger>>> {
        self.intakes.values().map(|intake| &intake.queue)
    }

    /// The time by the clock that was handed in.
    pub fn now(&self) -> jiff::Timestamp {
        (self.clock)()
    }

    /// Waits until all of these kinds have been listed.
    pub async fn synced(&self, kinds: &[Kind]) {
        let listed = |synced: &BTreeSet<Kind>| kinds.iter().all(|kind| synced.contains(kind));
        // The sender lives in self, so the wait cannot fail.
        let _ = self.synced.subscribe().wait_for(listed).await;
    }

    fn enqueue(&self, visits: Vec<Visit>) {
        if !self.at_work.load(Ordering::Acquire) {
            return;
        }
        for Visit { controller, key, when, trigger } in visits {
            // What concerns a controller that does not run concerns nobody.
            let Some(Intake { queue, batch_period }) = self.intakes.get(&controller) else {
                continue;
            };
            match when {
                When::Now => queue.add(key, trigger),
                When::AfterBatch => queue.add_after(key, *batch_period, trigger),
                When::AfterRepairDelay => {
                    queue.add_after(key, REPAIR_DELAY.max(*batch_period), trigger);
                }
            }
        }
    }
}
