//! The Endpoints controller: a Service and the Pods it selects, turned into the one v1 Endpoints
//! object of its name. Deprecated since Kubernetes 1.33 and still read by many.

mod build;
mod capacity;
mod controller;
mod go_order;
mod listed;
mod plan;
pub mod subsets;

use std::sync::Arc;
use std::time::Duration;

use crate::facts::{Endpoints, Service};
use crate::key::{NamespacedName, Text};
use crate::memory::Memory;
use crate::pod_list::PodList;
use crate::reason::Reason;

pub use controller::EndpointsController;
pub use plan::plan;

/// The value of the managed-by label of the objects that this controller writes.
pub const MANAGED_BY: &str = "endpoint-controller";

/// All that a plan for one Service is made from.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The Service's key, which also is that of the Endpoints.
    pub key: NamespacedName,
    /// The Service, unless it is gone.
    pub service: Option<Arc<Service>>,
    /// The Pods it selects.
    pub pods: PodList,
    /// The Endpoints there are, whoever made them.
    pub endpoints: Option<Arc<Endpoints>>,
    /// The uid of Endpoints that have outlived their Service, and are to follow it.
    pub outlived: Option<Text>,
    /// What earlier visits left in mind.
    pub memory: Option<Arc<Memory>>,
}

/// What to write for one Service, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The write, if there is one.
    pub write: Option<Write>,
    /// Why the object is as it is.
    pub reason: Reason,
    /// What to keep in mind once the plan is being carried out.
    pub memory: Option<Arc<Memory>>,
}

/// What to do with the Endpoints of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Make them.
    Create(Endpoints),
    /// Replace them, under the resourceVersion they carry.
    Update(Endpoints),
    /// Remove them once a live read has confirmed that there is no Service of their name.
    Remove(Arc<Endpoints>),
}

/// Objects with no more addresses than this are written as often as they change.
const SMALL: usize = 100;
/// How long a write of a larger object is left to stand, for each address.
const REST_PER_ADDRESS: Duration = Duration::from_micros(500);

impl Write {
    /// How long to leave the object alone after this write. Endpoints are always written whole: a
    /// thousand addresses are 150 kB, written, stored and sent to every watcher for each Pod that
    /// changes. So the first change goes out at once, and what follows gathers for up to half a
    /// second. Slices do not wait.
    pub fn rest(&self) -> Duration {
        let addresses = match self {
            Write::Create(endpoints) | Write::Update(endpoints) => endpoints.len(),
            Write::Remove(_) => 0,
        };
        if addresses <= SMALL {
            return Duration::ZERO;
        }
        REST_PER_ADDRESS.saturating_mul(u32::try_from(addresses).unwrap_or(u32::MAX))
    }
}
