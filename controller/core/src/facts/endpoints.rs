//! What we keep of an Endpoints object: all of it but managedFields, since an update writes back
//! what it does not change. The same types are what plans ask to be written.

use super::{Addresses, EndpointPort, Object, ObjectMeta, TargetRef};
use crate::key::Text;

/// The label that names the writer of Endpoints.
pub const MANAGED_BY_LABEL: &str = "endpoints.kubernetes.io/managed-by";
/// The annotation of Endpoints that do not hold all addresses of their Service.
pub const OVER_CAPACITY_ANNOTATION: &str = "endpoints.kubernetes.io/over-capacity";
/// The annotation of Endpoints that old components use as a lock. Such objects describe no Service.
pub const LEADER_ANNOTATION: &str = "control-plane.alpha.kubernetes.io/leader";
/// The label that keeps hand-made Endpoints from being mirrored.
pub const SKIP_MIRROR_LABEL: &str = "endpointslice.kubernetes.io/skip-mirror";

/// v1 Endpoints. They carry the name of their Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// `metadata`.
    pub metadata: ObjectMeta,
    /// `subsets`; null and empty are the same.
    pub subsets: Vec<EndpointSubset>,
}

impl Object for Endpoints {
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Endpoints {
    /// How many entries all lists of addresses hold together.
    pub fn len(&self) -> usize {
        self.subsets.iter().map(EndpointSubset::len).sum()
    }

    /// Whether there is no address at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this is a lock that an old component holds for its leader election, and no list of
    /// endpoints.
    pub fn is_lock(&self) -> bool {
        self.metadata.annotations.contains_key(LEADER_ANNOTATION)
    }
}

/// An entry of `subsets`: every address with every port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSubset {
    /// `addresses`: those that are ready.
    pub addresses: Addresses,
    /// `notReadyAddresses`.
    pub not_ready_addresses: Addresses,
    /// `ports`. Each has a name, which may be empty, a protocol and a number.
    pub ports: Vec<EndpointPort>,
}

impl EndpointSubset {
    /// How many addresses it holds, ready or not.
    pub fn len(&self) -> usize {
        self.addresses.len() + self.not_ready_addresses.len()
    }

    /// Whether it holds no address.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An address of a subset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointAddress {
    /// `ip`.
    pub ip: Text,
    /// `hostname`; empty and absent are the same.
    pub hostname: Option<Text>,
    /// `nodeName`.
    pub node_name: Option<Text>,
    /// `targetRef`.
    pub target_ref: Option<TargetRef>,
}
