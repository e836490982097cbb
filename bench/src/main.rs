//! The race against kube-controller-manager: both on the same API server, one at a time, in the
//! order A B B A. What is compared are ratios of one run.

mod cluster;
mod contestant;
mod flips;
mod load;
mod published;
mod rest;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

/// Starts etcd and kube-apiserver, fills them, and measures Roster beside the stock manager.
/// Progress goes to standard error, tables to standard output.
#[derive(Parser)]
struct Arguments {
    /// The roster program
    #[arg(long)]
    roster: PathBuf,
    /// What to measure; may be given several times. Without it, everything
    #[arg(long, value_enum)]
    row: Vec<Row>,
    /// How long each contestant rests, in seconds
    #[arg(long, default_value_t = 60)]
    rest: u64,
    /// How many Pods become ready or not ready, in each of the two loads
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    flips: u32,
    /// How many Pods are updated in ways that do not matter
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    updates: u32,
    /// How many Pods change a second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pace: u32,
    /// Where to keep the numbers of every lap
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Row {
    /// CPU of a start on a settled cluster, CPU and memory at rest, writes that were not needed
    Rest,
    /// CPU and writes while Pods change
    Flips,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let measures = |row| arguments.row.is_empty() || arguments.row.contains(&row);
    let roster = &arguments.roster;
    let mut cluster = cluster::Cluster::start(roster).await?;
    let mut laps = Vec::new();
    if measures(Row::Rest) {
        laps.extend(rest::run(&cluster, roster, Duration::from_secs(arguments.rest)).await?);
    }
    if measures(Row::Flips) {
        let settings = flips::Settings {
            flips: usize::try_from(arguments.flips)?,
            updates: usize::try_from(arguments.updates)?,
            pace: arguments.pace,
        };
        laps.extend(flips::run(&mut cluster, roster, settings).await?);
    }
    if let Some(path) = arguments.json {
        std::fs::write(&path, serde_json::to_vec_pretty(&laps)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
