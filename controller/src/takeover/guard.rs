//! Keeps us from being a second writer: nothing is written before no stock manager writes the same,
//! and what we do is broken off if one begins to.

use std::collections::BTreeSet;
use std::time::Duration;

use controller_core::key::Controller;

use super::sighting::Lookout;
use super::verdict::{Sighting, Verdict};
use crate::environment::Clock;
use crate::wire::WireError;

/// How often it is looked whether the way is clear.
const WAITING: Duration = Duration::from_secs(2);
/// How often the log says that it is not, in looks.
const SAID_EVERY: usize = 30;
/// How often it is looked whether the way still is clear.
const WORKING: Duration = Duration::from_secs(10);
/// How often everything is looked at that can be, in looks.
const THOROUGH_EVERY: usize = 30;

/// Looks out for a second writer.
pub struct Guard {
    lookout: Lookout,
    ours: BTreeSet<Controller>,
    clock: Clock,
}

impl Guard {
    /// Keeps these controllers of ours from writing what another manager writes.
    pub fn new(lookout: Lookout, ours: BTreeSet<Controller>, clock: Clock) -> Self {
        Self { lookout, ours, clock }
    }

    /// Waits until nobody else is seen to write. What we have no right to see holds nothing up.
    pub async fn clear(&self) {
        for round in 0.. {
            match self.judge(self.lookout.look().await) {
                Ok(Verdict::Alone(reason)) => {
                    tracing::info!(reason, "Nobody else writes");
                    return;
                }
                Ok(Verdict::Contended(reasons)) if round % SAID_EVERY == 0 => tracing::error!(
                    err = reasons.join("; "),
                    "Another manager writes what this one would; waiting until it does not. `roster \
                     takeover check` says how to take over"
                ),
                Ok(Verdict::Contended(_)) => {}
                Ok(Verdict::Unknown(reason)) => {
                    tracing::warn!(reason, "Cannot tell whether another manager writes; going on");
                    return;
                }
                Err(error) if error.is_forbidden() => {
                    tracing::warn!(err = %error, "Not allowed to see whether another manager writes; going on");
                    return;
                }
                // An API server that is away lets nobody write.
                Err(error) => {
                    tracing::debug!(err = %error, "Cannot see whether another manager writes")
                }
            }
            tokio::time::sleep(WAITING).await;
        }
    }

    /// Comes back when somebody else begins to write, and tells why it is thought so.
    pub async fn intruder(&self) -> String {
        for round in 1.. {
            tokio::time::sleep(WORKING).await;
            let seen = match round % THOROUGH_EVERY {
                0 => self.lookout.look().await,
                _ => self.lookout.glance().await,
            };
            if let Ok(Verdict::Contended(reasons)) = self.judge(seen) {
                return reasons.join("; ");
            }
        }
        std::future::pending().await
    }

    fn judge(&self, seen: Result<Sighting, WireError>) -> Result<Verdict, WireError> {
        Ok(seen?.judge(&self.ours, (self.clock)()))
    }
}
