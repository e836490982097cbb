//! A race: one row on one tier in one mode, its contestants one after the other, in an order in which
//! a drift of the machine hits all alike.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::contestant::{Entry, Mode, Who};
use crate::figures::{Measures, Summary};
use crate::machine::Machine;
use crate::progress::Progress;
use crate::rows::{Row, Size};
use crate::tiers::Tier;

/// What is to be raced.
#[derive(Clone, Copy)]
pub struct Race {
    /// The row.
    pub row: &'static Row,
    /// On which cluster.
    pub tier: Tier,
    /// How the managers are set up.
    pub mode: Mode,
    /// How much is done.
    pub size: Size,
}

/// What came of it.
#[derive(Serialize, Deserialize)]
pub struct Outcome {
    /// The row.
    pub row: String,
    /// The tier.
    pub tier: String,
    /// The mode.
    pub mode: Mode,
    /// On what, and when.
    pub machine: Machine,
    /// In the order in which they were run.
    pub laps: Vec<Lap>,
}

/// One lap of one contestant.
#[derive(Serialize, Deserialize)]
pub struct Lap {
    /// Whose.
    pub who: Who,
    /// What it came to.
    pub figures: Measures,
}

impl Race {
    /// As files are named after it: `H1a-S-T`.
    pub fn name(&self) -> String {
        let tier: String = self.tier.name.chars().filter(char::is_ascii_alphanumeric).collect();
        format!("{}-{tier}-{:?}", self.row.id, self.mode)
    }

    /// As people read it.
    pub fn title(&self) -> String {
        format!("{} {}, tier {}, mode {:?}", self.row.id, self.row.title, self.tier.name, self.mode)
    }

    /// Runs all laps.
    pub async fn run(
        &self,
        cluster: &mut Cluster,
        roster: &Path,
        progress: &Progress,
    ) -> Result<Outcome> {
        let machine = Machine::look();
        let (mut laps, mut shown) = (Vec::new(), BTreeSet::new());
        let order = self.row.order;
        for (number, who) in order.iter().copied().enumerate() {
            progress.laps(number + 1, order.len(), who.name());
            let entry = Entry { who, mode: self.mode, roster: roster.to_owned() };
            let figures = (self.row.lap)(cluster, &entry, self.size).await;
            let figures = figures.with_context(|| format!("{}: {}", self.title(), who.name()))?;
            laps.push(Lap { who, figures });
            if who != Who::Floor {
                shown.insert(cluster.agree().await?.rest);
            }
        }
        if shown.len() > 1 {
            bail!("{}: the end states are not equal: {}", self.title(), difference(&shown));
        }
        let (row, tier) = (self.row.id.to_owned(), self.tier.name.to_owned());
        Ok(Outcome { row, tier, mode: self.mode, machine, laps })
    }
}

/// The first thing that one end state has and another has not.
fn difference(shown: &BTreeSet<BTreeSet<String>>) -> String {
    let mut states = shown.iter();
    let (Some(one), Some(other)) = (states.next(), states.next()) else {
        return String::new();
    };
    one.symmetric_difference(other).next().cloned().unwrap_or_default()
}

impl Outcome {
    /// A figure of one contestant.
    pub fn summary(&self, who: Who, figure: &str) -> Option<Summary> {
        let laps = self.laps.iter().filter(|lap| lap.who == who);
        Summary::of(laps.filter_map(|lap| lap.figures.get(figure).copied()))
    }
}
