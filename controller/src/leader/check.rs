//! Whether the election is alive: a leader that neither renews its Lease nor ends is broken.

use std::time::Duration;

use super::{Fence, Settings};
use crate::health::Check;

/// How long a leader may be late in ending, as in kube-controller-manager.
const GRACE: Duration = Duration::from_secs(20);

/// The check of an election. A replica that stands by passes it.
pub struct ElectionCheck {
    fence: Fence,
    lease: String,
    /// From when writes may no longer leave until something must be wrong.
    patience: Duration,
}

impl ElectionCheck {
    /// Looks at an election's fence.
    pub fn new(settings: &Settings, fence: Fence) -> Self {
        let expiry = settings.lease_duration.saturating_sub(settings.renew_deadline);
        Self { fence, lease: settings.name.clone(), patience: expiry + GRACE }
    }
}

impl Check for ElectionCheck {
    fn live(&self) -> Result<(), String> {
        if self.fence.overdue() <= self.patience {
            return Ok(());
        }
        Err(format!("failed election to renew leadership on lease {}", self.lease))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_leader_that_is_frozen_for_longer_than_its_lease_and_twenty_seconds_is_ill() {
        let clock = Arc::new(AtomicU64::new(100));
        let reading = clock.clone();
        let since_boot = Arc::new(move || Duration::from_secs(reading.load(Ordering::Relaxed)));
        let fence = Fence::shut_at_first(since_boot);
        let settings = Settings {
            namespace: "kube-system".to_owned(),
            name: "roster".to_owned(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        };
        let check = ElectionCheck::new(&settings, fence.clone());
        clock.store(1000, Ordering::Relaxed);
        assert_eq!(check.live(), Ok(()), "a standby is well");
        // Renewed at 1000.
        fence.extend(Duration::from_secs(1010));
        clock.store(1035, Ordering::Relaxed);
        assert_eq!(check.live(), Ok(()));
        clock.store(1036, Ordering::Relaxed);
        let ill = "failed election to renew leadership on lease roster";
        assert_eq!(check.live(), Err(ill.to_owned()));
        fence.shut();
        assert_eq!(check.live(), Ok(()), "one that has stopped ends by itself");
    }
}
