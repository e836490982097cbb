//! The life of a manager: it stands by, works while it leads and nobody else does, finishes what is in
//! flight, and gives the Lease back.

use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio_util::sync::CancellationToken;

use crate::leader::{Candidate, Fence, Leader};
use crate::manager::Manager;
use crate::takeover::Guard;

/// A manager, and what ends it.
pub struct Shift {
    /// The manager, standing by.
    pub manager: Manager,
    /// Keeps it from being a second writer; none if it may be.
    pub guard: Option<Guard>,
    /// How long what is in flight may take at the end; none means for as long as it takes.
    pub shutdown_timeout: Option<Duration>,
    /// Asks for the end.
    pub stop: CancellationToken,
}

impl Shift {
    /// Works without an election, until told to stop.
    ///
    /// # Errors
    /// If a part of the manager fails, if somebody else begins to write, or if what is in flight does
    /// not finish in time.
    pub async fn alone(mut self) -> Result<()> {
        self.work(Fence::open()).await?;
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
        self.lead(&mut leader).await?;
        if let Err(error) = leader.release().await {
            tracing::warn!(err = %error, "Failed to release lease; it expires by itself");
        }
        Ok(())
    }

    /// Works for as long as the Lease is kept. Dropping the manager aborts what it is doing.
    async fn lead(mut self, leader: &mut Leader) -> Result<()> {
        let fence = leader.fence();
        let worked = async {
            self.work(fence).await?;
            self.finish().await
        };
        tokio::select! {
            worked = worked => worked,
            lost = leader.keep() => Err(anyhow!(lost).context("leaderelection lost")),
        }
    }

    /// Waits until nobody else writes, and works until told to stop.
    async fn work(&mut self, fence: Fence) -> Result<()> {
        tokio::select! {
            () = clear(&self.guard) => {}
            () = self.stop.cancelled() => return Ok(()),
            error = self.manager.failed() => return Err(error),
        }
        self.manager.lead(fence);
        tokio::select! {
            () = self.stop.cancelled() => Ok(()),
            error = self.manager.failed() => Err(error),
            error = intruder(&self.guard) => Err(error),
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

async fn clear(guard: &Option<Guard>) {
    if let Some(guard) = guard {
        guard.clear().await;
    }
}

async fn intruder(guard: &Option<Guard>) -> anyhow::Error {
    match guard {
        Some(guard) => anyhow!(guard.intruder().await).context("another manager writes the same"),
        None => std::future::pending().await,
    }
}
