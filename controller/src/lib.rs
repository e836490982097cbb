//! Roster's shell: what watches, queues, writes and reports around the decisions of
//! `controller-core`. Read in this order.

pub mod completion;
pub mod config;
pub mod logging;
pub mod run;
pub mod version;

pub mod leader;
pub mod shift;
pub mod takeover;

pub mod audit;

pub mod cluster_ip_mode;
pub mod manager;
pub mod serving;
pub mod webhook;

pub mod environment;
pub mod shared_index;

pub mod feed;
pub mod reachability;
pub mod wire;

pub mod limiter;
pub mod queue;
pub mod worker;

pub mod complaints;
pub mod events;
pub mod executor;
pub mod health;
pub mod metrics;
pub mod pool_status;
pub mod spent_holds;
