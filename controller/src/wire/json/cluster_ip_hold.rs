//! A ClusterIPHold out of JSON, and into it.

use std::net::IpAddr;

use controller_core::facts;
use controller_core::facts::cluster_ip_hold::{held_address, hold_name};
use controller_core::key::{ResourceVersion, Text};
use serde::Deserialize;
use serde_json::{Value, json};

use super::metadata::Metadata;
use crate::wire::{NewHold, ServiceName};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ClusterIpHold {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(rename = "requestUID")]
    request_uid: Option<Text>,
}

impl ClusterIpHold {
    pub fn into_fact(self) -> Result<(facts::ClusterIpHold, ResourceVersion), String> {
        let version = self.metadata.required_version()?;
        let name = self.metadata.name.unwrap_or_default();
        let hold = facts::ClusterIpHold {
            address: held_address(&name)
                .ok_or_else(|| format!("metadata.name is {name:?} and spells no IP address"))?,
            uid: self.metadata.uid.unwrap_or_default(),
            resource_version: version,
            request_uid: self.spec.request_uid.unwrap_or_default(),
        };
        Ok((hold, version))
    }
}

/// A hold to create.
pub fn encode(address: IpAddr, hold: &NewHold) -> Value {
    let namespace = &hold.namespace;
    let service = match &hold.name {
        ServiceName::Given(name) => json!({"namespace": namespace, "name": name}),
        ServiceName::Generated(prefix) => json!({"namespace": namespace, "generateName": prefix}),
    };
    json!({
        "apiVersion": "roster.dev/v1alpha1",
        "kind": "ClusterIPHold",
        "metadata": {"name": hold_name(address)},
        "spec": {"service": service, "requestUID": hold.request_uid, "holder": hold.holder},
    })
}
