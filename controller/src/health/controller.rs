//! Whether a controller works.

use std::sync::Arc;
use std::time::Duration;

use controller_core::index::Trigger;
use controller_core::key::{Controller, Kind, NamespacedName};

use super::{Check, Failures};
use crate::queue::Queue;
use crate::reachability::Reachability;
use crate::shared_index::SharedIndex;

/// A visit is a few writes with a deadline each, so several workers together end one every few
/// seconds, even at a slow API server.
const SLOW: Duration = Duration::from_secs(120);
/// No slowness explains this: a restart is the only thing left to try.
const STUCK: Duration = Duration::from_secs(600);
/// One bad Service must not make a controller unready, nor two.
const MANY: usize = 3;

/// Whether the manager is of use without a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Somebody asked for it.
    Required,
    /// It runs if it may.
    Optional,
}

/// A controller's check. It is live while visits end, and ready when all kinds that it depends on
/// have been listed and are being watched, and writes are accepted.
pub struct ControllerCheck {
    /// The controller.
    pub controller: Controller,
    /// Whether it is asked for.
    pub need: Need,
    /// Knows what has been listed.
    pub index: Arc<SharedIndex>,
    /// Knows what is being watched.
    pub reachability: Arc<Reachability>,
    /// Knows when a visit has ended.
    pub queue: Arc<Queue<NamespacedName, Trigger>>,
    /// Knows what has failed.
    pub failures: Arc<Failures>,
}

impl ControllerCheck {
    fn moves(&self, patience: Duration) -> Result<(), String> {
        let stalled = self.queue.stalled();
        if stalled < patience {
            return Ok(());
        }
        let load = self.queue.load();
        Err(format!(
            "no visit has ended for {} s; {} keys are due, and one has been worked on for {} s",
            stalled.as_secs(),
            load.depth,
            load.longest_running.as_secs()
        ))
    }

    /// Whether it may do nothing, and need not. The log has told why.
    fn rests(&self) -> bool {
        self.need == Need::Optional && self.reachability.refuses(self.controller.kinds())
    }

    fn sees(&self) -> Result<(), String> {
        let kinds = self.controller.kinds();
        let unlisted = self.index.with(|index| {
            let synced = index.synced();
            kinds.iter().filter(|kind| !synced.contains(kind)).map(Kind::to_string).collect()
        });
        let unlisted: Vec<String> = unlisted;
        if unlisted.is_empty() {
            return self.reachability.of(kinds);
        }
        let unlisted = format!("not listed yet: {}", unlisted.join(", "));
        match self.reachability.of(kinds) {
            Ok(()) => Err(unlisted),
            Err(reason) => Err(format!("{unlisted}; {reason}")),
        }
    }

    fn writes(&self) -> Result<(), String> {
        match self.failures.count() {
            ..MANY => Ok(()),
            failed => Err(format!("{failed} keys have failed since the last accepted write")),
        }
    }
}

impl Check for ControllerCheck {
    fn live(&self) -> Result<(), String> {
        self.moves(STUCK)
    }

    fn ready(&self) -> Result<(), String> {
        if self.rests() {
            return Ok(());
        }
        self.sees()?;
        self.moves(SLOW)?;
        self.writes()
    }
}
