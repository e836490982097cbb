//! `process_…`: what the kernel says of the process, under the names that all Prometheus clients use;
//! and `kubernetes_build_info`.

use std::fs;

use prometheus::{Counter, Gauge, GaugeVec, Opts, Registry, Result};

use super::family::{Families, Family, Stability};
use crate::version;

/// What `/proc` and the compiler know.
pub struct ProcessMetrics {
    cpu: Counter,
    open_files: Gauge,
    most_files: Gauge,
    resident_memory: Gauge,
    virtual_memory: Gauge,
    most_virtual_memory: Gauge,
    received: Counter,
    sent: Counter,
    started: Option<f64>,
}

impl ProcessMetrics {
    pub fn new(registry: &Registry) -> Result<Self> {
        let gauge = |name: &str, help: &str| {
            let gauge = Gauge::with_opts(Opts::new(format!("process_{name}"), help))?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<Gauge, prometheus::Error>(gauge)
        };
        let counter = |name: &str, help: &str| {
            let counter = Counter::with_opts(Opts::new(format!("process_{name}"), help))?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<Counter, prometheus::Error>(counter)
        };
        let started = start_time();
        gauge("start_time_seconds", START_TIME)?.set(started.unwrap_or_default());
        build_info(registry)?.set(1.0);
        Ok(Self {
            cpu: counter("cpu_seconds_total", "Total user and system CPU time spent in seconds.")?,
            open_files: gauge("open_fds", "Number of open file descriptors.")?,
            most_files: gauge("max_fds", "Maximum number of open file descriptors.")?,
            resident_memory: gauge("resident_memory_bytes", "Resident memory size in bytes.")?,
            virtual_memory: gauge("virtual_memory_bytes", "Virtual memory size in bytes.")?,
            most_virtual_memory: gauge(
                "virtual_memory_max_bytes",
                "Maximum amount of virtual memory available in bytes.",
            )?,
            received: counter(
                "network_receive_bytes_total",
                "Number of bytes received by the process over the network.",
            )?,
            sent: counter(
                "network_transmit_bytes_total",
                "Number of bytes sent by the process over the network.",
            )?,
            started,
        })
    }

    /// When the process started, in seconds since 1970, if the kernel says it.
    pub fn started(&self) -> Option<f64> {
        self.started
    }

    /// Asks the kernel. What it does not say stays as it was.
    pub fn refresh(&self) {
        if let Some(stat) = Stat::read() {
            set(&self.cpu, stat.cpu_seconds());
            self.virtual_memory.set(stat.number(Stat::VIRTUAL_MEMORY));
            let pages = stat.number(Stat::RESIDENT_PAGES);
            self.resident_memory.set(pages * rustix::param::page_size() as f64);
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            self.open_files.set(files.count() as f64);
        }
        if let Some(most) = limit("Max open files") {
            self.most_files.set(most);
        }
        if let Some(most) = limit("Max address space") {
            self.most_virtual_memory.set(most);
        }
        if let Some((received, sent)) = traffic() {
            set(&self.received, received);
            set(&self.sent, sent);
        }
    }
}

/// The help text of a family that stands on two pages.
pub const START_TIME: &str = "Start time of the process since unix epoch in seconds.";

/// When the process started, in seconds since 1970.
pub fn start_time() -> Option<f64> {
    let booted = fs::read_to_string("/proc/stat").ok()?;
    let booted = booted.lines().find_map(|line| line.strip_prefix("btime "))?.trim();
    let booted: f64 = booted.parse().ok()?;
    Some(booted + Stat::read()?.number(Stat::STARTED) / ticks())
}

fn set(counter: &Counter, value: f64) {
    counter.reset();
    counter.inc_by(value);
}

/// `/proc/self/stat` from its third field on: the second is a name that may hold anything.
struct Stat(Vec<f64>);

impl Stat {
    const USER_TIME: usize = 14;
    const SYSTEM_TIME: usize = 15;
    const STARTED: usize = 22;
    const VIRTUAL_MEMORY: usize = 23;
    const RESIDENT_PAGES: usize = 24;

    fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        let (_, fields) = text.rsplit_once(')')?;
        Some(Self(fields.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect()))
    }

    /// A field by its number in the manual (proc_pid_stat(5)).
    fn number(&self, field: usize) -> f64 {
        self.0.get(field.saturating_sub(3)).copied().unwrap_or_default()
    }

    fn cpu_seconds(&self) -> f64 {
        (self.number(Self::USER_TIME) + self.number(Self::SYSTEM_TIME)) / ticks()
    }
}

fn ticks() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

/// The soft limit of a resource. Go's libraries show no limit as the largest number.
fn limit(resource: &str) -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix(resource))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX as f64),
        number => number.parse().ok(),
    }
}

/// Bytes received and sent by all who share our network.
fn traffic() -> Option<(f64, f64)> {
    let netstat = fs::read_to_string("/proc/self/net/netstat").ok()?;
    let mut lines = netstat.lines().filter_map(|line| line.strip_prefix("IpExt: "));
    let (names, values) = (lines.next()?, lines.next()?);
    let value = |wanted: &str| {
        let mut pairs = names.split(' ').zip(values.split(' '));
        pairs.find(|(name, _)| *name == wanted)?.1.parse().ok()
    };
    Some((value("InOctets")?, value("OutOctets")?))
}

/// The version of Roster, in the labels in which Kubernetes' programs show theirs.
fn build_info(registry: &Registry) -> Result<Gauge> {
    let families = Families { registry, prefix: "kubernetes" };
    let family: GaugeVec = families.fractional_gauge(Family {
        stability: Stability::Beta,
        name: "build_info",
        help: "A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
        labels: &[
            "major",
            "minor",
            "git_version",
            "git_commit",
            "git_tree_state",
            "build_date",
            "go_version",
            "compiler",
            "platform",
        ],
    })?;
    Ok(family.with_label_values(&[
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        version::VERSION,
        "",
        "",
        "",
        "",
        version::COMPILER,
        &version::platform(),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_knows_this_process() {
        let registry = Registry::new();
        let metrics = ProcessMetrics::new(&registry).unwrap();
        metrics.refresh();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let age = now.as_secs_f64() - metrics.started().unwrap();
        assert!((-2.0..3600.0).contains(&age), "started {age} s ago");
        assert!(metrics.resident_memory.get() > 1e6);
        assert!(metrics.virtual_memory.get() > metrics.resident_memory.get());
        assert!(metrics.open_files.get() >= 3.0);
        assert!(metrics.most_files.get() >= metrics.open_files.get());
        assert!(metrics.most_virtual_memory.get() > metrics.virtual_memory.get());
    }
}
