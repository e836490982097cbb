//! A guard against growing slower or bigger unnoticed. Fixed loads run under valgrind, which counts
//! instructions and bytes: unlike times, these are the same on a busy machine. Each is compared with
//! the figure kept in `figures.txt`. `make bench-smoke` runs it; `-- --keep` writes the figures anew.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)] // a benchmark may panic

mod count;
mod figures;
mod loads;

#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;

use figures::{Figures, Verdict};
use loads::LOADS;

fn main() -> ExitCode {
    // Cargo says `--bench` to every benchmark.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => compare(),
        ["--keep"] => keep(),
        ["--load", name] => carry(name),
        other => panic!("what is {other:?}? There are --keep, and --load with a name"),
    }
}

/// Carries one load out: the part of this program that runs under valgrind.
fn carry(name: &str) -> ExitCode {
    let load = LOADS.iter().find(|load| load.name == name);
    (load.unwrap_or_else(|| panic!("there is no load {name:?}")).carry)();
    ExitCode::SUCCESS
}

fn counted() -> impl Iterator<Item = (&'static str, u64)> {
    LOADS.iter().map(|load| {
        eprintln!("counting: {} ...", load.name);
        (load.name, count::of(load))
    })
}

fn compare() -> ExitCode {
    let kept = Figures::read();
    let mut all_well = true;
    for (name, now) in counted() {
        let verdict = kept.judge(name, now);
        println!("{name:<46} {now:>9} {verdict}");
        all_well &= !matches!(verdict, Verdict::Grown { .. } | Verdict::Unknown);
    }
    if all_well {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "More than is kept in {}. If it has to be so, say why in the commit that keeps the new figures: make bench-smoke KEEP=--keep",
        figures::PATH
    );
    ExitCode::FAILURE
}

fn keep() -> ExitCode {
    let figures: Figures = counted().collect();
    figures.write();
    println!("{figures}");
    ExitCode::SUCCESS
}
