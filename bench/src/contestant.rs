//! A manager under test, and what it uses.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use testbed::{ApiServer, Child, ControllerManager, ControllerManagerOptions};

/// Clock ticks a second in /proc, the same on every Linux there is.
const TICKS: f64 = 100.0;

/// Who races.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Roster.
    Roster,
    /// kube-controller-manager, with limits so high that they do not matter.
    Stock,
}

impl Who {
    /// As the table names it.
    pub fn name(self) -> &'static str {
        match self {
            Who::Roster => "Roster",
            Who::Stock => "kube-controller-manager",
        }
    }
}

/// A running contestant.
pub enum Contestant {
    /// Roster.
    Roster(Child),
    /// kube-controller-manager.
    Stock(ControllerManager),
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// CPU time of all its threads.
    pub cpu: Duration,
    /// Resident memory now, in bytes.
    pub memory: u64,
    /// The most resident memory ever, in bytes.
    pub peak: u64,
}

impl Contestant {
    /// Starts a contestant on an API server.
    pub async fn start(who: Who, roster: &Path, server: &ApiServer) -> Result<Self> {
        let limits = ["--kube-api-qps=5000".to_owned(), "--kube-api-burst=5000".to_owned()];
        if who == Who::Stock {
            let options = ControllerManagerOptions {
                controllers: vec!["endpointslice-controller".to_owned()],
                flags: limits.into(),
            };
            return Ok(Contestant::Stock(ControllerManager::start(server, options).await?));
        }
        let kubeconfig = server.kubeconfig_path();
        let folder = kubeconfig.parent().context("a kubeconfig lies in a folder")?;
        let mut arguments = vec![
            "controller-manager".to_owned(),
            "--leader-elect=false".to_owned(),
            format!("--kubeconfig={}", kubeconfig.display()),
        ];
        arguments.extend(limits);
        Ok(Contestant::Roster(Child::start("roster", roster, &arguments, folder)?))
    }

    /// What it has used so far.
    pub fn usage(&self) -> Result<Usage> {
        let pid = match self {
            Contestant::Roster(child) => child.pid(),
            Contestant::Stock(manager) => manager.pid(),
        };
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .with_context(|| format!("process {pid} is gone"))?;
        // The name may hold anything, but ends with the last parenthesis; then comes field 3.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let field = |number: usize| fields.split_whitespace().nth(number - 3)?.parse::<f64>().ok();
        let (Some(user), Some(system)) = (field(14), field(15)) else {
            bail!("cannot read /proc/{pid}/stat");
        };
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        Ok(Usage {
            cpu: Duration::from_secs_f64((user + system) / TICKS),
            memory: kilobytes(&status, "VmRSS:")?,
            peak: kilobytes(&status, "VmHWM:")?,
        })
    }
}

fn kilobytes(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(number.with_context(|| format!("no {name} in /proc"))? * 1024)
}
