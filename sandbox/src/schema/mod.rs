//! What a kind looks like: its fields, of which types, how its lists are merged. The built-in kinds
//! are read from Kubernetes' own descriptions.

pub mod builtin;
pub mod custom;
mod format;
pub mod proto;
pub mod reading;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

/// What a value looks like.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// The message that it is, with its package; empty for all others.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// What it is if it is not said.
    pub default: Option<Value>,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it is made of.
    pub shape: Shape,
}

/// What a value is made of.
#[derive(Clone, Debug, Default)]
pub enum Shape {
    /// A map with fields that are known.
    Fields(Fields),
    /// A map by strings.
    Map(Arc<Schema>, Merging),
    /// A list.
    List(List),
    /// A text.
    Text(Text),
    /// A whole number of so many bits.
    Integer(u32),
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A number or a text: a port, a share.
    IntOrString,
    /// An amount: `500m`.
    Quantity,
    /// Anything.
    #[default]
    Any,
}

/// The fields of a map.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// By name.
    pub known: BTreeMap<String, Arc<Schema>>,
    /// Those that have to be there.
    pub required: Vec<String>,
    /// How it is merged.
    pub merging: Merging,
    /// What is done with others.
    pub unknown: Unknown,
}

/// What is done with fields that are not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// They are dropped.
    #[default]
    Dropped,
    /// They are kept as they are.
    Kept,
}

/// How a map is merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Merging {
    /// Field by field.
    #[default]
    Granular,
    /// It is replaced as a whole.
    Atomic,
}

/// A list.
#[derive(Clone, Debug)]
pub struct List {
    /// What its elements look like.
    pub element: Arc<Schema>,
    /// How an apply merges it.
    pub applied: Elements,
    /// How a strategic merge patch merges it.
    pub patched: Elements,
}

/// How a list is merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elements {
    /// It is replaced as a whole.
    Atomic,
    /// Its elements are told apart by these fields.
    Keyed(Vec<String>),
    /// It is a set of plain values.
    Set,
}

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// Anything.
    Plain,
    /// Bytes, in base64.
    Bytes,
    /// A point in time, in whole seconds.
    Time,
    /// A point in time, in microseconds.
    MicroTime,
}

impl Schema {
    /// What a field looks like, or a value of a map.
    pub fn field(&self, name: &str) -> Option<&Arc<Schema>> {
        match &self.shape {
            Shape::Fields(fields) => fields.known.get(name),
            Shape::Map(value, _) => Some(value),
            _ => None,
        }
    }
}
