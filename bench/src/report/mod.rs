//! What is shown of outcomes: a table in Markdown and charts. The numbers themselves are kept as JSON
//! by whoever runs the races.

mod charts;
mod markdown;

use std::path::Path;

use anyhow::Result;

use crate::race::{Outcome, Race};
pub use markdown::markdown;

/// Writes the table of all outcomes, and a chart for each.
pub fn write(folder: &Path, outcomes: &[(Race, Outcome)]) -> Result<()> {
    let tables: Vec<String> =
        outcomes.iter().map(|(race, outcome)| markdown(race, outcome)).collect();
    std::fs::write(folder.join("results.md"), tables.join("\n"))?;
    for (race, outcome) in outcomes {
        let chart = charts::of(race, outcome);
        std::fs::write(folder.join(format!("{}.svg", race.name())), chart)?;
    }
    Ok(())
}
