//! An EndpointSlice out of JSON, and back as the API's own type.

use std::collections::BTreeMap;
use std::sync::Arc;

use controller_core::facts::endpoint_slice::TargetRefRest;
use controller_core::facts::{self, AddressType, Hints, Labels, TargetRef};
use controller_core::key::{NamespacedName, ResourceVersion, Text};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::discovery::v1 as discoveryv1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as metav1;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::WireError;
use super::metadata::OwnerReference;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSlice {
    metadata: SliceMetadata,
    address_type: Option<String>,
    ports: Option<Vec<EndpointPort>>,
    endpoints: Option<Vec<Endpoint>>,
}

/// Metadata that an update sends back, so more of it than other kinds need.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SliceMetadata {
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
struct EndpointPort {
    name: Option<Text>,
    protocol: Option<Text>,
    port: Option<i32>,
    app_protocol: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Endpoint {
    addresses: Option<Vec<Text>>,
    conditions: Conditions,
    hostname: Option<Text>,
    node_name: Option<Text>,
    zone: Option<Text>,
    target_ref: Option<ObjectRef>,
    hints: Option<EndpointHints>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Conditions {
    ready: Option<bool>,
    serving: Option<bool>,
    terminating: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ObjectRef {
    kind: Option<Text>,
    namespace: Option<Text>,
    name: Option<Text>,
    uid: Option<Text>,
    api_version: Option<Text>,
    field_path: Option<Text>,
    resource_version: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EndpointHints {
    for_zones: Option<Vec<NamedHint>>,
    for_nodes: Option<Vec<NamedHint>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NamedHint {
    name: Option<Text>,
}

impl EndpointSlice {
    pub fn into_fact(self) -> Result<(facts::EndpointSlice, ResourceVersion), String> {
        let metadata = self.metadata.into_fact()?;
        let version = metadata.resource_version;
        let slice = facts::EndpointSlice {
            metadata,
            address_type: AddressType::parse(self.address_type.as_deref().unwrap_or("")),
            ports: self.ports.into_iter().flatten().map(EndpointPort::into_fact).collect(),
            endpoints: self.endpoints.into_iter().flatten().map(Endpoint::into_fact).collect(),
        };
        Ok((slice, version))
    }
}

impl SliceMetadata {
    fn into_fact(self) -> Result<facts::ObjectMeta, String> {
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
    fn into_fact(self) -> facts::EndpointPort {
        facts::EndpointPort {
            name: self.name,
            protocol: self.protocol,
            port: self.port,
            app_protocol: self.app_protocol,
        }
    }
}

impl Endpoint {
    fn into_fact(self) -> facts::Endpoint {
        facts::Endpoint {
            addresses: self.addresses.unwrap_or_default(),
            conditions: facts::Conditions {
                ready: self.conditions.ready,
                serving: self.conditions.serving,
                terminating: self.conditions.terminating,
            },
            hostname: self.hostname,
            node_name: self.node_name,
            zone: self.zone,
            target_ref: self.target_ref.map(ObjectRef::into_fact),
            hints: self.hints.map(EndpointHints::into_fact),
        }
    }
}

impl ObjectRef {
    fn into_fact(self) -> TargetRef {
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

impl EndpointHints {
    fn into_fact(self) -> Hints {
        let names = |hints: Option<Vec<NamedHint>>| -> Vec<Text> {
            hints.into_iter().flatten().filter_map(|hint| hint.name).collect()
        };
        Hints { for_zones: names(self.for_zones), for_nodes: names(self.for_nodes) }
    }
}

/// The body of a create or an update.
pub fn encode_slice(slice: &facts::EndpointSlice) -> Result<Vec<u8>, WireError> {
    let slice = discoveryv1::EndpointSlice {
        metadata: object_meta(&slice.metadata),
        address_type: slice.address_type.name().to_owned(),
        ports: Some(slice.ports.iter().map(endpoint_port).collect()),
        endpoints: Some(slice.endpoints.iter().map(endpoint).collect()),
    };
    serde_json::to_vec(&slice)
        .map_err(|error| WireError::Decode(format!("cannot write an EndpointSlice: {error}")))
}

fn object_meta(metadata: &facts::ObjectMeta) -> metav1::ObjectMeta {
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
        name: stored.then(|| metadata.key.name.to_string()),
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

fn endpoint_port(port: &facts::EndpointPort) -> discoveryv1::EndpointPort {
    discoveryv1::EndpointPort {
        name: text(&port.name),
        protocol: text(&port.protocol),
        port: port.port,
        app_protocol: text(&port.app_protocol),
    }
}

fn endpoint(endpoint: &facts::Endpoint) -> discoveryv1::Endpoint {
    discoveryv1::Endpoint {
        addresses: endpoint.addresses.iter().map(|address| address.to_string()).collect(),
        conditions: Some(discoveryv1::EndpointConditions {
            ready: endpoint.conditions.ready,
            serving: endpoint.conditions.serving,
            terminating: endpoint.conditions.terminating,
        }),
        deprecated_topology: None,
        hints: endpoint.hints.as_ref().map(hints),
        hostname: text(&endpoint.hostname),
        node_name: text(&endpoint.node_name),
        target_ref: endpoint.target_ref.as_ref().map(target_ref),
        zone: text(&endpoint.zone),
    }
}

fn target_ref(target: &TargetRef) -> ObjectReference {
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

fn hints(hints: &Hints) -> discoveryv1::EndpointHints {
    let zones = hints.for_zones.iter().map(|name| discoveryv1::ForZone { name: name.to_string() });
    let nodes = hints.for_nodes.iter().map(|name| discoveryv1::ForNode { name: name.to_string() });
    discoveryv1::EndpointHints {
        for_zones: (!hints.for_zones.is_empty()).then(|| zones.collect()),
        for_nodes: (!hints.for_nodes.is_empty()).then(|| nodes.collect()),
    }
}

fn text(text: &Option<Text>) -> Option<String> {
    text.as_ref().map(|text| text.to_string())
}
