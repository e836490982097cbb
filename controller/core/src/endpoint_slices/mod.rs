//! The EndpointSlice controller: a Service, the Pods it selects and the slices there are, turned
//! into the slices there should be.

mod controller;
mod hints;
pub mod labels;
pub mod pack;
mod plan;
mod topology_mode;
mod verdict;

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::facts::{Cause, EndpointSlice, IpFamily, Service};
use crate::index::Nodes;
use crate::key::{NamespacedName, ResourceVersion};
use crate::memory::Memory;
use crate::pod_list::PodList;
use crate::reason::Reason;
use crate::reconcile::Notice;
use crate::slice_plan::SlicePlan;
use crate::topology::Zones;

pub use controller::EndpointSliceController;
pub use hints::HintsOutcome;
pub use labels::MANAGED_BY;
pub use plan::plan;

/// All that a plan for one Service is made from.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The Service's key, also when the Service is gone.
    pub key: NamespacedName,
    /// The Service, unless it is gone.
    pub service: Option<Arc<Service>>,
    /// The Pods it selects.
    pub pods: PodList,
    /// All Nodes.
    pub nodes: Arc<Nodes>,
    /// All slices that name the Service, ours and others', ordered by name.
    pub slices: Vec<Arc<EndpointSlice>>,
    /// The shares of zones in the CPU of all Nodes.
    pub zones: Zones,
    /// What earlier visits left in mind.
    pub memory: Option<Arc<Memory>>,
}

/// What the operator limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `--max-endpoints-per-slice`: up to how many endpoints a slice is filled.
    pub max_endpoints_per_slice: NonZeroUsize,
}

/// What to write for one Service, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Writes by family, IPv4 first. A failure in one does not stop the other.
    pub families: Vec<FamilyPlan>,
    /// Slices of ours whose address type the Service does not have; to be deleted after the rest.
    pub strays: Vec<Arc<EndpointSlice>>,
    /// What makes this visit a failure although all writes may succeed: the Service is visited
    /// again, and an event tells the texts.
    pub errors: Vec<String>,
    /// How every slice stands that names the Service.
    pub slices: Vec<SliceEntry>,
    /// The Service as a whole: the worst reason first, then the others.
    pub service: Vec<Reason>,
    /// What to tell users about hints.
    pub notices: Vec<Notice>,
    /// What to keep in mind once the plan is being carried out.
    pub memory: Option<Arc<Memory>>,
}

impl Plan {
    /// Whether there is nothing to write.
    pub fn is_settled(&self) -> bool {
        self.strays.is_empty() && self.families.iter().all(|family| family.slices.is_empty())
    }
}

/// What to write for one Service in one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyPlan {
    /// The family.
    pub family: IpFamily,
    /// The writes.
    pub slices: SlicePlan,
    /// Sizes, for metrics.
    pub counts: Counts,
    /// Whether there are hints, or why not.
    pub hints: HintsOutcome,
    /// How every selected Pod stands, in the order of the snapshot.
    pub pods: Vec<PodVerdict>,
}

/// Sizes of one family of a Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Endpoints that should be published.
    pub desired_endpoints: usize,
    /// Endpoints that were not published before.
    pub added: usize,
    /// Published endpoints that are dropped.
    pub removed: usize,
    /// Slices once the plan is carried out.
    pub slices: usize,
    /// Slices that would be enough.
    pub desired_slices: usize,
}

/// How a selected Pod stands in one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodVerdict {
    /// Why it is in or out.
    pub reason: Reason,
    /// What keeps it from being ready.
    pub cause: Option<Cause>,
}

/// How a slice stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceEntry {
    /// Its name.
    pub name: crate::key::Text,
    /// The resourceVersion that was judged.
    pub resource_version: ResourceVersion,
    /// Why it is kept, written or left alone.
    pub reason: Reason,
}
