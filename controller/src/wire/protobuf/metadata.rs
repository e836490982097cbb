//! `metadata`, as far as any kind needs it.

use std::collections::BTreeMap;
use std::sync::Arc;

use controller_core::facts::{self, Labels, Owner};
use controller_core::key::{NamespacedName, ResourceVersion, Text};
use jiff::Timestamp;

use super::message::{Field, Malformed, Message};
use super::{Decoded, text_or_none};

/// The metadata of an object. Fields that are texts are always there, and empty where they are not
/// set.
#[derive(Default)]
pub struct Metadata<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    pub uid: &'a str,
    pub created: Option<Timestamp>,
    pub deleting: bool,
    generate_name: &'a str,
    resource_version: &'a str,
    labels: Vec<(&'a str, &'a str)>,
    annotations: Vec<Field<'a>>,
    owners: Vec<Owned<'a>>,
    finalizers: Vec<&'a str>,
}

#[derive(Default)]
struct Owned<'a> {
    api_version: &'a str,
    kind: &'a str,
    name: &'a str,
    uid: &'a str,
    controller: Option<bool>,
    block_owner_deletion: Option<bool>,
}

impl<'a> Metadata<'a> {
    /// That of an object, which begins with it.
    pub fn of(mut object: Message<'a>) -> Result<Self, Malformed> {
        while let Some(field) = object.next()? {
            if field.number == 1 {
                return Self::read(field.message()?);
            }
        }
        Ok(Self::default())
    }

    pub fn read(mut message: Message<'a>) -> Result<Self, Malformed> {
        let mut metadata = Self::default();
        while let Some(field) = message.next()? {
            match field.number {
                1 => metadata.name = field.text()?,
                2 => metadata.generate_name = field.text()?,
                3 => metadata.namespace = field.text()?,
                5 => metadata.uid = field.text()?,
                6 => metadata.resource_version = field.text()?,
                8 => metadata.created = field.time()?,
                9 => metadata.deleting = true,
                11 => metadata.labels.push(field.entry()?),
                12 => metadata.annotations.push(field),
                13 => metadata.owners.push(Owned::read(field.message()?)?),
                14 => metadata.finalizers.push(field.text()?),
                _ => {}
            }
        }
        Ok(metadata)
    }

    pub fn key(&self) -> NamespacedName {
        NamespacedName { namespace: self.namespace.into(), name: self.name.into() }
    }

    pub fn version(&self) -> Option<ResourceVersion> {
        self.resource_version.parse().ok()
    }

    /// The version, which an object out of the API server always has.
    pub fn required_version(&self) -> Result<ResourceVersion, String> {
        let version = self.resource_version;
        self.version()
            .ok_or_else(|| format!("metadata.resourceVersion is {version:?}, not a decimal number"))
    }

    pub fn label(&self, key: &str) -> Option<&'a str> {
        self.labels.iter().find(|(label, _)| *label == key).map(|(_, value)| *value)
    }

    pub fn labels(&self) -> Labels {
        texts(self.labels.iter().copied())
    }

    pub fn annotations(&self) -> Result<Vec<(&'a str, &'a str)>, Malformed> {
        self.annotations.iter().map(|field| field.entry()).collect()
    }

    /// The controller among the owners.
    pub fn owner(&self) -> Option<Owner> {
        let owner = self.owners.iter().find(|owner| owner.controller == Some(true))?;
        Some(Owner { kind: owner.kind.into(), name: owner.name.into(), uid: owner.uid.into() })
    }

    /// All of it, for an object that we write.
    pub fn whole(&self) -> Decoded<facts::ObjectMeta> {
        let owners = self.owners.iter().map(Owned::to_fact);
        Ok(facts::ObjectMeta {
            key: self.key(),
            generate_name: text_or_none(self.generate_name),
            uid: self.uid.into(),
            resource_version: self.required_version()?,
            deleting: self.deleting,
            labels: self.labels(),
            annotations: texts(self.annotations()?.into_iter()),
            owner_references: owners.collect(),
            finalizers: self.finalizers.iter().map(|text| Text::from(*text)).collect(),
        })
    }
}

impl<'a> Owned<'a> {
    fn read(mut message: Message<'a>) -> Result<Self, Malformed> {
        let mut owner = Self::default();
        while let Some(field) = message.next()? {
            match field.number {
                1 => owner.kind = field.text()?,
                3 => owner.name = field.text()?,
                4 => owner.uid = field.text()?,
                5 => owner.api_version = field.text()?,
                6 => owner.controller = Some(field.boolean()?),
                7 => owner.block_owner_deletion = Some(field.boolean()?),
                _ => {}
            }
        }
        Ok(owner)
    }

    fn to_fact(&self) -> facts::OwnerReference {
        facts::OwnerReference {
            api_version: self.api_version.into(),
            kind: self.kind.into(),
            name: self.name.into(),
            uid: self.uid.into(),
            controller: self.controller,
            block_owner_deletion: self.block_owner_deletion,
        }
    }
}

/// A map of texts as facts hold it.
pub fn texts<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Labels {
    let pairs: BTreeMap<Text, Text> =
        pairs.map(|(key, value)| (key.into(), value.into())).collect();
    Arc::new(pairs)
}
