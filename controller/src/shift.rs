//! The life of a manager: it stands by, works while it leads, finishes what is in flight, and gives the
//! Lease back.

use std::pin::pin;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio_util::sync::CancellationToken;

use crate::leader::{Candidate, Fence, Leader};
use crate::manager::Manager;

/// A manager, and what ends it.
pub struct Shift {
    /// The manager, standing by.
    pub manager: Manager,
    /// How long what is in flight may take at the end; none means for as long as it takes.
    pub shutdown_timeout: Option<Duration>,
    /// Asks for the end.
    pub stop: CancellationToken,
}

impl Shift {
    /// Works without an election, until told to stop.
    ///
    /// # Errors
    /// If a part of the manager fails, or if what is in flight does not finish in time.
    pub async fn alone(mut self) -> Result<()> {
        self.manager.lead(Fence::open());
        tokio::select! {
            () = self.stop.cancelled() => {}
            error = self.manager.failed() => return Err(error),
        }
        self.finish().await
    }

    /// Stands by until elected, works until told to stop, and gives the Lease back when the last
    /// write has returned.
    ///
    /// # Errors
    /// If the Lease is lost, and for the reasons of [`Shift::alone`]. The Lease is then not given
    /// back: it expires when nothing that was sent can be under way any more.
    pub async fn elected(mut self, candidate: Candidate) -> Result<()> {
        let won = tokio::select! {
            won = candidate.win(&self.stop) => won,
            error = self.manager.failed() => return Err(error),
        };
        let Some(mut leader) = won else {
            return self.finish().await;
        };
        self.work(&mut leader).await?;
        if let Err(error) = leader.release().await {
            tracing::warn!(err = %error, "Failed to release lease; it expires by itself");
        }
        Ok(())
    }

    /// Works for as long as the Lease is kept. Dropping the manager aborts what it is doing.
    async fn work(mut self, leader: &mut Leader) -> Result<()> {
        self.manager.lead(leader.fence());
        let mut kept = pin!(leader.keep());
        tokio::select! {
            () = self.stop.cancelled() => {}
            lost = &mut kept => return Err(anyhow!(lost).context("leaderelection lost")),
            error = self.manager.failed() => return Err(error),
        }
        tokio::select! {
            finished = self.finish() => finished,
            lost = &mut kept => Err(anyhow!(lost).context("leaderelection lost")),
        }
    }

    async fn finish(self) -> Result<()> {
        let Some(timeout) = self.shutdown_timeout else {
            self.manager.stop().await;
            return Ok(());
        };
        tokio::time::timeout(timeout, self.manager.stop())
            .await
            .map_err(|_| anyhow!("Controller shutdown timeout reached after {timeout:?}"))
    }
}
