//! The mirroring controller: Endpoints that somebody wrote by hand for a Service without a selector,
//! copied into EndpointSlices, since kube-proxy reads nothing else (KEP-752).

mod controller;
mod eligible;
mod plan;
mod wanted;

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::facts::{EndpointSlice, Endpoints, Service};
use crate::key::NamespacedName;
use crate::reason::Reason;
use crate::slice_plan::SlicePlan;

pub use controller::MirroringController;
pub use eligible::{Eligibility, eligible};
pub use plan::plan;

/// The managed-by value of the slices that this controller writes.
pub const MANAGED_BY: &str = "endpointslicemirroring-controller.k8s.io";

/// All that a plan for one name is made from.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Namespace and name of the Endpoints, and of the Service.
    pub key: NamespacedName,
    /// The Endpoints, unless they are gone.
    pub endpoints: Option<Arc<Endpoints>>,
    /// The Service, unless it is gone.
    pub service: Option<Arc<Service>>,
    /// All slices that name the Service, ours and others', ordered by name.
    pub slices: Vec<Arc<EndpointSlice>>,
}

/// What the operator limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `--mirroring-max-endpoints-per-subset`.
    pub max_endpoints_per_subset: NonZeroUsize,
}

/// What to write for one name, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What becomes of the slices. A failure ends it.
    pub slices: SlicePlan,
    /// Slices of Endpoints that are not mirrored (any more). Each is deleted whatever becomes of
    /// the others.
    pub clean_up: Vec<Arc<EndpointSlice>>,
    /// Addresses that are left out.
    pub skipped: Skipped,
    /// Sizes, for metrics, if the Endpoints are mirrored.
    pub counts: Option<Counts>,
    /// How the mirror stands.
    pub reason: Reason,
}

/// Addresses of Endpoints that have no place in slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Texts that are no IP addresses, or none that a slice may hold.
    pub invalid: usize,
    /// All that are left out: the invalid ones, and those over the limit of their subset.
    pub total: usize,
}

/// Sizes of the mirror of some Endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Endpoints that should be published.
    pub desired_endpoints: usize,
    /// Endpoints that were not published before.
    pub added: usize,
    /// Published endpoints whose values change.
    pub updated: usize,
    /// Published endpoints that are dropped from ports that are still wanted.
    pub removed: usize,
    /// Slices once the plan is carried out.
    pub slices: usize,
    /// Slices that would be enough.
    pub desired_slices: usize,
}

impl Counts {
    /// Counts a slice that is wanted, with so many endpoints.
    fn want(&mut self, endpoints: usize, max: NonZeroUsize) {
        self.desired_endpoints += endpoints;
        self.slices += 1;
        self.desired_slices += endpoints.div_ceil(max.get());
    }
}

impl Plan {
    /// Whether there is nothing to write.
    pub fn is_settled(&self) -> bool {
        self.slices.is_empty() && self.clean_up.is_empty()
    }
}
