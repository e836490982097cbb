//! An API server in memory. It is honest about being no production API server: it says yes to
//! everybody and forgets everything. What it does serve, it serves as kube-apiserver does:
//! one resourceVersion for everything, optimistic locking, lists in pages of one revision, watches
//! with selectors and bookmarks, finalizers, grace periods and owner references.
//!
//! [`Sandbox`] is a tower service, so a `kube::Client` can sit right on top of it. Time and
//! randomness are handed in, nothing is served in the order of a hash map, and [`Faults`] fail on
//! command: the same calls yield the same answers.

mod kinds;
mod object;

mod store;

mod taken_addresses;

mod allocations;

mod managed;
mod protobuf;
mod schema;

mod causes;
mod names;
mod negotiate;
mod refusal;
mod request;
mod selector;
mod tokens;

mod serve;

mod answer;
mod encode;
mod faults;
mod sandbox;
mod served;
mod state;

pub mod bootstrap;
pub mod kubeconfig;
pub mod listen;
pub mod persist;
pub mod simulate;

pub use bootstrap::{Addresses, Bootstrap, ClusterIpAllocation};
pub use faults::{Action, Fault, Faults, Refused};
pub use listen::Listener;
pub use request::Verb;
pub use sandbox::{Answer, Clock, Cut, Sandbox, Settings};
pub use served::Served;
