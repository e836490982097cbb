//! The keys of a queue, and when each is due: all that happens under its lock.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use super::{Due, Load};

pub(super) struct State<K, R> {
    entries: HashMap<K, Entry<R>>,
    /// Waiting keys by when they are due; the number keeps first come, first served.
    due: BTreeSet<(Instant, u64, K)>,
    pub(super) arrivals: u64,
    taken: u64,
    pub(super) postponed: u64,
    pub(super) closed: bool,
    /// When the first worker came.
    pub(super) attended_since: Option<Instant>,
    last_settled: Option<Instant>,
}

struct Entry<R> {
    waiting: Option<Waiting<R>>,
    running: Option<Running>,
    failures: u32,
    /// No visit before this.
    rests_until: Option<Instant>,
}

struct Waiting<R> {
    at: Instant,
    arrival: u64,
    reason: R,
}

/// A visit that is being made.
struct Running {
    arrival: u64,
    since: Instant,
}

impl<K, R> Default for State<K, R> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            due: BTreeSet::new(),
            arrivals: 0,
            taken: 0,
            postponed: 0,
            closed: false,
            attended_since: None,
            last_settled: None,
        }
    }
}

impl<K: Clone + Ord + Hash, R> State<K, R> {
    pub(super) fn wait(&mut self, key: K, at: Instant, reason: R) {
        self.arrivals += 1;
        self.join(key, Waiting { at, arrival: self.arrivals, reason });
    }

    /// Of two requests for a key the earlier one counts, with the reason of the first.
    fn join(&mut self, key: K, mut new: Waiting<R>) {
        let entry = self.entries.entry(key.clone()).or_insert(Entry {
            waiting: None,
            running: None,
            failures: 0,
            rests_until: None,
        });
        new.at = entry.rests_until.map_or(new.at, |rest| rest.max(new.at));
        let waiting = match entry.waiting.take() {
            None => new,
            Some(old) => {
                self.due.remove(&(old.at, old.arrival, key.clone()));
                if old.at <= new.at { old } else { Waiting { reason: old.reason, ..new } }
            }
        };
        self.insert(key, waiting);
    }

    fn insert(&mut self, key: K, waiting: Waiting<R>) {
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        if entry.running.is_none() {
            self.due.insert((waiting.at, waiting.arrival, key));
        }
        entry.waiting = Some(waiting);
    }

    pub(super) fn take(&mut self, now: Instant) -> Option<Due<K, R>> {
        if self.due.first()?.0 > now {
            return None;
        }
        let (_, arrival, key) = self.due.pop_first()?;
        let entry = self.entries.get_mut(&key)?;
        let waiting = entry.waiting.take()?;
        entry.running = Some(Running { arrival, since: now });
        self.taken += 1;
        Some(Due { key, reason: waiting.reason, waited: now.duration_since(waiting.at) })
    }

    /// Whether no visit that was asked for by then is being made or due.
    pub(super) fn is_passed(&self, key: &K, until: u64, now: Instant) -> bool {
        self.closed
            || self.entries.get(key).is_none_or(|entry| {
                let running = entry.running.as_ref().is_some_and(|visit| visit.arrival <= until);
                let waiting = entry.waiting.as_ref();
                let due = waiting.is_some_and(|visit| visit.arrival <= until && visit.at <= now);
                !running && !due
            })
    }

    /// How many keys wait or are being worked on.
    pub(super) fn len(&self) -> usize {
        let entries = self.entries.values();
        entries.filter(|entry| entry.running.is_some() || entry.waiting.is_some()).count()
    }

    pub(super) fn load(&self, now: Instant) -> Load {
        let mut load = Load { postponed: self.postponed, ..Load::default() };
        for entry in self.entries.values() {
            load.depth += usize::from(entry.is_due(now));
            if let Some(visit) = &entry.running {
                let running = now.duration_since(visit.since);
                load.unfinished += running;
                load.longest_running = load.longest_running.max(running);
            }
        }
        load.adds = self.taken + load.depth as u64;
        load
    }

    pub(super) fn stalled(&self, now: Instant) -> Duration {
        let running = self.entries.values().filter_map(|entry| entry.running.as_ref());
        let running = running.map(|visit| visit.since);
        let due = self.next_due().filter(|at| *at <= now);
        let (Some(attended), Some(oldest)) = (self.attended_since, running.chain(due).min()) else {
            return Duration::ZERO;
        };
        let since = oldest.max(attended);
        now.duration_since(self.last_settled.map_or(since, |settled| settled.max(since)))
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _, _)| *at)
    }

    pub(super) fn failures(&self, key: &K) -> u32 {
        self.entries.get(key).map_or(0, |entry| entry.failures)
    }

    pub(super) fn rest(&mut self, key: &K, until: Instant) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.rests_until = Some(until);
        }
    }

    /// Ends the work on a key, which failed if it is to be tried again.
    pub(super) fn settle(&mut self, key: &K, now: Instant, retry: Option<(Instant, R)>) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.rests_until = entry.rests_until.filter(|rest| *rest > now);
        entry.running = None;
        self.last_settled = Some(now);
        entry.failures = if retry.is_some() { entry.failures.saturating_add(1) } else { 0 };
        let asked_meanwhile = entry.waiting.take();
        if let Some((at, reason)) = retry {
            self.wait(key.clone(), at, reason);
        }
        if let Some(waiting) = asked_meanwhile {
            self.join(key.clone(), waiting);
        }
        // A key that neither waits nor rests costs nothing.
        let idle = |entry: &Entry<R>| entry.waiting.is_none() && entry.rests_until.is_none();
        if self.entries.get(key).is_some_and(idle) {
            self.entries.remove(key);
        }
    }
}

impl<R> Entry<R> {
    fn is_due(&self, now: Instant) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.at <= now)
    }
}
