//! An EndpointSlice out of protobuf, and back.

use controller_core::facts::{
    AddressType, Conditions, Endpoint, EndpointPort, EndpointSlice, Hints,
};
use controller_core::key::Text;

use super::Decoded;
use super::message::{Malformed, Message};
use super::metadata::Metadata;
use super::parts::target_ref;
use super::writer::Writer;

/// Reads a slice.
pub fn endpoint_slice(mut message: Message<'_>) -> Decoded<EndpointSlice> {
    let (mut metadata, mut address_type) = (Metadata::default(), "");
    let (mut ports, mut endpoints) = (Vec::new(), Vec::new());
    while let Some(field) = message.next()? {
        match field.number {
            1 => metadata = Metadata::read(field.message()?)?,
            2 => endpoints.push(endpoint(field.message()?)?),
            3 => ports.push(port(field.message()?)?),
            4 => address_type = field.text()?,
            _ => {}
        }
    }
    let (metadata, address_type) = (metadata.whole()?, AddressType::parse(address_type));
    Ok(EndpointSlice { metadata, address_type, ports, endpoints })
}

fn endpoint(mut message: Message<'_>) -> Result<Endpoint, Malformed> {
    let mut endpoint = Endpoint {
        addresses: Vec::new(),
        conditions: Conditions::default(),
        hostname: None,
        node_name: None,
        zone: None,
        target_ref: None,
        hints: None,
    };
    while let Some(field) = message.next()? {
        match field.number {
            1 => endpoint.addresses.push(field.text()?.into()),
            2 => endpoint.conditions = conditions(field.message()?)?,
            3 => endpoint.hostname = Some(field.text()?.into()),
            4 => endpoint.target_ref = Some(target_ref(field.message()?)?),
            6 => endpoint.node_name = Some(field.text()?.into()),
            7 => endpoint.zone = Some(field.text()?.into()),
            8 => endpoint.hints = Some(hints(field.message()?)?),
            _ => {}
        }
    }
    Ok(endpoint)
}

fn conditions(mut message: Message<'_>) -> Result<Conditions, Malformed> {
    let mut conditions = Conditions::default();
    while let Some(field) = message.next()? {
        match field.number {
            1 => conditions.ready = Some(field.boolean()?),
            2 => conditions.serving = Some(field.boolean()?),
            3 => conditions.terminating = Some(field.boolean()?),
            _ => {}
        }
    }
    Ok(conditions)
}

fn hints(mut message: Message<'_>) -> Result<Hints, Malformed> {
    let mut hints = Hints::default();
    while let Some(field) = message.next()? {
        match field.number {
            1 => hints.for_zones.extend(name(field.message()?)?),
            2 => hints.for_nodes.extend(name(field.message()?)?),
            _ => {}
        }
    }
    Ok(hints)
}

fn name(mut message: Message<'_>) -> Result<Option<Text>, Malformed> {
    let mut name = None;
    while let Some(field) = message.next()? {
        if field.number == 1 {
            name = Some(field.text()?.into());
        }
    }
    Ok(name)
}

fn port(mut message: Message<'_>) -> Result<EndpointPort, Malformed> {
    let mut port = EndpointPort { name: None, protocol: None, port: None, app_protocol: None };
    while let Some(field) = message.next()? {
        match field.number {
            1 => port.name = Some(field.text()?.into()),
            2 => port.protocol = Some(field.text()?.into()),
            3 => port.port = Some(field.small_integer()?),
            4 => port.app_protocol = Some(field.text()?.into()),
            _ => {}
        }
    }
    Ok(port)
}

impl Writer {
    /// Writes a slice as a create or an update sends it.
    pub fn endpoint_slice(&mut self, slice: &EndpointSlice) {
        self.message(1, |writer| writer.object_meta(&slice.metadata));
        for endpoint in &slice.endpoints {
            self.message(2, |writer| writer.endpoint(endpoint));
        }
        for port in &slice.ports {
            self.message(3, |writer| {
                writer.optional_text(1, port.name.as_ref());
                writer.optional_text(2, port.protocol.as_ref());
                writer.optional_integer(3, port.port);
                writer.optional_text(4, port.app_protocol.as_ref());
            });
        }
        self.text(4, slice.address_type.name());
    }

    fn endpoint(&mut self, endpoint: &Endpoint) {
        endpoint.addresses.iter().for_each(|address| self.text(1, address));
        self.message(2, |writer| {
            writer.optional_boolean(1, endpoint.conditions.ready);
            writer.optional_boolean(2, endpoint.conditions.serving);
            writer.optional_boolean(3, endpoint.conditions.terminating);
        });
        self.optional_text(3, endpoint.hostname.as_ref());
        if let Some(target) = &endpoint.target_ref {
            self.message(4, |writer| writer.target_ref(target));
        }
        self.optional_text(6, endpoint.node_name.as_ref());
        self.optional_text(7, endpoint.zone.as_ref());
        if let Some(hints) = &endpoint.hints {
            self.message(8, |writer| writer.hints(hints));
        }
    }

    fn hints(&mut self, hints: &Hints) {
        for zone in &hints.for_zones {
            self.message(1, |writer| writer.text(1, zone));
        }
        for node in &hints.for_nodes {
            self.message(2, |writer| writer.text(1, node));
        }
    }
}
