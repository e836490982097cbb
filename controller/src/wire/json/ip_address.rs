//! An IPAddress out of JSON, and into it.

use std::net::IpAddr;

use controller_core::facts::ip_address::{
    FAMILY_LABEL, MANAGED_BY_LABEL, MANAGED_BY_ROSTER, MANAGED_BY_SERVER, Manager,
    SERVICE_UID_ANNOTATION,
};
use controller_core::facts::{self, IpFamily};
use controller_core::key::{NamespacedName, ResourceVersion, Text};
use serde::Deserialize;
use serde_json::{Value, json};

use super::metadata::Metadata;
use crate::wire::narrow;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct IpAddress {
    metadata: Metadata<Annotations>,
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "roster.dev/service-uid")]
    service_uid: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    parent_ref: ParentRef,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ParentRef {
    group: Option<String>,
    resource: Option<String>,
    namespace: Option<Text>,
    name: Option<Text>,
}

impl IpAddress {
    pub fn into_fact(self) -> Result<(facts::IpAddress, ResourceVersion), String> {
        let version = self.metadata.required_version()?;
        let labels = self.metadata.labels.unwrap_or_default();
        let parent = self.spec.parent_ref;
        let key = NamespacedName {
            namespace: parent.namespace.unwrap_or_default(),
            name: parent.name.unwrap_or_default(),
        };
        let (group, resource) = (parent.group.as_deref(), parent.resource.as_deref());
        let claim = facts::IpAddress {
            address: narrow::address_of(self.metadata.name.as_deref().unwrap_or_default())?,
            uid: self.metadata.uid.unwrap_or_default(),
            resource_version: version,
            created: super::metadata::timestamp(self.metadata.creation_timestamp.as_deref()),
            deleting: self.metadata.deletion_timestamp.is_some(),
            manager: Manager::of(labels.get(MANAGED_BY_LABEL).map(|it| &**it)),
            labelled_family: narrow::labelled_family(labels.get(FAMILY_LABEL).map(|it| &**it)),
            service: narrow::parent_service(group, resource, key),
            service_uid: self.metadata.annotations.and_then(|it| it.service_uid),
        };
        Ok((claim, version))
    }
}

/// A claim to create: on an address, for the Service of a name and uid.
pub fn encode(address: IpAddr, service: &NamespacedName, service_uid: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {
            "name": address,
            "labels": {
                FAMILY_LABEL: IpFamily::of(address).to_string(),
                MANAGED_BY_LABEL: MANAGED_BY_ROSTER,
            },
            "annotations": {SERVICE_UID_ANNOTATION: service_uid},
        },
        "spec": {"parentRef": {
            "group": "",
            "resource": "services",
            "namespace": &*service.namespace,
            "name": &*service.name,
        }},
    })
}

/// A merge patch that gives a claim the labels of kube-apiserver, if it is as it was read.
pub fn encode_relabelling(claim: &facts::IpAddress) -> Value {
    json!({"metadata": {
        "resourceVersion": claim.resource_version.to_string(),
        "labels": {
            FAMILY_LABEL: IpFamily::of(claim.address).to_string(),
            MANAGED_BY_LABEL: MANAGED_BY_SERVER,
        },
    }})
}
