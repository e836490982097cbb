//! The article's story, with the real consumers: what Roster writes is read by kube-proxy and CoreDNS,
//! in network namespaces of its own. `make article` runs it, as root.
//!
//! Reading order: `outside` and `inside` are the two halves of this program, `stage` what stands on it,
//! `story` what happens there.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod inside;
mod leftovers;
mod outside;
mod requirements;

mod network;
mod stage;

mod answerer;
mod kubelet;
mod requester;

mod narrator;
mod programmed;
mod statistics;

mod story;

use std::process::ExitCode;

/// Without a word that it knows it does nothing: `cargo test` runs as anybody, anywhere.
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["play", play, roster] => outside::play(play, roster),
        ["cleanup"] => leftovers::nothing_is_left(),
        ["inside", play, roster] => inside::play(play, roster),
        ["answer", name, folder, ref ports @ ..] => answerer::serve(name, folder, ports),
        ["request", address, rate, count] => requester::run(address, rate, count),
        _ => {
            println!("The article is not played here: it needs root. `make article` plays it.");
            ExitCode::SUCCESS
        }
    }
}
