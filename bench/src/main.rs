//! The race against kube-controller-manager: the same control plane, the same load, one manager at a
//! time, in the order A B B A. What is compared are ratios of one run.

mod contestant;
mod machine;
mod progress;
mod usage;

mod figures;
mod race;
mod rows;

mod cluster;
mod driver;
mod messages;
mod pods;
mod tiers;

mod floor;
mod observer;
mod published;
mod writes;

mod report;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};

use cluster::Cluster;
use progress::Progress;
use race::{Outcome, Race};
use rows::Size;

/// Starts etcd and kube-apiserver, fills them, and measures Roster beside kube-controller-manager. What
/// goes on is told on standard error; the table goes to standard output and into the folder of results,
/// with the numbers of every lap and charts.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// The roster program
    #[arg(long, default_value = "target/release/roster")]
    roster: PathBuf,
    /// What to measure, as H1 or H1a; several by commas. Without it, everything
    #[arg(long, value_delimiter = ',')]
    row: Vec<String>,
    /// The large clusters, and all modes: hours
    #[arg(long)]
    large: bool,
    /// The trace for H12: a CSV file of services, seconds of creation, and seconds of deletion
    #[arg(long)]
    trace: Option<PathBuf>,
    /// Where results are kept
    #[arg(long, default_value = "target/bench")]
    results: PathBuf,
    /// Leave out what the results hold already
    #[arg(long)]
    resume: bool,
}

#[derive(Subcommand)]
enum Part {
    /// The client that reads what managers read, and discards it. Started by the race itself
    #[command(hide = true)]
    Floor { kubeconfig: PathBuf },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(Part::Floor { kubeconfig }) = &arguments.part {
        return floor::run(kubeconfig);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&arguments))
}

async fn run(arguments: &Arguments) -> Result<()> {
    let races = chosen(arguments)?;
    std::fs::create_dir_all(&arguments.results)
        .with_context(|| format!("cannot make {}", arguments.results.display()))?;
    let progress = Progress::of(races.len());
    let mut outcomes = Vec::new();
    let mut cluster: Option<Cluster> = None;
    for race in races {
        progress.begins(&race.title());
        let file = arguments.results.join(format!("{}.json", race.name()));
        if arguments.resume && file.exists() {
            outcomes.push((race, serde_json::from_slice::<Outcome>(&std::fs::read(&file)?)?));
            continue;
        }
        let mut filled = match cluster.take().filter(|cluster| cluster.tier == race.tier) {
            Some(filled) => filled,
            None => Cluster::start(race.tier, &arguments.roster, &progress).await?,
        };
        filled.trace.clone_from(&arguments.trace);
        let outcome = race.run(&mut filled, &arguments.roster, &progress).await?;
        std::fs::write(&file, serde_json::to_vec_pretty(&outcome)?)?;
        cluster = Some(filled);
        progress.rests();
        println!("{}", report::markdown(&race, &outcome));
        outcomes.push((race, outcome));
    }
    report::write(&arguments.results, &outcomes)
}

/// The races that are asked for, those on one tier next to each other, so that a cluster is filled
/// once for all of them.
fn chosen(arguments: &Arguments) -> Result<Vec<Race>> {
    let size = if arguments.large { Size::Large } else { Size::Small };
    for name in &arguments.row {
        let known = rows::ALL.iter().any(|row| row.is_chosen_by(name));
        ensure!(known, "there is no row {name}");
    }
    let asked_for = |row: &rows::Row| match arguments.row.as_slice() {
        [] => arguments.trace.is_some() || !row.needs_trace(),
        names => names.iter().any(|name| row.is_chosen_by(name)),
    };
    let mut races: Vec<Race> = Vec::new();
    for row in rows::ALL.iter().filter(|row| asked_for(row)) {
        for (tier, mode) in size.pick(row.small, row.large).iter().copied() {
            let behind = races.iter().rposition(|race| race.tier == tier);
            let place = behind.map_or(races.len(), |place| place + 1);
            races.insert(place, Race { row, tier, mode, size });
        }
    }
    Ok(races)
}
