//! What we keep of a Namespace.

use super::Labels;
use crate::key::Text;

/// A v1 Namespace, narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// `metadata.name`.
    pub name: Text,
    /// `metadata.labels`.
    pub labels: Labels,
}
