//! The metadata of the objects that we write: all that an update has to send back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Labels;
use crate::key::{NamespacedName, ResourceVersion, Text};

/// The annotation that carries the time of the oldest change a write publishes.
pub const TRIGGER_TIME_ANNOTATION: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// An object that we keep whole, since we write it.
pub trait Object {
    /// Its metadata.
    fn metadata(&self) -> &ObjectMeta;
}

/// The parts of `metadata` that an update must send back or needs as its condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Namespace and name. The name is empty in a object that is still to be created.
    pub key: NamespacedName,
    /// `generateName`.
    pub generate_name: Option<Text>,
    /// `uid`, empty before creation.
    pub uid: Text,
    /// `resourceVersion`, zero before creation.
    pub resource_version: ResourceVersion,
    /// Whether `deletionTimestamp` is set.
    pub deleting: bool,
    /// `labels`.
    pub labels: Labels,
    /// `annotations`.
    pub annotations: Arc<BTreeMap<Text, Text>>,
    /// `ownerReferences`.
    pub owner_references: Vec<OwnerReference>,
    /// `finalizers`.
    pub finalizers: Vec<Text>,
}

/// An entry of `metadata.ownerReferences`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerReference {
    /// `apiVersion`.
    pub api_version: Text,
    /// `kind`.
    pub kind: Text,
    /// `name`.
    pub name: Text,
    /// `uid`.
    pub uid: Text,
    /// `controller`.
    pub controller: Option<bool>,
    /// `blockOwnerDeletion`.
    pub block_owner_deletion: Option<bool>,
}
