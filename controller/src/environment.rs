//! What the world gives to the shell: the time and randomness. Both are handed in, so that a test
//! can run the whole manager twice and see the same.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Tells the time of day.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Tells how long ago the machine was started, the time that it was suspended included. Unlike the
/// time of day it is never set, and unlike `Instant` it does not stand still while the machine sleeps.
pub type SinceBoot = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The machine's own [`SinceBoot`].
pub fn since_boot() -> SinceBoot {
    Arc::new(|| {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // Both parts are positive: the clock begins at zero.
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    })
}

/// A source of randomness that several tasks draw from.
#[derive(Clone)]
pub struct Randomness(Arc<Mutex<StdRng>>);

impl Randomness {
    /// The same seed yields the same draws.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Draws in a way of one's own.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.0.lock())
    }

    /// A number between 0 and 1, 1 excluded.
    pub fn fraction(&self) -> f64 {
        self.0.lock().random::<f64>()
    }
}
