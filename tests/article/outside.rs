//! The half of the test that stays on the machine: it starts the other half as the first process of
//! namespaces of its own, waits, and looks whether anything was left behind.
//!
//! The kernel does the tidying. When the first process of a process namespace ends, however it ends,
//! all others in it are killed; network namespaces, their links and rules, and mounts go with the last
//! process that uses them. And the first process ends when a pipe to this half closes, which the kernel
//! does even for a process that was killed.

use std::env;
use std::process::{Child, Command, ExitCode, Stdio};

use testbed::{Binaries, Program};

use crate::leftovers::Machine;
use crate::requirements;

/// Plays in there, and fails if the play did, or if it left anything.
pub fn play(play: &str, roster: &str) -> ExitCode {
    let missing = requirements::missing();
    if !missing.is_empty() {
        eprintln!("\n== The article was NOT played. This machine lacks\n{}\n", missing.join("\n"));
        return ExitCode::FAILURE;
    }
    build_programs();
    let before = Machine::look();
    let mut inside = enter(play, roster);
    // `wait` would close it.
    let lifeline = inside.stdin.take();
    let status = inside.wait().unwrap();
    drop(lifeline);
    before.is_unchanged();
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// In there is no network over which Go could fetch anything.
fn build_programs() {
    for program in Program::ALL {
        Binaries::default().find(program).unwrap();
    }
}

/// Files go to a memory that only this process namespace sees, so they end with it, too.
fn enter(play: &str, roster: &str) -> Child {
    Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(env::current_exe().unwrap())
        .args(["inside", play, roster])
        .env("TMPDIR", crate::inside::FILES)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap()
}
