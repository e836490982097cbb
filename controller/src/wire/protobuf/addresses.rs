//! IPAddresses, ServiceCIDRs and Namespaces out of protobuf.

use controller_core::facts::ip_address::{
    FAMILY_LABEL, MANAGED_BY_LABEL, Manager, SERVICE_UID_ANNOTATION,
};
use controller_core::facts::{IpAddress, Namespace, ServiceCidr};
use controller_core::key::{NamespacedName, ResourceVersion};

use super::Decoded;
use super::message::{Malformed, Message};
use super::metadata::Metadata;
use crate::wire::narrow;

/// Reads a Namespace.
pub fn namespace(message: Message<'_>) -> Decoded<(Namespace, ResourceVersion)> {
    let metadata = Metadata::of(message)?;
    let version = metadata.required_version()?;
    Ok((Namespace { name: metadata.name.into(), labels: metadata.labels() }, version))
}

/// Reads a ServiceCIDR.
pub fn service_cidr(mut message: Message<'_>) -> Decoded<(ServiceCidr, ResourceVersion)> {
    let (mut metadata, mut cidrs, mut ready) = (Metadata::default(), Vec::new(), None);
    while let Some(field) = message.next()? {
        match field.number {
            1 => metadata = Metadata::read(field.message()?)?,
            2 => cidrs = texts(field.message()?)?,
            3 => ready = readiness(field.message()?)?,
            _ => {}
        }
    }
    let version = metadata.required_version()?;
    let (ranges, unusable) = narrow::ranges(cidrs.into_iter());
    let (name, deleting) = (metadata.name.into(), metadata.deleting);
    let cidr = ServiceCidr { name, ranges, unusable, deleting, ready };
    Ok((cidr, version))
}

/// Reads an IPAddress.
pub fn ip_address(mut message: Message<'_>) -> Decoded<(IpAddress, ResourceVersion)> {
    let (mut metadata, mut parent) = (Metadata::default(), Parent::default());
    while let Some(field) = message.next()? {
        match field.number {
            1 => metadata = Metadata::read(field.message()?)?,
            2 => parent = Parent::of(field.message()?)?,
            _ => {}
        }
    }
    let version = metadata.required_version()?;
    let annotations = metadata.annotations()?;
    let service_uid = annotations.iter().find(|(key, _)| *key == SERVICE_UID_ANNOTATION);
    let service = NamespacedName { namespace: parent.namespace.into(), name: parent.name.into() };
    let claim = IpAddress {
        address: narrow::address_of(metadata.name)?,
        uid: metadata.uid.into(),
        resource_version: version,
        created: metadata.created,
        deleting: metadata.deleting,
        manager: Manager::of(metadata.label(MANAGED_BY_LABEL)),
        labelled_family: narrow::labelled_family(metadata.label(FAMILY_LABEL)),
        service: narrow::parent_service(Some(parent.group), Some(parent.resource), service),
        service_uid: service_uid.map(|(_, uid)| (*uid).into()),
    };
    Ok((claim, version))
}

/// The first field of a message, which is a list of texts.
fn texts(mut message: Message<'_>) -> Result<Vec<&str>, Malformed> {
    let mut texts = Vec::new();
    while let Some(field) = message.next()? {
        if field.number == 1 {
            texts.push(field.text()?);
        }
    }
    Ok(texts)
}

/// Whether the condition Ready is True, if there is one: a status begins with its conditions, and a
/// condition with its type and status.
fn readiness(mut status: Message<'_>) -> Result<Option<bool>, Malformed> {
    let mut ready = None;
    while let Some(field) = status.next()? {
        if field.number != 1 {
            continue;
        }
        let (mut condition, mut kind, mut state) = (field.message()?, "", "");
        while let Some(field) = condition.next()? {
            match field.number {
                1 => kind = field.text()?,
                2 => state = field.text()?,
                _ => {}
            }
        }
        if kind == "Ready" {
            ready.get_or_insert(state == "True");
        }
    }
    Ok(ready)
}

#[derive(Default)]
struct Parent<'a> {
    group: &'a str,
    resource: &'a str,
    namespace: &'a str,
    name: &'a str,
}

impl<'a> Parent<'a> {
    /// That of a spec, which holds nothing else.
    fn of(mut spec: Message<'a>) -> Result<Self, Malformed> {
        let mut parent = Self::default();
        while let Some(field) = spec.next()? {
            if field.number == 1 {
                parent = Self::read(field.message()?)?;
            }
        }
        Ok(parent)
    }

    fn read(mut message: Message<'a>) -> Result<Self, Malformed> {
        let mut parent = Self::default();
        while let Some(field) = message.next()? {
            match field.number {
                1 => parent.group = field.text()?,
                2 => parent.resource = field.text()?,
                3 => parent.namespace = field.text()?,
                4 => parent.name = field.text()?,
                _ => {}
            }
        }
        Ok(parent)
    }
}
