//! What Roster decides, and nothing else: no async, no client, no clock, no lock.
//!
//! A watched object arrives as [`facts`] and goes into the [`index`], which answers which keys to
//! visit. For a key the index gives a snapshot, a controller such as [`endpoint_slices`] turns it
//! into a plan, and somebody else carries the plan out. Read in this order.

pub mod key;

pub mod facts;

pub mod index;
mod membership;
pub mod memory;
pub mod pod_list;
mod shared_text;
pub mod topology;
mod written;

pub mod endpoint;
mod go_hash;
pub mod ports;
pub mod reason;
pub mod slice_plan;
pub mod trigger_time;

pub mod endpoint_slices;
pub mod endpoints;
pub mod mirroring;

pub mod cluster_ip;

pub mod reconcile;

pub mod error_text;
