//! A manager under test, and what it uses.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use testbed::{ApiServer, Child, ControllerManager, ControllerManagerOptions};

/// Clock ticks a second in /proc, the same on every Linux there is.
const TICKS: f64 = 100.0;

/// A contestant whose CPU time does not grow for this long is at rest.
const CALM: Duration = Duration::from_secs(3);
/// How long it may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(300);
/// What both run.
const CONTROLLERS: [&str; 3] =
    ["endpoints-controller", "endpointslice-controller", "endpointslice-mirroring-controller"];
/// What both are told: limits so high that they do not matter.
const TUNED: [&str; 5] = [
    "--kube-api-qps=5000",
    "--kube-api-burst=5000",
    "--concurrent-endpoint-syncs=50",
    "--concurrent-service-endpoint-syncs=50",
    "--mirroring-concurrent-service-endpoint-syncs=50",
];
/// In which order the contestants run, so that a drift of the machine hits both alike.
pub const ORDER: [Who; 4] = [Who::Roster, Who::Stock, Who::Stock, Who::Roster];

/// Who races.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Roster.
    Roster,
    /// kube-controller-manager.
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
        let tuned = TUNED.map(str::to_owned);
        if who == Who::Stock {
            let options = ControllerManagerOptions {
                controllers: CONTROLLERS.map(str::to_owned).into(),
                flags: tuned.into(),
            };
            return Ok(Contestant::Stock(ControllerManager::start(server, options).await?));
        }
        let kubeconfig = server.kubeconfig_path();
        let folder = kubeconfig.parent().context("a kubeconfig lies in a folder")?;
        let mut arguments = vec![
            "controller-manager".to_owned(),
            "--leader-elect=false".to_owned(),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", testbed::free_port()?),
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--controllers={}", CONTROLLERS.join(",")),
        ];
        arguments.extend(tuned);
        Ok(Contestant::Roster(Child::start("roster", roster, &arguments, folder)?))
    }

    /// Waits until it has come to rest, and says what it has used by then.
    pub async fn calm(&self) -> Result<Usage> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = self.usage()?.cpu;
        loop {
            tokio::time::sleep(CALM).await;
            let usage = self.usage()?;
            // A few milliseconds are housekeeping.
            if usage.cpu > Duration::ZERO && usage.cpu - last <= Duration::from_millis(20) {
                return Ok(usage);
            }
            if Instant::now() > deadline {
                bail!("a contestant does not come to rest");
            }
            last = usage.cpu;
        }
    }

    /// What it has used so far.
    pub fn usage(&self) -> Result<Usage> {
        let pid = match self {
            Contestant::Roster(child) => child.pid(),
            Contestant::Stock(manager) => manager.pid(),
        };
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
            .with_context(|| format!("process {pid} is gone"))?;
        Ok(Usage {
            // The fine clocks miss threads that have ended, the coarse one misses nothing.
            cpu: cpu_of_threads(pid)?.max(cpu_of_process(pid)?),
            memory: kilobytes(&status, "VmRSS:")?,
            peak: kilobytes(&status, "VmHWM:")?,
        })
    }
}

/// What all living threads have used, in nanoseconds each.
fn cpu_of_threads(pid: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while we look.
        let Ok(text) = std::fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let first = text.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
        nanoseconds += first.with_context(|| format!("cannot read the schedstat of {pid}"))?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// What the process has used, in clock ticks.
fn cpu_of_process(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold anything, but ends with the last parenthesis; then comes field 3.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let field = |number: usize| fields.split_whitespace().nth(number - 3)?.parse::<f64>().ok();
    let (Some(user), Some(system)) = (field(14), field(15)) else {
        bail!("cannot read /proc/{pid}/stat");
    };
    Ok(Duration::from_secs_f64((user + system) / TICKS))
}

fn kilobytes(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(number.with_context(|| format!("no {name} in /proc"))? * 1024)
}
