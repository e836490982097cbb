//! What we keep of a ClusterIPPool.

use allocator::Span;
use jiff::Timestamp;

use super::{LabelSelector, Service};
use crate::key::Text;

/// A roster.dev/v1alpha1 ClusterIPPool, narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterIpPool {
    /// `metadata.name`.
    pub name: Text,
    /// `metadata.uid`.
    pub uid: Text,
    /// `metadata.generation`: the version of the spec.
    pub generation: i64,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `spec.ranges`.
    pub spans: Vec<Span>,
    /// `spec.namespaces`.
    pub namespaces: Vec<Text>,
    /// `spec.namespaceSelector`.
    pub namespace_selector: Option<LabelSelector>,
    /// `spec.serviceSelector`.
    pub service_selector: Option<LabelSelector>,
    /// `spec.enforcement`.
    pub enforcement: Enforcement,
    /// `spec.priority`.
    pub priority: i32,
    /// `spec.disabled`.
    pub disabled: bool,
}

/// How binding a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// Services that match get its addresses first.
    Prefer,
    /// Services that match get its addresses, or none.
    Require,
    /// As Require, and nobody else gets its addresses.
    Exclusive,
}

impl ClusterIpPool {
    /// Whether the pool is for a Service, in a namespace with these labels.
    pub fn matches(&self, service: &Service, namespace_labels: &super::Labels) -> bool {
        let everywhere = self.namespaces.is_empty() && self.namespace_selector.is_none();
        let by_name = self.namespaces.contains(&service.key.namespace);
        let by_label = self
            .namespace_selector
            .as_ref()
            .is_some_and(|selector| selector.matches(namespace_labels));
        let by_service =
            self.service_selector.as_ref().is_none_or(|selector| selector.matches(&service.labels));
        (everywhere || by_name || by_label) && by_service
    }

    /// Whether Services that match must have its addresses.
    pub fn binds(&self) -> bool {
        self.enforcement != Enforcement::Prefer
    }
}
