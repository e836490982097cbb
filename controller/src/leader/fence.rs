//! Until when writes may leave. Another replica takes the Lease once it has expired by its own clock,
//! so each of our writes asks ours before it goes, and goes only well before that time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::environment::SinceBoot;

/// A permission to write that ends by itself unless it is extended.
#[derive(Clone)]
pub struct Fence {
    /// Nanoseconds since boot.
    until: Arc<AtomicU64>,
    since_boot: SinceBoot,
}

impl Fence {
    /// For a manager that is alone by its operator's word: always open.
    pub fn open() -> Self {
        Self { until: Arc::new(AtomicU64::new(u64::MAX)), since_boot: Arc::new(|| Duration::ZERO) }
    }

    /// Shut until it is extended.
    pub fn shut_at_first(since_boot: SinceBoot) -> Self {
        Self { until: Arc::default(), since_boot }
    }

    /// Whether a write may leave now.
    pub fn is_open(&self) -> bool {
        !self.remaining().is_zero()
    }

    /// For how long writes may leave from now on.
    pub fn remaining(&self) -> Duration {
        let until = Duration::from_nanos(self.until.load(Ordering::Acquire));
        until.saturating_sub((self.since_boot)())
    }

    /// For how long it has been shut because nobody extended it; nothing if it is open, or was shut
    /// on purpose.
    pub(super) fn overdue(&self) -> Duration {
        match self.until.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            until => (self.since_boot)().saturating_sub(Duration::from_nanos(until)),
        }
    }

    /// Lets writes leave up to a time since boot.
    pub(super) fn extend(&self, until: Duration) {
        let nanoseconds = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        self.until.store(nanoseconds, Ordering::Release);
    }

    /// Lets nothing leave any more.
    pub(super) fn shut(&self) {
        self.until.store(0, Ordering::Release);
    }
}
