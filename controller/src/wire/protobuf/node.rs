//! A Node out of protobuf.

use controller_core::facts::{Node, quantity};
use controller_core::key::ResourceVersion;

use super::message::{Malformed, Message};
use super::metadata::Metadata;
use super::pod::Condition;
use super::{Decoded, text_or_none};
use crate::wire::narrow::{CONTROL_PLANE_LABELS, ZONE_LABEL};

/// Reads a Node.
pub fn node(mut message: Message<'_>) -> Decoded<(Node, ResourceVersion)> {
    let (mut metadata, mut status) = (Metadata::default(), Status::default());
    while let Some(field) = message.next()? {
        match field.number {
            1 => metadata = Metadata::read(field.message()?)?,
            3 => status = Status::read(field.message()?)?,
            _ => {}
        }
    }
    let version = metadata.required_version()?;
    let node = Node {
        name: metadata.name.into(),
        zone: metadata.label(ZONE_LABEL).and_then(text_or_none),
        ready: status.ready.unwrap_or(false),
        cpu: quantity::thousandths(status.cpu).unwrap_or(0),
        control_plane: CONTROL_PLANE_LABELS.iter().any(|label| metadata.label(label).is_some()),
    };
    Ok((node, version))
}

#[derive(Default)]
struct Status<'a> {
    ready: Option<bool>,
    cpu: &'a str,
}

impl<'a> Status<'a> {
    fn read(mut message: Message<'a>) -> Result<Self, Malformed> {
        let mut status = Self::default();
        while let Some(field) = message.next()? {
            match field.number {
                2 => {
                    if let ("cpu", quantity) = field.entry_message()? {
                        status.cpu = text_of(quantity)?;
                    }
                }
                4 => {
                    let condition = Condition::read(field.message()?)?.state;
                    if condition.kind == "Ready" {
                        // The first one of the type counts.
                        status.ready.get_or_insert(condition.status == "True");
                    }
                }
                _ => {}
            }
        }
        Ok(status)
    }
}

/// A quantity is a message that holds its text.
fn text_of(mut quantity: Message<'_>) -> Result<&str, Malformed> {
    let mut text = "";
    while let Some(field) = quantity.next()? {
        if field.number == 1 {
            text = field.text()?;
        }
    }
    Ok(text)
}
