//! Endpoints out of JSON, and back as the API's own type.

use controller_core::facts;
use controller_core::key::{ResourceVersion, Text};
use k8s_openapi::api::core::v1 as corev1;
use serde::Deserialize;

use super::parts::{EndpointPort, ObjectRef, WrittenMetadata, object_meta, target_ref, text};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Endpoints {
    metadata: WrittenMetadata,
    subsets: Option<Vec<EndpointSubset>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EndpointSubset {
    addresses: Option<Vec<EndpointAddress>>,
    not_ready_addresses: Option<Vec<EndpointAddress>>,
    ports: Option<Vec<EndpointPort>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EndpointAddress {
    ip: Option<Text>,
    hostname: Option<Text>,
    node_name: Option<Text>,
    target_ref: Option<ObjectRef>,
}

impl Endpoints {
    pub fn into_fact(self) -> Result<(facts::Endpoints, ResourceVersion), String> {
        let metadata = self.metadata.into_fact()?;
        let version = metadata.resource_version;
        let subsets = self.subsets.into_iter().flatten().map(EndpointSubset::into_fact).collect();
        Ok((facts::Endpoints { metadata, subsets }, version))
    }
}

impl EndpointSubset {
    fn into_fact(self) -> facts::EndpointSubset {
        let addresses = |list: Option<Vec<EndpointAddress>>| {
            list.into_iter().flatten().map(EndpointAddress::into_fact).collect()
        };
        facts::EndpointSubset {
            addresses: addresses(self.addresses),
            not_ready_addresses: addresses(self.not_ready_addresses),
            ports: self.ports.into_iter().flatten().map(named).collect(),
        }
    }
}

/// In Endpoints an empty name is left out, and means the same.
fn named(port: EndpointPort) -> facts::EndpointPort {
    let port = port.into_fact();
    facts::EndpointPort { name: Some(port.name.unwrap_or_default()), ..port }
}

impl EndpointAddress {
    fn into_fact(self) -> facts::EndpointAddress {
        facts::EndpointAddress {
            ip: self.ip.unwrap_or_default(),
            hostname: self.hostname,
            node_name: self.node_name,
            target_ref: self.target_ref.map(ObjectRef::into_fact),
        }
    }
}

/// The body of a create or an update.
pub fn encode(endpoints: &facts::Endpoints) -> corev1::Endpoints {
    corev1::Endpoints {
        metadata: object_meta(&endpoints.metadata),
        subsets: Some(endpoints.subsets.iter().map(subset).collect()),
    }
}

fn subset(subset: &facts::EndpointSubset) -> corev1::EndpointSubset {
    let addresses =
        |list: &facts::Addresses| (!list.is_empty()).then(|| list.iter().map(address).collect());
    corev1::EndpointSubset {
        addresses: addresses(&subset.addresses),
        not_ready_addresses: addresses(&subset.not_ready_addresses),
        ports: (!subset.ports.is_empty()).then(|| subset.ports.iter().map(port).collect()),
    }
}

fn address(address: &facts::EndpointAddress) -> corev1::EndpointAddress {
    corev1::EndpointAddress {
        ip: address.ip.to_string(),
        hostname: text(&address.hostname),
        node_name: text(&address.node_name),
        target_ref: address.target_ref.as_ref().map(target_ref),
    }
}

fn port(port: &facts::EndpointPort) -> corev1::EndpointPort {
    corev1::EndpointPort {
        name: text(&port.name).filter(|name| !name.is_empty()),
        port: port.port.unwrap_or_default(),
        protocol: text(&port.protocol),
        app_protocol: text(&port.app_protocol),
    }
}
