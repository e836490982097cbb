//! The admission webhook on the stock kube-apiserver: two replicas of the program choose the ClusterIPs of
//! Services out of pools, before the server's own allocator does.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod burst;
#[path = "../program/mod.rs"]
mod program;
mod races;
mod relay;
mod rules;
mod stage;
