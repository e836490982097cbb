//! What the index asks for: a controller should look at a key, now or a little later, because of this.

use jiff::Timestamp;

use crate::key::{Controller, Kind, NamespacedName, ResourceVersion};

/// A key to be looked at by a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Who is to look.
    pub controller: Controller,
    /// The name of a Service and its Endpoints, neither of which need exist.
    pub key: NamespacedName,
    /// How soon.
    pub when: When,
    /// Because of what.
    pub trigger: Trigger,
}

/// How soon a key is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// At once: the Service, or what is mirrored, itself changed.
    Now,
    /// After the batch period: a Pod or a Node changed, and more may follow.
    AfterBatch,
    /// After a second, or the batch period if that is longer: what we wrote was changed by somebody.
    AfterRepairDelay,
}

/// The change that asks for a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The kind of the object that changed.
    pub kind: Kind,
    /// The object that changed.
    pub key: NamespacedName,
    /// What changed on it.
    pub field: Field,
    /// Its resourceVersion, zero where a deletion did not tell.
    pub resource_version: ResourceVersion,
    /// When we saw it, by our clock.
    pub seen: Timestamp,
}

/// What changed on an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// It appeared.
    Created,
    /// It is gone.
    Deleted,
    /// `metadata.labels`.
    Labels,
    /// `spec.selector`.
    Selector,
    /// The condition Ready.
    Ready,
    /// `status.phase`.
    Phase,
    /// `status.podIPs`.
    PodIPs,
    /// `metadata.deletionTimestamp`.
    DeletionTimestamp,
    /// Ports of a Service, or of the containers of a Pod.
    Ports,
    /// `spec.nodeName`.
    NodeName,
    /// The zone label of a Node.
    Zone,
    /// `spec.clusterIPs`.
    ClusterIPs,
    /// What we wrote differs from what we last knew, by somebody else's hand.
    Edited,
    /// Anything else that plans depend on.
    Other,
}

impl Field {
    /// The word for logs.
    pub fn name(self) -> &'static str {
        match self {
            Field::Created => "created",
            Field::Deleted => "deleted",
            Field::Labels => "labels",
            Field::Selector => "selector",
            Field::Ready => "Ready",
            Field::Phase => "phase",
            Field::PodIPs => "podIPs",
            Field::DeletionTimestamp => "deletionTimestamp",
            Field::Ports => "ports",
            Field::NodeName => "nodeName",
            Field::Zone => "zone",
            Field::ClusterIPs => "clusterIPs",
            Field::Edited => "edited",
            Field::Other => "other",
        }
    }
}
