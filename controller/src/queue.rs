//! The queue of keys to visit. A key waits at most once, is worked on by one worker at a time, and
//! is never dropped: a visit that fails comes again, ever more slowly, for as long as it fails.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::pin::pin;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::environment::Randomness;
use crate::limiter::Limiter;

/// The wait after the first failure of a key; it doubles with every further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest wait, give or take a tenth.
const LONGEST_RETRY: Duration = Duration::from_secs(300);
/// Retries over all keys: so many a second, after a burst of so many.
const RETRIES_PER_SECOND: f64 = 10.0;
const RETRY_BURST: u32 = 100;

/// Keys to visit, each with the reason `R` of its first unanswered request.
pub struct Queue<K, R> {
    state: Mutex<State<K, R>>,
    changed: Notify,
    /// Tells that a visit has ended.
    passed: Notify,
    retries: Limiter,
    randomness: Randomness,
}

struct State<K, R> {
    entries: HashMap<K, Entry<R>>,
    /// Waiting keys by when they are due; the number keeps first come, first served.
    due: BTreeSet<(Instant, u64, K)>,
    arrivals: u64,
    closed: bool,
}

struct Entry<R> {
    waiting: Option<Waiting<R>>,
    /// The arrival of the visit that is being made.
    running: Option<u64>,
    failures: u32,
    /// No visit before this.
    rests_until: Option<Instant>,
}

struct Waiting<R> {
    at: Instant,
    arrival: u64,
    reason: R,
}

/// A key to be worked on now.
#[derive(Debug, PartialEq, Eq)]
pub struct Due<K, R> {
    /// The key.
    pub key: K,
    /// Why it was first asked for.
    pub reason: R,
}

/// How a visit ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<R> {
    /// All done. Earlier failures are forgotten.
    Done,
    /// All done, and the key is not visited again before this much time has passed.
    DoneFor(Duration),
    /// To be done again after a back-off, or after at least this time.
    Failed {
        /// What to say on the next visit if nothing else asks for it.
        reason: R,
        /// A wait that the server asked for.
        at_least: Option<Duration>,
    },
}

impl<K: Clone + Ord + Hash, R> Queue<K, R> {
    /// An empty queue.
    pub fn new(randomness: Randomness) -> Self {
        Self {
            state: Mutex::new(State {
                entries: HashMap::new(),
                due: BTreeSet::new(),
                arrivals: 0,
                closed: false,
            }),
            changed: Notify::new(),
            passed: Notify::new(),
            retries: Limiter::new(Some(RETRIES_PER_SECOND), RETRY_BURST),
            randomness,
        }
    }

    /// Asks for a visit after a delay. A key that waits already comes at the earlier of both
    /// times; one that is being worked on comes again afterwards.
    pub fn add(&self, key: K, delay: Duration, reason: R) {
        self.state.lock().wait(key, Instant::now() + delay, reason);
        self.changed.notify_one();
    }

    /// The next key that is due, or nothing once the queue is closed. Whoever takes a key must
    /// settle it.
    pub async fn next(&self) -> Option<Due<K, R>> {
        loop {
            let changed = self.changed.notified();
            let until = {
                let mut state = self.state.lock();
                if state.closed {
                    self.changed.notify_one();
                    return None;
                }
                if let Some(due) = state.take(Instant::now()) {
                    // Somebody else may take the next one.
                    self.changed.notify_one();
                    return Some(due);
                }
                state.next_due()
            };
            match until {
                Some(until) => {
                    let _ = tokio::time::timeout_at(until, changed).await;
                }
                None => changed.await,
            }
        }
    }

    /// Ends a visit. After a failure the key comes again: after one second, two, four, up to five
    /// minutes, and not more than ten keys a second once a hundred have failed.
    pub fn settle(&self, key: &K, outcome: Outcome<R>) {
        let mut state = self.state.lock();
        let retry = match outcome {
            Outcome::Done => None,
            Outcome::DoneFor(rest) => {
                state.rest(key, Instant::now() + rest);
                None
            }
            Outcome::Failed { reason, at_least } => {
                let delay = back_off(state.failures(key), &self.randomness)
                    .max(self.retries.reserve(Instant::now()))
                    .max(at_least.unwrap_or_default());
                Some((Instant::now() + delay, reason))
            }
        };
        state.settle(key, Instant::now(), retry);
        drop(state);
        self.changed.notify_one();
        self.passed.notify_waiters();
    }

    /// Waits for the visits of a key that are being made or due by now. What waits for later, such
    /// as a retry, is not waited for, nor is what is asked for from now on: a busy key would hold
    /// up whoever follows it for ever.
    pub async fn passed(&self, key: &K) {
        let until = self.state.lock().arrivals;
        loop {
            let mut passed = pin!(self.passed.notified());
            // From here on no end of a visit is missed.
            passed.as_mut().enable();
            if self.state.lock().is_passed(key, until, Instant::now()) {
                return;
            }
            passed.await;
        }
    }

    /// Waits until the queue is closed.
    pub async fn closed(&self) {
        loop {
            let mut passed = pin!(self.passed.notified());
            passed.as_mut().enable();
            if self.state.lock().closed {
                return;
            }
            passed.await;
        }
    }

    /// Stops giving out keys.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_one();
        self.passed.notify_waiters();
    }

    /// How many keys wait or are being worked on.
    pub fn len(&self) -> usize {
        self.state
            .lock()
            .entries
            .values()
            .filter(|entry| entry.running.is_some() || entry.waiting.is_some())
            .count()
    }

    /// Whether no key waits and none is being worked on.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Clone + Ord + Hash, R> State<K, R> {
    fn wait(&mut self, key: K, at: Instant, reason: R) {
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

    fn take(&mut self, now: Instant) -> Option<Due<K, R>> {
        if self.due.first()?.0 > now {
            return None;
        }
        let (_, arrival, key) = self.due.pop_first()?;
        let entry = self.entries.get_mut(&key)?;
        let waiting = entry.waiting.take()?;
        entry.running = Some(arrival);
        Some(Due { key, reason: waiting.reason })
    }

    fn is_passed(&self, key: &K, until: u64, now: Instant) -> bool {
        self.closed
            || self.entries.get(key).is_none_or(|entry| {
                let running = entry.running.is_some_and(|arrival| arrival <= until);
                let due = entry
                    .waiting
                    .as_ref()
                    .is_some_and(|waiting| waiting.arrival <= until && waiting.at <= now);
                !running && !due
            })
    }

    fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _, _)| *at)
    }

    fn failures(&self, key: &K) -> u32 {
        self.entries.get(key).map_or(0, |entry| entry.failures)
    }

    fn rest(&mut self, key: &K, until: Instant) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.rests_until = Some(until);
        }
    }

    /// Ends the work on a key, which failed if it is to be tried again.
    fn settle(&mut self, key: &K, now: Instant, retry: Option<(Instant, R)>) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.rests_until = entry.rests_until.filter(|rest| *rest > now);
        entry.running = None;
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

fn back_off(failures: u32, randomness: &Randomness) -> Duration {
    let doubled = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(failures));
    if doubled < LONGEST_RETRY {
        doubled
    } else {
        LONGEST_RETRY.mul_f64(0.9 + 0.2 * randomness.fraction())
    }
}

#[cfg(test)]
mod tests;
