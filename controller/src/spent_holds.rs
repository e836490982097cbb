//! Removes holds that have done their work. Whoever leads does it, for all replicas.

use std::sync::Arc;
use std::time::Duration;

use controller_core::cluster_ip::holds::Holds;
use controller_core::facts::ClusterIpHold;
use controller_core::index::Source;
use controller_core::key::{Controller, Kind};

use crate::leader::Fence;
use crate::shared_index::SharedIndex;
use crate::wire::{Wire, WireError};

/// How often all holds are looked at.
const ROUND: Duration = Duration::from_secs(1);
/// How long it rests when a hold cannot be removed.
const REST: Duration = Duration::from_secs(10);

/// Removes holds that have done their work.
pub struct HoldRemover {
    /// The way to the API server.
    pub wire: Wire,
    /// What is known.
    pub index: Arc<SharedIndex>,
    /// Until when writes may leave.
    pub fence: Fence,
}

impl HoldRemover {
    /// Runs until it is dropped.
    pub async fn run(self) {
        self.index.synced(Controller::ClusterIp.kinds()).await;
        let mut holds = Holds::default();
        loop {
            tokio::time::sleep(ROUND).await;
            let now = self.index.now();
            let spent = self.index.with(|index| holds.look(index.ledger(), now));
            if let Err(error) = self.remove_all(&spent).await {
                tracing::warn!(err = %error, "Cannot remove a ClusterIPHold; trying again");
                tokio::time::sleep(REST).await;
            }
        }
    }

    async fn remove_all(&self, spent: &[Arc<ClusterIpHold>]) -> Result<(), WireError> {
        for hold in spent {
            if self.fence.is_open() {
                self.remove(hold).await?;
            }
        }
        Ok(())
    }

    async fn remove(&self, hold: &ClusterIpHold) -> Result<(), WireError> {
        let source = match self.wire.delete_hold(hold).await {
            Ok(()) => Source::Answer,
            Err(error) if error.is_not_found() => Source::LiveRead,
            // Another hold has the name, which the watch is about to show.
            Err(error) if error.is_conflict() => return Ok(()),
            Err(error) => return Err(error),
        };
        self.index.delete(Kind::ClusterIpHold, &hold.key(), Some(&hold.uid), source);
        Ok(())
    }
}
