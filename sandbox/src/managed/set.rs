//! A set of fields, as a tree; and its JSON, `FieldsV1`.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde_json::{Map, Value, json};

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// Whether the place itself belongs to the set. What is below it does so on its own account.
    pub owned: bool,
    /// What is below.
    pub children: BTreeMap<Element, FieldSet>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// A field of a map.
    Field(String),
    /// The element of a list that has these fields, as JSON in the order of their names.
    Key(String),
    /// The element of a set, as JSON.
    Value(String),
}

impl FieldSet {
    /// Whether nothing belongs to the set.
    pub fn is_empty(&self) -> bool {
        !self.owned && self.children.is_empty()
    }

    /// Puts in what is below, if it is anything.
    pub fn put(&mut self, element: &Element, below: Self) {
        if !below.is_empty() {
            self.children.insert(element.clone(), below);
        }
    }

    /// Adds what is in another set.
    pub fn add(&mut self, other: Self) {
        self.owned |= other.owned;
        if self.children.is_empty() {
            self.children = other.children;
            return;
        }
        for (element, other) in other.children {
            self.children.entry(element).or_default().add(other);
        }
    }

    /// Takes out what is in another set.
    pub fn subtract(&mut self, other: &Self) {
        self.owned &= !other.owned;
        for (element, other) in &other.children {
            if let Some(own) = self.children.get_mut(element) {
                own.subtract(other);
                if own.is_empty() {
                    self.children.remove(element);
                }
            }
        }
    }

    /// What is in both sets.
    pub fn both(&self, other: &Self) -> Self {
        let shared = self.children.iter().filter_map(|(element, own)| {
            let both = own.both(other.children.get(element)?);
            (!both.is_empty()).then(|| (element.clone(), both))
        });
        Self { owned: self.owned && other.owned, children: shared.collect() }
    }

    /// The paths of all that belongs to the set: `.spec.ports[port=80,protocol="TCP"].targetPort`.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", &mut paths);
        paths
    }

    fn collect(&self, path: &str, paths: &mut Vec<String>) {
        if self.owned {
            paths.push(path.to_owned());
        }
        for (element, child) in &self.children {
            child.collect(&format!("{path}{element}"), paths);
        }
    }

    /// As `fieldsV1` says it.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        if self.owned && !self.children.is_empty() {
            fields.insert(".".to_owned(), json!({}));
        }
        for (element, child) in &self.children {
            fields.insert(element.name(), child.to_json());
        }
        Value::Object(fields)
    }

    /// Reads `fieldsV1`; what cannot be read is left out.
    pub fn from_json(value: &Value) -> Self {
        let mut set = Self::default();
        for (name, child) in value.as_object().into_iter().flatten() {
            if name == "." {
                set.owned = true;
            } else if let Some(element) = Element::read(name) {
                let mut below = Self::from_json(child);
                below.owned |= below.children.is_empty();
                set.children.insert(element, below);
            }
        }
        set
    }
}

impl Element {
    /// The name of a field.
    pub fn field(name: &str) -> Self {
        Element::Field(name.to_owned())
    }

    fn name(&self) -> String {
        match self {
            Element::Field(name) => format!("f:{name}"),
            Element::Key(key) => format!("k:{key}"),
            Element::Value(value) => format!("v:{value}"),
        }
    }

    fn read(name: &str) -> Option<Self> {
        match name.split_once(':')? {
            ("f", name) => Some(Element::Field(name.to_owned())),
            ("k", key) => Some(Element::Key(key.to_owned())),
            ("v", value) => Some(Element::Value(value.to_owned())),
            _ => None,
        }
    }
}

impl Display for Element {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Element::Field(name) => write!(formatter, ".{name}"),
            Element::Value(value) => write!(formatter, "[={value}]"),
            Element::Key(key) => {
                let fields: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
                let fields = fields.iter().map(|(name, value)| format!("{name}={value}"));
                write!(formatter, "[{}]", fields.collect::<Vec<_>>().join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(json: &Value) -> FieldSet {
        FieldSet::from_json(json)
    }

    #[test]
    fn sets_are_told_as_json_and_as_paths() {
        let json = json!({"f:spec": {
            "f:ports": {".": {}, "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}},
            "f:finalizers": {"v:\"x\"": {}},
        }});
        assert_eq!(set(&json).to_json().to_string(), json!({"f:spec": {
            "f:finalizers": {"v:\"x\"": {}},
            "f:ports": {".": {}, "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}},
        }}).to_string());
        assert_eq!(
            set(&json).paths(),
            [
                ".spec.finalizers[=\"x\"]",
                ".spec.ports",
                ".spec.ports[port=80,protocol=\"TCP\"]",
                ".spec.ports[port=80,protocol=\"TCP\"].port",
            ]
        );
    }

    #[test]
    fn sets_are_added_subtracted_and_compared() {
        let mut one = set(&json!({"f:a": {}, "f:b": {"f:c": {}, "f:d": {}}}));
        let other = set(&json!({"f:b": {"f:c": {}}, "f:e": {}}));
        assert_eq!(one.both(&other), set(&json!({"f:b": {"f:c": {}}})));
        one.subtract(&other);
        assert_eq!(one, set(&json!({"f:a": {}, "f:b": {"f:d": {}}})));
        one.add(other);
        assert_eq!(one, set(&json!({"f:a": {}, "f:b": {"f:c": {}, "f:d": {}}, "f:e": {}})));
    }
}
