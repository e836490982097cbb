//! What we keep of a ServiceCIDR.

use allocator::Range;

use crate::key::Text;

/// A networking.k8s.io/v1 ServiceCIDR, narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCidr {
    /// `metadata.name`.
    pub name: Text,
    /// The ranges of `spec.cidrs`, without those that nothing is given from.
    pub ranges: Vec<Range>,
    /// Whether addresses are given from it: it is not being deleted, and its condition Ready is True
    /// or absent, so that it works without a controller for ServiceCIDRs.
    pub open: bool,
}
