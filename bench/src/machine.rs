//! On what a race was run: without that a number says nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The machine, and how busy it was before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// When.
    pub at: String,
    /// What `/proc/cpuinfo` calls the processor.
    pub processor: String,
    /// How many of them.
    pub processors: usize,
    /// Memory, in bytes.
    pub memory: u64,
    /// How many threads wanted to run, on average over the minute before.
    pub load: f64,
}

impl Machine {
    /// This one, now.
    pub fn look() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let (cpus, memory, load) =
            (read("/proc/cpuinfo"), read("/proc/meminfo"), read("/proc/loadavg"));
        let after = |text: &str, name: &str| -> Option<String> {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
        };
        let kilobytes = after(&memory, "MemTotal")
            .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        Self {
            at: Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            processor: after(&cpus, "model name").unwrap_or_default(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory: kilobytes.unwrap_or_default() * 1024,
            load: load
                .split_whitespace()
                .next()
                .and_then(|text| text.parse().ok())
                .unwrap_or_default(),
        }
    }

    /// In words.
    pub fn describe(&self) -> String {
        format!(
            "{}: {} processors ({}), {} GB; load before it {:.1}",
            self.at,
            self.processors,
            self.processor,
            self.memory / 1_000_000_000,
            self.load,
        )
    }
}
