//! What we keep of an EndpointSlice: all of it but managedFields, since an update writes back
//! what it does not change. The same types are what plans ask to be written.

use std::fmt;

use super::{IpFamily, Object, ObjectMeta};
use crate::key::{NamespacedName, Text};

/// The label that names a slice's Service.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";
/// The label that names a slice's writer.
pub const MANAGED_BY_LABEL: &str = "endpointslice.kubernetes.io/managed-by";
/// The label of slices whose Service is headless; kube-proxy leaves these alone.
pub const HEADLESS_LABEL: &str = "service.kubernetes.io/headless";

/// A discovery.k8s.io/v1 EndpointSlice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSlice {
    /// `metadata`.
    pub metadata: ObjectMeta,
    /// `addressType`, which never changes.
    pub address_type: AddressType,
    /// `ports`; null and empty are the same.
    pub ports: Vec<EndpointPort>,
    /// `endpoints`; null and empty are the same.
    pub endpoints: Vec<Endpoint>,
}

impl Object for EndpointSlice {
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl EndpointSlice {
    /// The Service that the slice's labels name, if they name one.
    pub fn service(&self) -> Option<NamespacedName> {
        let name = self.metadata.labels.get(SERVICE_NAME_LABEL)?;
        Some(NamespacedName { namespace: self.metadata.key.namespace.clone(), name: name.clone() })
    }

    /// The value of the managed-by label, if there is one.
    pub fn managed_by(&self) -> Option<&str> {
        self.metadata.labels.get(MANAGED_BY_LABEL).map(|value| &**value)
    }

    /// How many endpoints say `ready: true`; consumers read an absent condition as true, too.
    pub fn ready_endpoints(&self) -> usize {
        let ready = |endpoint: &&Endpoint| endpoint.conditions.ready != Some(false);
        self.endpoints.iter().filter(ready).count()
    }
}

/// `addressType` of a slice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressType {
    /// IP addresses of one family.
    Ip(IpFamily),
    /// `FQDN`, or a word of another API version. Never one of ours.
    Other(Text),
}

impl AddressType {
    /// Reads the API's word.
    pub fn parse(text: &str) -> Self {
        match text {
            "IPv4" => AddressType::Ip(IpFamily::V4),
            "IPv6" => AddressType::Ip(IpFamily::V6),
            other => AddressType::Other(other.into()),
        }
    }

    /// The API's word.
    pub fn name(&self) -> &str {
        match self {
            AddressType::Ip(family) => family.name(),
            AddressType::Other(text) => text,
        }
    }
}

impl fmt::Display for AddressType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// An entry of `ports`. The API server fills absent names and protocols, so they are rarely absent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointPort {
    /// `name`.
    pub name: Option<Text>,
    /// `protocol`.
    pub protocol: Option<Text>,
    /// `port`.
    pub port: Option<i32>,
    /// `appProtocol`.
    pub app_protocol: Option<Text>,
}

/// An entry of `endpoints`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `addresses`; ours hold one.
    pub addresses: Vec<Text>,
    /// `conditions`.
    pub conditions: Conditions,
    /// `hostname`.
    pub hostname: Option<Text>,
    /// `nodeName`.
    pub node_name: Option<Text>,
    /// `zone`.
    pub zone: Option<Text>,
    /// `targetRef`.
    pub target_ref: Option<TargetRef>,
    /// `hints`.
    pub hints: Option<Hints>,
}

/// `conditions` of an endpoint. Absent is not false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `ready`.
    pub ready: Option<bool>,
    /// `serving`.
    pub serving: Option<bool>,
    /// `terminating`.
    pub terminating: Option<bool>,
}

/// `targetRef` of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRef {
    /// `kind`; ours say Pod.
    pub kind: Option<Text>,
    /// `namespace`.
    pub namespace: Option<Text>,
    /// `name`.
    pub name: Option<Text>,
    /// `uid`.
    pub uid: Option<Text>,
    /// What only other writers set.
    pub rest: Option<Box<TargetRefRest>>,
}

/// `kind` of the references that we write. One text for all of them.
static POD: Text = arcstr::literal!("Pod");

impl TargetRef {
    /// A reference to a Pod.
    pub fn to_pod(key: &NamespacedName, uid: &Text) -> Self {
        Self {
            kind: Some(POD.clone()),
            namespace: Some(key.namespace.clone()),
            name: Some(key.name.clone()),
            uid: Some(uid.clone()),
            rest: None,
        }
    }

    /// Whether it is such a reference, whatever version it tells.
    pub fn is_to_pod(&self, key: &NamespacedName, uid: &Text) -> bool {
        let plain = self
            .rest
            .as_ref()
            .is_none_or(|rest| rest.api_version.is_none() && rest.field_path.is_none());
        plain
            && self.kind.as_ref() == Some(&POD)
            && self.namespace.as_ref() == Some(&key.namespace)
            && self.name.as_ref() == Some(&key.name)
            && self.uid.as_ref() == Some(uid)
    }

    /// `kind` of the references that we write.
    pub fn kind_of_pods() -> &'static Text {
        &POD
    }

    /// The reference without its resourceVersion, which says nothing about the target.
    #[must_use]
    pub fn without_version(&self) -> Self {
        let mut target = self.clone();
        if let Some(rest) = &mut target.rest {
            rest.resource_version = None;
        }
        // Nothing left to say is the same as nothing said.
        target.rest = target.rest.filter(|rest| **rest != TargetRefRest::default());
        target
    }
}

/// Fields of a `targetRef` that we never set ourselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetRefRest {
    /// `apiVersion`.
    pub api_version: Option<Text>,
    /// `fieldPath`.
    pub field_path: Option<Text>,
    /// `resourceVersion`.
    pub resource_version: Option<Text>,
}

/// `hints` of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Names in `forZones`.
    pub for_zones: Vec<Text>,
    /// Names in `forNodes`.
    pub for_nodes: Vec<Text>,
}
