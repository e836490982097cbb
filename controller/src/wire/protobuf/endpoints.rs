//! Endpoints out of protobuf, and back.

use controller_core::facts::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints};

use super::message::{Malformed, Message};
use super::metadata::Metadata;
use super::parts::target_ref;
use super::writer::Writer;
use super::{Decoded, text_or_none};

/// Reads Endpoints.
pub fn endpoints(mut message: Message<'_>) -> Decoded<Endpoints> {
    let (mut metadata, mut subsets) = (Metadata::default(), Vec::new());
    while let Some(field) = message.next()? {
        match field.number {
            1 => metadata = Metadata::read(field.message()?)?,
            2 => subsets.push(subset(field.message()?)?),
            _ => {}
        }
    }
    Ok(Endpoints { metadata: metadata.whole()?, subsets })
}

fn subset(mut message: Message<'_>) -> Result<EndpointSubset, Malformed> {
    let (mut addresses, mut not_ready_addresses) = (Vec::new(), Vec::new());
    let mut ports = Vec::new();
    while let Some(field) = message.next()? {
        match field.number {
            1 => addresses.push(address(field.message()?)?),
            2 => not_ready_addresses.push(address(field.message()?)?),
            3 => ports.push(port(field.message()?)?),
            _ => {}
        }
    }
    Ok(EndpointSubset {
        addresses: addresses.into_iter().collect(),
        not_ready_addresses: not_ready_addresses.into_iter().collect(),
        ports,
    })
}

fn address(mut message: Message<'_>) -> Result<EndpointAddress, Malformed> {
    let mut address =
        EndpointAddress { ip: "".into(), hostname: None, node_name: None, target_ref: None };
    while let Some(field) = message.next()? {
        match field.number {
            1 => address.ip = field.text()?.into(),
            2 => address.target_ref = Some(target_ref(field.message()?)?),
            3 => address.hostname = text_or_none(field.text()?),
            4 => address.node_name = Some(field.text()?.into()),
            _ => {}
        }
    }
    Ok(address)
}

/// A port always has a name here, which may be empty.
fn port(mut message: Message<'_>) -> Result<EndpointPort, Malformed> {
    let mut port =
        EndpointPort { name: Some("".into()), protocol: None, port: None, app_protocol: None };
    while let Some(field) = message.next()? {
        match field.number {
            1 => port.name = Some(field.text()?.into()),
            2 => port.port = Some(field.small_integer()?),
            3 => port.protocol = text_or_none(field.text()?),
            4 => port.app_protocol = Some(field.text()?.into()),
            _ => {}
        }
    }
    Ok(port)
}

impl Writer {
    /// Writes Endpoints as a create or an update sends them.
    pub fn endpoints(&mut self, endpoints: &Endpoints) {
        self.message(1, |writer| writer.object_meta(&endpoints.metadata));
        for subset in &endpoints.subsets {
            self.message(2, |writer| writer.subset(subset));
        }
    }

    fn subset(&mut self, subset: &EndpointSubset) {
        for address in subset.addresses.iter() {
            self.message(1, |writer| writer.address(address));
        }
        for address in subset.not_ready_addresses.iter() {
            self.message(2, |writer| writer.address(address));
        }
        for port in &subset.ports {
            self.message(3, |writer| {
                writer.optional_text(1, port.name.as_ref());
                writer.optional_integer(2, port.port);
                writer.optional_text(3, port.protocol.as_ref());
                writer.optional_text(4, port.app_protocol.as_ref());
            });
        }
    }

    fn address(&mut self, address: &EndpointAddress) {
        self.text(1, &address.ip);
        if let Some(target) = &address.target_ref {
            self.message(2, |writer| writer.target_ref(target));
        }
        self.optional_text(3, address.hostname.as_ref());
        self.optional_text(4, address.node_name.as_ref());
    }
}
