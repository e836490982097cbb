//! The ClusterIP controller: which addresses a Service needs, from which pool, and what to write.
//!
//! The [`ledger`] knows who has each address. [`needs`] says of which families a Service must have
//! one, as kube-apiserver would; [`pools`] from where each may come; [`mod@plan`] puts it together.
//! [`admission`] decides the same for a Service that a stock API server is about to create, and
//! [`holds`] when a promise made there has done its work.

pub mod admission;
pub mod audit;
mod controller;
pub mod holds;
pub mod ledger;
pub mod needs;
mod plan;
pub mod pool_status;
pub mod pools;
mod precedence;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::ledger::Held;
use self::needs::Served;
use self::pools::Pools;
use crate::facts::{Labels, Service};
use crate::key::{NamespacedName, ResourceVersion, Text};

pub use self::controller::{ClusterIpController, Duty};
pub use self::plan::{Assignment, NewClaim, Plan, Source, plan};

/// All that a plan is made from.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The key of the Service.
    pub key: NamespacedName,
    /// The Service, if it exists, and the version it was seen in.
    pub service: Option<(Arc<Service>, ResourceVersion)>,
    /// The addresses that it lists or that are claimed for it.
    pub held: Vec<Held>,
    /// The uids of Services of this name that were seen to go, while claims of theirs are left.
    pub departed: BTreeSet<Text>,
    /// The families that the cluster serves, if that is known.
    pub served: Option<Served>,
    /// The pools of the cluster.
    pub pools: Arc<Pools>,
    /// The labels of its namespace.
    pub namespace_labels: Labels,
}
