//! A Service out of protobuf.

use controller_core::facts::{
    IpFamilyPolicy, Service, ServicePort, TargetPort, TrafficDistribution,
};
use controller_core::key::ResourceVersion;

use super::message::{Malformed, Message};
use super::metadata::{Metadata, texts};
use super::{Decoded, text_or_none};
use crate::wire::narrow::{self, TOPOLOGY_AWARE_HINTS, TOPOLOGY_MODE};

/// Reads a Service.
pub fn service(mut message: Message<'_>) -> Decoded<(Service, ResourceVersion)> {
    let (mut metadata, mut spec) = (Metadata::default(), Spec::default());
    while let Some(field) = message.next()? {
        match field.number {
            1 => metadata = Metadata::read(field.message()?)?,
            2 => spec = Spec::read(field.message()?)?,
            _ => {}
        }
    }
    let version = metadata.required_version()?;
    let annotations = metadata.annotations()?;
    let annotation = |key: &str| {
        annotations.iter().find(|(annotation, _)| *annotation == key).map(|(_, value)| *value)
    };
    let selector = !spec.selector.is_empty();
    let service = Service {
        key: metadata.key(),
        uid: metadata.uid.into(),
        created: metadata.created,
        deleting: metadata.deleting,
        labels: metadata.labels(),
        external_name: spec.kind == "ExternalName",
        selector: selector.then(|| texts(spec.selector.into_iter())),
        cluster_ip: narrow::cluster_ip(spec.cluster_ip)?,
        cluster_ips: spec.cluster_ips.into_iter().map(Into::into).collect(),
        ip_family_policy: IpFamilyPolicy::parse(spec.ip_family_policy),
        ip_families: narrow::families(spec.ip_families.into_iter())?,
        ports: spec.ports,
        publish_not_ready_addresses: spec.publish_not_ready_addresses,
        topology_mode: narrow::topology_mode(
            annotation(TOPOLOGY_AWARE_HINTS),
            annotation(TOPOLOGY_MODE),
        ),
        traffic_distribution: spec.traffic_distribution.and_then(TrafficDistribution::parse),
    };
    Ok((service, version))
}

#[derive(Default)]
struct Spec<'a> {
    kind: &'a str,
    selector: Vec<(&'a str, &'a str)>,
    cluster_ip: &'a str,
    cluster_ips: Vec<&'a str>,
    ip_family_policy: &'a str,
    ip_families: Vec<&'a str>,
    ports: Vec<ServicePort>,
    publish_not_ready_addresses: bool,
    traffic_distribution: Option<&'a str>,
}

impl<'a> Spec<'a> {
    fn read(mut message: Message<'a>) -> Result<Self, Malformed> {
        let mut spec = Self::default();
        while let Some(field) = message.next()? {
            match field.number {
                1 => spec.ports.push(service_port(field.message()?)?),
                2 => spec.selector.push(field.entry()?),
                3 => spec.cluster_ip = field.text()?,
                4 => spec.kind = field.text()?,
                13 => spec.publish_not_ready_addresses = field.boolean()?,
                17 => spec.ip_family_policy = field.text()?,
                18 => spec.cluster_ips.push(field.text()?),
                19 => spec.ip_families.push(field.text()?),
                23 => spec.traffic_distribution = Some(field.text()?),
                _ => {}
            }
        }
        Ok(spec)
    }
}

fn service_port(mut message: Message<'_>) -> Result<ServicePort, Malformed> {
    let (mut name, mut protocol, mut app_protocol, mut port) = ("", "", None, 0);
    let mut target = None;
    while let Some(field) = message.next()? {
        match field.number {
            1 => name = field.text()?,
            2 => protocol = field.text()?,
            3 => port = field.small_integer()?,
            4 => target = target_port(field.message()?)?,
            6 => app_protocol = Some(field.text()?.into()),
            _ => {}
        }
    }
    Ok(ServicePort {
        name: name.into(),
        protocol: text_or_none(protocol).unwrap_or_else(|| "TCP".into()),
        app_protocol,
        port,
        // The API server fills targetPort with the port; one that does not means the same.
        target_port: target.unwrap_or(TargetPort::Number(port)),
    })
}

/// An IntOrString: which of the two it is, the number, the text.
fn target_port(mut message: Message<'_>) -> Result<Option<TargetPort>, Malformed> {
    let (mut kind, mut number, mut name) = (0, 0, "");
    while let Some(field) = message.next()? {
        match field.number {
            1 => kind = field.integer()?,
            2 => number = field.small_integer()?,
            3 => name = field.text()?,
            _ => {}
        }
    }
    Ok(match (kind, number, name) {
        (0, 0, _) | (1, _, "") => None,
        (0, number, _) => Some(TargetPort::Number(number)),
        (_, _, name) => Some(TargetPort::Name(name.into())),
    })
}
