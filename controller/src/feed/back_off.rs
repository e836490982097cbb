//! How long a feed waits before it tries again.

use std::time::Duration;

use crate::environment::Randomness;

/// The wait after a first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(800);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Waits that double, with jitter so that many feeds do not come back together.
pub struct BackOff {
    wait: Duration,
    randomness: Randomness,
}

impl BackOff {
    pub fn new(randomness: Randomness) -> Self {
        Self { wait: FIRST_WAIT, randomness }
    }

    /// All is well: the next failure is a first one.
    pub fn reset(&mut self) {
        self.wait = FIRST_WAIT;
    }

    /// Waits, and longer the next time.
    pub async fn wait(&mut self, at_least: Duration) {
        let jittered = self.wait.mul_f64(1.0 + self.randomness.fraction());
        tokio::time::sleep(jittered.max(at_least)).await;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }
}
