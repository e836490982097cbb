//! What we keep of a Node.

use crate::key::Text;

/// A v1 Node, narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `metadata.name`.
    pub name: Text,
    /// Label `topology.kubernetes.io/zone`, if set and not empty; it becomes `endpoints[].zone`.
    pub zone: Option<Text>,
    /// Whether the first condition of type Ready is True. It explains Pods, and changes no plan.
    pub ready: bool,
}

impl Node {
    /// Whether the two would lead to the same plans.
    pub fn plans_like(&self, other: &Node) -> bool {
        self.zone == other.zone
    }
}
