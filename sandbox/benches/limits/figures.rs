//! What was measured, beside the limits.

use std::process::ExitCode;
use std::time::Duration;

/// Prints figures, and remembers whether all keep their limits.
#[derive(Default)]
pub struct Figures {
    broken: usize,
}

impl Figures {
    /// A time, which may have a limit.
    pub fn time(&mut self, name: &str, measured: Duration, limit: Option<Duration>) {
        let kept = limit.is_none_or(|limit| measured < limit);
        let limit = limit.map_or(String::new(), |limit| format!("under {limit:?}"));
        self.show(name, &format!("{measured:.1?}"), &limit, kept);
    }

    /// An amount of memory, in bytes.
    pub fn memory(&mut self, name: &str, measured: u64, limit: Option<u64>) {
        let kept = limit.is_none_or(|limit| measured < limit);
        let megabytes = |bytes: u64| format!("{} MB", bytes / 1_000_000);
        let limit = limit.map_or(String::new(), |limit| format!("under {}", megabytes(limit)));
        self.show(name, &megabytes(measured), &limit, kept);
    }

    /// Fails if a limit was not kept.
    pub fn verdict(self) -> ExitCode {
        if self.broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn show(&mut self, name: &str, measured: &str, limit: &str, kept: bool) {
        let verdict = if kept { "" } else { "  NOT KEPT" };
        self.broken += usize::from(!kept);
        println!("{name:<48} {measured:>10}  {limit}{verdict}");
    }
}
