//! `testbed`: brings the real control plane to this machine, and starts one to play with.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use testbed::{Binaries, ControlPlane, NoGo, Program};

/// The exit code for a control plane that cannot be had here.
const INCOMPLETE: u8 = 3;

/// The real Kubernetes control plane, for tests and for looking at.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find or build the control plane, kubectl, helm and promtool, and say where they are
    ///
    /// Looked for in this order: the folder in KUBEBUILDER_ASSETS, what setup-envtest has
    /// downloaded, the cache, and last a build with Go (minutes, once). Ends with exit code 3 if
    /// something is missing and there is no Go.
    Build {
        /// Also kube-proxy and coredns
        #[arg(long)]
        all: bool,
    },
    /// Start etcd and kube-apiserver on loopback, and keep them until Ctrl-C
    Start,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    match Arguments::parse().command {
        Command::Build { all } => build(if all { &Program::ALL } else { &Program::USUAL }),
        Command::Start => start().await.map(|()| ExitCode::SUCCESS),
    }
}

fn build(programs: &[Program]) -> Result<ExitCode> {
    let mut outcome = ExitCode::SUCCESS;
    for program in programs {
        match Binaries::default().find(*program) {
            Ok(path) => println!("{program:<24} {}", path.display()),
            Err(error) if error.is::<NoGo>() => {
                eprintln!("{error}");
                outcome = ExitCode::from(INCOMPLETE);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(outcome)
}

async fn start() -> Result<()> {
    let plane = ControlPlane::start().await?;
    println!(
        "# kube-apiserver at {}; Ctrl-C ends it and forgets everything",
        plane.api_server.url()
    );
    println!("export KUBECONFIG={}", plane.api_server.kubeconfig_path().display());
    tokio::signal::ctrl_c().await?;
    Ok(())
}
