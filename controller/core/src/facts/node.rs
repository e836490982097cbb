//! What we keep of a Node.

use crate::key::Text;

/// A v1 Node, narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `metadata.name`.
    pub name: Text,
    /// Label `topology.kubernetes.io/zone`, if set and not empty; it becomes `endpoints[].zone`.
    pub zone: Option<Text>,
    /// Whether the first condition of type Ready is True.
    pub ready: bool,
    /// `status.allocatable.cpu` in thousandths of a core, zero if not told.
    pub cpu: u64,
    /// Whether one of the labels is set that mark Nodes of the control plane; such Nodes are no part
    /// of their zone's capacity.
    pub control_plane: bool,
}

impl Node {
    /// Whether endpoints on the two would look the same.
    pub fn endpoints_like(&self, other: &Node) -> bool {
        self.zone == other.zone
    }
}
