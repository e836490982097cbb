//! What EndpointSlices and Endpoints have in common, both ways.

use controller_core::facts::endpoint_slice::TargetRefRest;
use controller_core::facts::{Labels, ObjectMeta, OwnerReference, TargetRef};
use controller_core::key::Text;

use super::message::{Malformed, Message};
use super::text_or_none;
use super::writer::Writer;

/// Reads a reference. Its texts are always there, and empty where they are not set.
pub fn target_ref(mut message: Message<'_>) -> Result<TargetRef, Malformed> {
    let mut target = TargetRef { kind: None, namespace: None, name: None, uid: None, rest: None };
    let mut rest = TargetRefRest::default();
    while let Some(field) = message.next()? {
        match field.number {
            1 => target.kind = text_or_none(field.text()?),
            2 => target.namespace = text_or_none(field.text()?),
            3 => target.name = text_or_none(field.text()?),
            4 => target.uid = text_or_none(field.text()?),
            5 => rest.api_version = text_or_none(field.text()?),
            6 => rest.resource_version = text_or_none(field.text()?),
            7 => rest.field_path = text_or_none(field.text()?),
            _ => {}
        }
    }
    target.rest = (rest != TargetRefRest::default()).then(|| Box::new(rest));
    Ok(target)
}

impl Writer {
    /// Writes `metadata` as a create or an update sends it.
    pub fn object_meta(&mut self, metadata: &ObjectMeta) {
        let stored = !metadata.uid.is_empty();
        self.text(1, &metadata.key.name);
        self.optional_text(2, metadata.generate_name.as_ref());
        self.text(3, &metadata.key.namespace);
        if stored {
            self.text(5, &metadata.uid);
            self.text(6, &metadata.resource_version.to_string());
        }
        self.map(11, &metadata.labels);
        self.map(12, &metadata.annotations);
        for owner in &metadata.owner_references {
            self.message(13, |writer| writer.owner_reference(owner));
        }
        metadata.finalizers.iter().for_each(|finalizer| self.text(14, finalizer));
    }

    fn owner_reference(&mut self, owner: &OwnerReference) {
        self.text(1, &owner.kind);
        self.text(3, &owner.name);
        self.text(4, &owner.uid);
        self.text(5, &owner.api_version);
        self.optional_boolean(6, owner.controller);
        self.optional_boolean(7, owner.block_owner_deletion);
    }

    fn map(&mut self, number: u64, map: &Labels) {
        for (key, value) in map.iter() {
            self.message(number, |entry| {
                entry.text(1, key);
                entry.text(2, value);
            });
        }
    }

    /// Writes a reference.
    pub fn target_ref(&mut self, target: &TargetRef) {
        self.optional_text(1, target.kind.as_ref());
        self.optional_text(2, target.namespace.as_ref());
        self.optional_text(3, target.name.as_ref());
        self.optional_text(4, target.uid.as_ref());
        if let Some(rest) = &target.rest {
            self.optional_text(5, rest.api_version.as_ref());
            self.optional_text(6, rest.resource_version.as_ref());
            self.optional_text(7, rest.field_path.as_ref());
        }
    }

    /// Writes a text that may be absent.
    pub fn optional_text(&mut self, number: u64, text: Option<&Text>) {
        if let Some(text) = text {
            self.text(number, text);
        }
    }
}
