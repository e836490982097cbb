//! `metadata`, as far as every kind needs it.

use std::collections::BTreeMap;
use std::sync::Arc;

use controller_core::facts::Labels;
use controller_core::key::{NamespacedName, ResourceVersion, Text};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// `metadata`, with those annotations `A` that matter to a kind.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata<A = IgnoredAny> {
    pub namespace: Option<Text>,
    pub name: Option<Text>,
    pub uid: Option<Text>,
    pub resource_version: Option<String>,
    pub generation: Option<i64>,
    pub creation_timestamp: Option<String>,
    pub deletion_timestamp: Option<IgnoredAny>,
    pub labels: Option<BTreeMap<Text, Text>>,
    pub annotations: Option<A>,
    pub owner_references: Option<Vec<OwnerReference>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    pub api_version: Option<Text>,
    pub kind: Option<Text>,
    pub name: Option<Text>,
    pub uid: Option<Text>,
    pub controller: Option<bool>,
    pub block_owner_deletion: Option<bool>,
}

impl<A> Metadata<A> {
    pub fn key(&self) -> NamespacedName {
        NamespacedName {
            namespace: self.namespace.clone().unwrap_or_default(),
            name: self.name.clone().unwrap_or_default(),
        }
    }

    pub fn version(&self) -> Option<ResourceVersion> {
        self.resource_version.as_deref()?.parse().ok()
    }

    /// The version, which an object out of the API server always has.
    pub fn required_version(&self) -> Result<ResourceVersion, String> {
        let version = self.resource_version.as_deref().unwrap_or("");
        version
            .parse()
            .map_err(|_| format!("metadata.resourceVersion is {version:?}, not a decimal number"))
    }

    pub fn created(&self) -> Option<Timestamp> {
        timestamp(self.creation_timestamp.as_deref())
    }

    pub fn take_labels(&mut self) -> Labels {
        Arc::new(self.labels.take().unwrap_or_default())
    }
}

/// An RFC 3339 time. What cannot be read counts as not set: no decision hangs on it alone.
pub fn timestamp(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

/// Text that counts as absent when it is empty.
pub fn non_empty(text: Option<Text>) -> Option<Text> {
    text.filter(|text| !text.is_empty())
}
