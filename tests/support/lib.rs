//! What the tests share: objects in a line, a cluster to put them in, and Roster beside it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

pub mod audit;
pub mod cluster;
pub mod history;
pub mod metrics;
pub mod objects;
pub mod published;
pub mod random;
pub mod replica;
pub mod roster;
pub mod server;
pub mod view;
pub mod visitor;
pub mod world;

pub use audit::AuditLog;
pub use cluster::Cluster;
pub use history::Op;
pub use objects::{PodObject, node, pod, service};
pub use published::Published;
pub use roster::Roster;
pub use server::Server;
pub use view::{EndpointsView, SliceView, slices};
pub use visitor::Visitor;
pub use world::World;
