//! An EndpointSlice out of JSON, and back as the API's own type.

use controller_core::facts::{self, AddressType, Hints};
use controller_core::key::{ResourceVersion, Text};
use k8s_openapi::api::discovery::v1 as discoveryv1;
use serde::Deserialize;

use super::parts::{EndpointPort, ObjectRef, WrittenMetadata, object_meta, target_ref, text};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSlice {
    metadata: WrittenMetadata,
    address_type: Option<String>,
    ports: Option<Vec<EndpointPort>>,
    endpoints: Option<Vec<Endpoint>>,
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

impl EndpointHints {
    fn into_fact(self) -> Hints {
        let names = |hints: Option<Vec<NamedHint>>| -> Vec<Text> {
            hints.into_iter().flatten().filter_map(|hint| hint.name).collect()
        };
        Hints { for_zones: names(self.for_zones), for_nodes: names(self.for_nodes) }
    }
}

/// The body of a create or an update.
pub fn encode(slice: &facts::EndpointSlice) -> discoveryv1::EndpointSlice {
    discoveryv1::EndpointSlice {
        metadata: object_meta(&slice.metadata),
        address_type: slice.address_type.name().to_owned(),
        ports: Some(slice.ports.iter().map(endpoint_port).collect()),
        endpoints: Some(slice.endpoints.iter().map(endpoint).collect()),
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

fn hints(hints: &Hints) -> discoveryv1::EndpointHints {
    let zones = hints.for_zones.iter().map(|name| discoveryv1::ForZone { name: name.to_string() });
    let nodes = hints.for_nodes.iter().map(|name| discoveryv1::ForNode { name: name.to_string() });
    discoveryv1::EndpointHints {
        for_zones: (!hints.for_zones.is_empty()).then(|| zones.collect()),
        for_nodes: (!hints.for_nodes.is_empty()).then(|| nodes.collect()),
    }
}
