//! A stored object: the few parts that the server itself looks at, and the whole as encoded JSON.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::kinds::{Kind, Storage};
use crate::serve::event;

/// An object as it was at one resourceVersion.
#[derive(Debug)]
pub struct Object {
    /// Its namespace; empty for an object of the cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: u64,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// The uids of `metadata.ownerReferences`.
    pub owners: Vec<String>,
    /// Whether it has a `metadata.deletionTimestamp`.
    pub is_being_deleted: bool,
    /// JSON without `kind` and `apiVersion`, which lists leave out.
    body: Bytes,
}

impl Object {
    /// Encodes an object at a resourceVersion.
    pub fn encode(mut value: Value, resource_version: u64) -> Self {
        as_stored(&mut value, resource_version);
        let owners = elements(&value, "/metadata/ownerReferences");
        Self {
            namespace: text(&value, "/metadata/namespace").to_owned(),
            name: text(&value, "/metadata/name").to_owned(),
            uid: text(&value, "/metadata/uid").to_owned(),
            resource_version,
            labels: strings(&value, "/metadata/labels"),
            owners: owners.map(|owner| text(owner, "/uid").to_owned()).collect(),
            is_being_deleted: !text(&value, "/metadata/deletionTimestamp").is_empty(),
            body: written(&value).into(),
        }
    }

    /// The object as it was, at another resourceVersion: how a watch shows that it is gone.
    pub fn at(&self, resource_version: u64) -> Self {
        Self::encode(self.value(), resource_version)
    }

    /// The object as JSON to work on.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// As an item of a list of a kind.
    pub fn as_item(&self, kind: &Kind) -> Bytes {
        match kind.storage {
            Storage::Events => Bytes::from(event::shown(self.value()).to_string()),
            // What is defined says in every list what it is.
            Storage::Own if kind.custom.is_some() => {
                let name = format!(
                    "{{\"apiVersion\":\"{}\",\"kind\":\"{}\",",
                    kind.api_version(),
                    kind.kind
                );
                let rest = self.body.get(1..).unwrap_or(&[]);
                [name.as_bytes(), rest].concat().into()
            }
            Storage::Own | Storage::None => self.body.clone(),
        }
    }

    /// As an answer of its own, with `kind` and `apiVersion` in front.
    pub fn alone(&self, kind: &Kind) -> Vec<u8> {
        if kind.custom.is_some() {
            return self.as_item(kind).to_vec();
        }
        let name =
            format!("{{\"kind\":\"{}\",\"apiVersion\":\"{}\",", kind.kind, kind.api_version());
        [name.as_bytes(), self.as_item(kind).get(1..).unwrap_or(&[])].concat()
    }

    /// The object as JSON to work on, with `kind` and `apiVersion`.
    pub fn whole(&self, kind: &Kind) -> Value {
        serde_json::from_slice(&self.alone(kind)).unwrap_or_default()
    }

    /// Its place among the objects of its kind: lists are ordered by namespace, then name.
    pub fn key(&self) -> (String, String) {
        (self.namespace.clone(), self.name.clone())
    }
}

fn written(value: &Value) -> Box<[u8]> {
    // Longer than most objects, so that it seldom has to grow. What is left over is given back.
    let mut body = Vec::with_capacity(8 << 10);
    // A value has no keys but texts, so it can be written.
    let _ = serde_json::to_writer(&mut body, value);
    body.into_boxed_slice()
}

/// Makes of an object what is stored of it at a version: nothing that its place says already.
pub fn as_stored(value: &mut Value, resource_version: u64) {
    if let Some(fields) = value.as_object_mut() {
        fields.shift_remove("kind");
        fields.shift_remove("apiVersion");
    }
    set(value, "/metadata", "resourceVersion", json!(resource_version.to_string()));
}

/// The value at a JSON pointer in which nothing is escaped, which [`Value::pointer`] would copy.
pub fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer.split('/').skip(1).try_fold(value, |value, step| match value {
        Value::Array(elements) => elements.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

/// The text at a JSON pointer; nothing there is empty.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    at(value, pointer).and_then(Value::as_str).unwrap_or("")
}

/// The elements of the list at a JSON pointer.
pub fn elements<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    at(value, pointer).and_then(Value::as_array).into_iter().flatten()
}

/// The map of strings at a JSON pointer.
fn strings(value: &Value, pointer: &str) -> BTreeMap<String, String> {
    let fields = at(value, pointer).and_then(Value::as_object).into_iter().flatten();
    fields.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// Sets a field of the map at a JSON pointer. Maps that are missing on the way are made.
pub fn set(value: &mut Value, pointer: &str, field: &str, to: Value) {
    let mut place = value;
    for step in pointer.split('/').skip(1) {
        if place.get(step).is_none_or(Value::is_null)
            && let Some(fields) = place.as_object_mut()
        {
            fields.insert(step.to_owned(), json!({}));
        }
        let Some(next) = place.get_mut(step) else {
            return;
        };
        place = next;
    }
    if let Some(fields) = place.as_object_mut() {
        fields.insert(field.to_owned(), to);
    }
}

/// Takes a field out of the map at a JSON pointer.
pub fn take(value: &mut Value, pointer: &str, field: &str) -> Option<Value> {
    value.pointer_mut(pointer)?.as_object_mut()?.shift_remove(field)
}
