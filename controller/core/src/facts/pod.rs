//! What we keep of a Pod, in two halves. A change in the planning half may change endpoints and
//! wakes Services; one in the explaining half only changes what we can say about them.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Labels, PodAddress};
use crate::key::{NamespacedName, Text};

/// A v1 Pod, narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Namespace and name.
    pub key: NamespacedName,
    /// `metadata.labels`: decide which Services select the Pod.
    pub labels: Labels,
    /// What endpoints are made from.
    pub planning: Planning,
    /// What explains them.
    pub explaining: Explaining,
}

/// The half of a Pod that endpoints are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planning {
    /// `metadata.uid`.
    pub uid: Text,
    /// `status.phase`, as far as it matters.
    pub phase: Phase,
    /// Whether the first condition of type Ready is True.
    pub ready: bool,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Whether `status.podIP` or `status.podIPs` is set at all.
    pub has_ip: bool,
    /// `status.podIPs`, in their order.
    pub addresses: Vec<PodAddress>,
    /// `spec.nodeName`, unless empty.
    pub node_name: Option<Text>,
    /// `spec.hostname`, unless empty.
    pub hostname: Option<Text>,
    /// `spec.subdomain`, unless empty.
    pub subdomain: Option<Text>,
    /// The ports that containers declare: containers first, then init containers, in their order.
    pub ports: Arc<[ContainerPort]>,
}

/// The half of a Pod that explains its endpoints and wakes nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explaining {
    /// Why the Pod is not ready, as far as the Pod itself tells.
    pub cause: Option<Cause>,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `lastTransitionTime` of the condition Ready, also read for the trigger time of slices.
    pub ready_since: Option<Timestamp>,
    /// The controller among `metadata.ownerReferences`.
    pub owner: Option<Arc<Owner>>,
}

/// `status.phase` of a Pod, as far as endpoints care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Pending, Running, Unknown, or not set.
    Live,
    /// Failed: never runs again.
    Failed,
    /// Succeeded: never runs again.
    Succeeded,
}

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// `name`, empty when unnamed.
    pub name: Text,
    /// `protocol`.
    pub protocol: Text,
    /// `containerPort`.
    pub number: i32,
    /// What kind of container declares it.
    pub container: ContainerKind,
}

/// The kinds of containers that declare ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerKind {
    /// One of `spec.containers`.
    Main,
    /// An init container with restartPolicy Always: it runs beside the others (KEP-753).
    Sidecar,
    /// Any other init container: it has ended before the Pod serves, so its ports never count.
    Init,
}

/// The controller that owns a Pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// `kind`.
    pub kind: Text,
    /// `name`.
    pub name: Text,
    /// `uid`.
    pub uid: Text,
}

pub use super::cause::Cause;
