//! What EndpointSlices and Endpoints have in common, both ways.

use std::collections::BTreeMap;
use std::sync::Arc;

use controller_core::facts::endpoint_slice::TargetRefRest;
use controller_core::facts::{self, Labels, TargetRef};
use controller_core::key::{NamespacedName, Text};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as metav1;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::metadata::OwnerReference;

/// Metadata that an update sends back, so more of it than other kinds need.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WrittenMetadata {
    namespace: Option<Text>,
    name: Option<Text>,
    generate_name: Option<Text>,
    uid: Option<Text>,
    resource_version: Option<String>,
    deletion_timestamp: Option<IgnoredAny>,
    labels: Option<BTreeMap<Text, Text>>,
    annotations: Option<BTreeMap<Text, Text>>,
    owner_references: Option<Vec<OwnerReference>>,
    finalizers: Option<Vec<Text>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointPort {
    name: Option<Text>,
    protocol: Option<Text>,
    port: Option<i32>,
    app_protocol: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectRef {
    kind: Option<Text>,
    namespace: Option<Text>,
    name: Option<Text>,
    uid: Option<Text>,
    api_version: Option<Text>,
    field_path: Option<Text>,
    resource_version: Option<Text>,
}

impl WrittenMetadata {
    pub fn into_fact(self) -> Result<facts::ObjectMeta, String> {
        let version = self.resource_version.as_deref().unwrap_or("");
        let owners = self.owner_references.into_iter().flatten();
        Ok(facts::ObjectMeta {
            resource_version: version.parse().map_err(|_| {
                format!("metadata.resourceVersion is {version:?}, not a decimal number")
            })?,
            key: NamespacedName {
                namespace: self.namespace.unwrap_or_default(),
                name: self.name.unwrap_or_default(),
            },
            generate_name: self.generate_name,
            uid: self.uid.unwrap_or_default(),
            deleting: self.deletion_timestamp.is_some(),
            labels: Arc::new(self.labels.unwrap_or_default()),
            annotations: Arc::new(self.annotations.unwrap_or_default()),
            owner_references: owners.map(OwnerReference::into_fact).collect(),
            finalizers: self.finalizers.unwrap_or_default(),
        })
    }
}

impl OwnerReference {
    fn into_fact(self) -> facts::OwnerReference {
        facts::OwnerReference {
            api_version: self.api_version.unwrap_or_default(),
            kind: self.kind.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            uid: self.uid.unwrap_or_default(),
            controller: self.controller,
            block_owner_deletion: self.block_owner_deletion,
        }
    }
}

impl EndpointPort {
    pub fn into_fact(self) -> facts::EndpointPort {
        facts::EndpointPort {
            name: self.name,
            protocol: self.protocol,
            port: self.port,
            app_protocol: self.app_protocol,
        }
    }
}

impl ObjectRef {
    pub fn into_fact(self) -> TargetRef {
        let rest = TargetRefRest {
            api_version: self.api_version,
            field_path: self.field_path,
            resource_version: self.resource_version,
        };
        TargetRef {
            kind: self.kind,
            namespace: self.namespace,
            name: self.name,
            uid: self.uid,
            rest: (rest != TargetRefRest::default()).then(|| Box::new(rest)),
        }
    }
}

/// Metadata as a write sends it.
pub fn object_meta(metadata: &facts::ObjectMeta) -> metav1::ObjectMeta {
    let stored = !metadata.uid.is_empty();
    let map = |labels: &Labels| -> Option<BTreeMap<String, String>> {
        let pairs = labels.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        (!labels.is_empty()).then(|| pairs.collect())
    };
    let owners = metadata.owner_references.iter().map(|owner| metav1::OwnerReference {
        api_version: owner.api_version.to_string(),
        kind: owner.kind.to_string(),
        name: owner.name.to_string(),
        uid: owner.uid.to_string(),
        controller: owner.controller,
        block_owner_deletion: owner.block_owner_deletion,
    });
    metav1::ObjectMeta {
        namespace: Some(metadata.key.namespace.to_string()),
        name: (!metadata.key.name.is_empty()).then(|| metadata.key.name.to_string()),
        generate_name: text(&metadata.generate_name),
        uid: stored.then(|| metadata.uid.to_string()),
        resource_version: stored.then(|| metadata.resource_version.to_string()),
        labels: map(&metadata.labels),
        annotations: map(&metadata.annotations),
        owner_references: Some(owners.collect()),
        finalizers: Some(metadata.finalizers.iter().map(|text| text.to_string()).collect()),
        ..metav1::ObjectMeta::default()
    }
}

/// A reference as a write sends it.
pub fn target_ref(target: &TargetRef) -> ObjectReference {
    let rest = target.rest.as_deref().cloned().unwrap_or_default();
    ObjectReference {
        api_version: text(&rest.api_version),
        field_path: text(&rest.field_path),
        kind: text(&target.kind),
        name: text(&target.name),
        namespace: text(&target.namespace),
        resource_version: text(&rest.resource_version),
        uid: text(&target.uid),
    }
}

/// Text as the API's own types hold it.
pub fn text(text: &Option<Text>) -> Option<String> {
    text.as_ref().map(|text| text.to_string())
}
