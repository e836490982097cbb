//! `testbed`: brings the real control plane to this machine, and starts one to play with.

use anyhow::Result;
use clap::{Parser, Subcommand};
use testbed::{Binaries, ControlPlane, Program};

/// The real Kubernetes control plane, for tests and for looking at.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find or build etcd, kube-apiserver, kube-controller-manager and kubectl, and say where they are
    ///
    /// Looked for in this order: the folder in KUBEBUILDER_ASSETS, what setup-envtest has
    /// downloaded, the cache, and last a build with Go (minutes, once).
    Build {
        /// Also kube-proxy and coredns
        #[arg(long)]
        all: bool,
    },
    /// Start etcd and kube-apiserver on loopback, and keep them until Ctrl-C
    Start,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Build { all } => build(if all { &Program::ALL } else { &Program::USUAL }),
        Command::Start => start().await,
    }
}

fn build(programs: &[Program]) -> Result<()> {
    for program in programs {
        println!("{program:<24} {}", Binaries::default().find(*program)?.display());
    }
    Ok(())
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
