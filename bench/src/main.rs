//! The race against kube-controller-manager: both on the same API server, one at a time, in the
//! order A B B A. What is compared are ratios of one run.

mod contestant;
mod load;
mod rest;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;

/// Starts etcd and kube-apiserver, fills them, and measures Roster beside the stock manager:
/// CPU-seconds of a start on a settled cluster, CPU and memory at rest, and writes that were not
/// needed.
#[derive(Parser)]
struct Arguments {
    /// The roster program
    #[arg(long)]
    roster: PathBuf,
    /// How long each contestant rests, in seconds
    #[arg(long, default_value_t = 60)]
    rest: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    rest::run(&arguments.roster, Duration::from_secs(arguments.rest)).await
}
