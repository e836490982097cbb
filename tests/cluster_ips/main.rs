//! ClusterIPs on an API server that gives none: what the ClusterIP controller claims and writes, and
//! what is left of that when the API server or Roster itself breaks off. Time stands still in these
//! tests while anything runs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod history;
mod view;

mod crashes;
mod given;
mod given_up;
mod metrics;
mod pools;
mod repairs;
