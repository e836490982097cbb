//! What a process has used, out of /proc.

use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Clock ticks a second in /proc, the same on every Linux there is.
const TICKS: f64 = 100.0;

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

impl Usage {
    /// Of a process that is running.
    pub fn of(pid: u32) -> Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
            .with_context(|| format!("process {pid} is gone"))?;
        Ok(Self {
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
