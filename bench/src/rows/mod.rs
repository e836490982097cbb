//! The rows: what is done to the cluster, and what is measured of it. A file each, and an entry in
//! [`ALL`].

mod flips;
mod memory;
mod mirroring;
mod propagation;
mod rollout;
mod start;
mod storm;
mod trace;
mod updates;

use std::future::Future;
use std::pin::Pin;

use anyhow::Result;

use crate::cluster::Cluster;
use crate::contestant::{Entry, Mode, Who};
use crate::figures::{Figure, Goal, Measures};
use crate::tiers::Tier;

/// All rows, in the order in which they are run.
pub const ALL: &[&Row] = &[
    &start::ROW,
    &memory::ROW,
    &flips::LARGE,
    &flips::SMALL,
    &propagation::ROW,
    &updates::NO_OPS,
    &rollout::ROW,
    &storm::ROW,
    &updates::LABELS,
    &mirroring::ROW,
    &trace::ROW,
];

/// A row of the table.
pub struct Row {
    /// `H1`, with a letter where there are several loads.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What is done.
    pub workload: &'static str,
    /// What is measured. The first is what the row is about.
    pub figures: &'static [Figure],
    /// What it should come to.
    pub goals: &'static [Goal],
    /// Who runs, in which order.
    pub order: &'static [Who],
    /// Where it is run in the small race.
    pub small: &'static [(Tier, Mode)],
    /// Where it is run in the large one.
    pub large: &'static [(Tier, Mode)],
    /// One lap of one contestant, from its start to its end.
    pub lap: Lap,
}

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// What fits into twenty minutes with all other rows.
    Small,
    /// What takes the time it takes.
    Large,
}

/// Runs a lap.
pub type Lap = for<'a> fn(&'a mut Cluster, &'a Entry, Size) -> Running<'a>;

/// A lap that runs.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Measures>> + 'a>>;

/// Both managers, so that a drift of the machine hits both alike.
const MANAGERS: &[Who] = &[Who::Roster, Who::Stock, Who::Stock, Who::Roster];
/// The same around the floor.
const WITH_FLOOR: &[Who] =
    &[Who::Roster, Who::Stock, Who::Floor, Who::Floor, Who::Stock, Who::Roster];

impl Row {
    /// Whether it is chosen by a name: `H1` chooses `H1a`, too.
    pub fn is_chosen_by(&self, name: &str) -> bool {
        let letter = self.id.strip_prefix(name);
        letter.is_some_and(|rest| rest.chars().all(|letter| letter.is_ascii_lowercase()))
    }

    /// Whether it can be run only where a trace is given.
    pub fn needs_trace(&self) -> bool {
        self.id == trace::ROW.id
    }
}

impl Size {
    /// One of two, by size.
    pub fn pick<T>(self, small: T, large: T) -> T {
        match self {
            Size::Small => small,
            Size::Large => large,
        }
    }
}
