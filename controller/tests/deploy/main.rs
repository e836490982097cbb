//! What lies in `deploy/`, as those find it who install Roster: rendered by the real kubectl, accepted by
//! the real API server, and started.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

#[path = "../program/mod.rs"]
mod program;

mod accepted;
mod alerts;
mod chart;
mod containerfile;
mod conventions;
mod dashboard;
mod rendered;
mod rights;
mod started;
