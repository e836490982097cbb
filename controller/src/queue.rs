//! The queue of keys to visit. A key waits at most once, is worked on by one worker at a time, and
//! is never dropped: a visit that fails comes again, ever more slowly, for as long as it fails.

mod state;

use std::hash::Hash;
use std::pin::pin;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::environment::Randomness;
use crate::limiter::Limiter;
use state::State;

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

/// A key to be worked on now.
#[derive(Debug, PartialEq, Eq)]
pub struct Due<K, R> {
    /// The key.
    pub key: K,
    /// Why it was first asked for.
    pub reason: R,
    /// For how long it had been due.
    pub waited: Duration,
}

/// What a queue has done and has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Keys that are due and not yet taken.
    pub depth: usize,
    /// How often a key has come due; one that is asked for again before it is taken counts once.
    pub adds: u64,
    /// How often a key was to come later: after a delay, even one of zero, or after a failure.
    pub postponed: u64,
    /// How long all keys that are being worked on have been, together.
    pub unfinished: Duration,
    /// How long the one has been that has been for longest.
    pub longest_running: Duration,
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
            state: Mutex::default(),
            changed: Notify::new(),
            passed: Notify::new(),
            retries: Limiter::new(Some(RETRIES_PER_SECOND), RETRY_BURST),
            randomness,
        }
    }

    /// Asks for a visit at once. One that is being worked on comes again afterwards.
    pub fn add(&self, key: K, reason: R) {
        self.state.lock().wait(key, Instant::now(), reason);
        self.changed.notify_one();
    }

    /// Asks for a visit after a delay. A key that waits already comes at the earlier of both
    /// times; one that is being worked on comes again afterwards.
    pub fn add_after(&self, key: K, delay: Duration, reason: R) {
        let mut state = self.state.lock();
        state.postponed += 1;
        state.wait(key, Instant::now() + delay, reason);
        drop(state);
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
                state.attended_since.get_or_insert_with(Instant::now);
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
                state.postponed += 1;
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
        self.state.lock().len()
    }

    /// What it has done and has to do.
    pub fn load(&self) -> Load {
        self.state.lock().load(Instant::now())
    }

    /// For how long there has been something to do and no visit has ended. Nothing is to be done
    /// before somebody has asked for the first key.
    pub fn stalled(&self) -> Duration {
        self.state.lock().stalled(Instant::now())
    }

    /// Whether no key waits and none is being worked on.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
