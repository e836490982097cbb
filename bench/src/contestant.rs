//! Who races, how each is set up, and when it has come to rest.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use testbed::{ApiServer, Child, ControllerManager, ControllerManagerOptions};

use crate::usage::Usage;

/// A contestant whose CPU time does not grow for this long is at rest.
const CALM: Duration = Duration::from_secs(3);
/// Less CPU time than this in [`POLL`] is housekeeping.
const HOUSEKEEPING: Duration = Duration::from_millis(2);
/// How often its CPU time is read.
const POLL: Duration = Duration::from_millis(100);
/// How long it may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(900);
/// What both run.
const CONTROLLERS: [&str; 3] =
    ["endpoints-controller", "endpointslice-controller", "endpointslice-mirroring-controller"];

/// Who races.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// Roster.
    Roster,
    /// kube-controller-manager.
    Stock,
    /// Whoever does only what nobody can do without, to compare with.
    Floor,
}

/// How both managers are set up. Only those of the same mode are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
pub enum Mode {
    /// Defaults: 20 requests a second.
    D,
    /// As Kubernetes' CI: 500 requests a second, changes gather for half a second.
    C,
    /// Tuned: limits so high that they do not matter, no gathering.
    T,
}

/// What is needed to start a contestant.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who.
    pub who: Who,
    /// How.
    pub mode: Mode,
    /// The roster program.
    pub roster: PathBuf,
}

/// A running contestant.
pub struct Contestant {
    process: Process,
    began: Instant,
}

enum Process {
    Own(Child),
    Stock(ControllerManager),
}

/// A contestant at rest.
#[derive(Clone, Copy, Debug)]
pub struct Rested {
    /// What it has used by then.
    pub usage: Usage,
    /// How long after its start it did the last of it.
    pub after: Duration,
}

impl Who {
    /// As tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Who::Roster => "Roster",
            Who::Stock => "kube-controller-manager",
            Who::Floor => "floor",
        }
    }
}

impl Mode {
    fn flags(self) -> &'static [&'static str] {
        match self {
            Mode::D => &[],
            Mode::C => &[
                "--kube-api-qps=500",
                "--kube-api-burst=500",
                "--endpoint-updates-batch-period=500ms",
                "--endpointslice-updates-batch-period=500ms",
                "--mirroring-endpointslice-updates-batch-period=500ms",
            ],
            Mode::T => &[
                "--kube-api-qps=5000",
                "--kube-api-burst=5000",
                "--concurrent-endpoint-syncs=50",
                "--concurrent-service-endpoint-syncs=50",
                "--mirroring-concurrent-service-endpoint-syncs=50",
            ],
        }
    }
}

impl Entry {
    /// Starts it on an API server.
    pub async fn start(&self, server: &ApiServer) -> Result<Contestant> {
        let began = Instant::now();
        let process = match self.who {
            Who::Roster => Process::Own(roster(&self.roster, self.mode, server)?),
            Who::Stock => Process::Stock(stock(self.mode, server).await?),
            Who::Floor => Process::Own(floor(server)?),
        };
        Ok(Contestant { process, began })
    }
}

fn roster(program: &Path, mode: Mode, server: &ApiServer) -> Result<Child> {
    let kubeconfig = server.kubeconfig_path();
    let mut arguments = vec![
        "controller-manager".to_owned(),
        "--leader-elect=false".to_owned(),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", testbed::free_port()?),
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--controllers={}", CONTROLLERS.join(",")),
    ];
    arguments.extend(mode.flags().iter().map(|flag| (*flag).to_owned()));
    Child::start("roster", program, &arguments, folder_of(&kubeconfig)?)
}

async fn stock(mode: Mode, server: &ApiServer) -> Result<ControllerManager> {
    let options = ControllerManagerOptions {
        controllers: CONTROLLERS.map(str::to_owned).into(),
        flags: mode.flags().iter().map(|flag| (*flag).to_owned()).collect(),
    };
    ControllerManager::start(server, options).await
}

/// This program, as the client that reads and discards.
fn floor(server: &ApiServer) -> Result<Child> {
    let kubeconfig = server.kubeconfig_path();
    let arguments = ["floor".to_owned(), kubeconfig.display().to_string()];
    Child::start("floor", &std::env::current_exe()?, &arguments, folder_of(&kubeconfig)?)
}

fn folder_of(kubeconfig: &Path) -> Result<&Path> {
    kubeconfig.parent().context("a kubeconfig lies in a folder")
}

impl Contestant {
    /// Waits until it has come to rest.
    pub async fn calm(&self) -> Result<Rested> {
        let deadline = Instant::now() + PATIENCE;
        let (mut last, mut busy) = (self.usage()?, Instant::now());
        loop {
            tokio::time::sleep(POLL).await;
            let usage = self.usage()?;
            if usage.cpu - last.cpu > HOUSEKEEPING {
                busy = Instant::now();
            }
            if busy.elapsed() > CALM && !usage.cpu.is_zero() {
                return Ok(Rested { usage, after: busy - self.began });
            }
            if Instant::now() > deadline {
                bail!("a contestant does not come to rest");
            }
            last = usage;
        }
    }

    /// What it has used so far.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(match &self.process {
            Process::Own(child) => child.pid(),
            Process::Stock(manager) => manager.pid(),
        })
    }
}
