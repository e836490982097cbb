//! What a defined kind looks like, read from the OpenAPI schema of its definition.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::builtin::{self, META};
use super::{Elements, Fields, List, Merging, Schema, Shape, Text, Unknown};
use crate::object::{elements, text};

/// How deep schemas stand within each other at most.
const DEEPEST: usize = 64;

/// What the objects of a kind look like.
pub fn object(schema: &Value) -> Schema {
    let mut made = of(schema, 0);
    if !matches!(made.shape, Shape::Fields(_)) {
        made.shape = Shape::Fields(Fields { unknown: unknown(schema), ..Fields::default() });
    }
    if let Shape::Fields(fields) = &mut made.shape {
        add_identity(fields);
    }
    made
}

/// Every object says what it is.
fn add_identity(fields: &mut Fields) {
    let metadata = builtin::schema(&format!("{META}.ObjectMeta"));
    fields.known.insert("metadata".to_owned(), metadata.clone());
    for name in ["apiVersion", "kind"] {
        fields.known.insert(name.to_owned(), plain(Shape::Text(Text::Plain)));
    }
}

fn of(schema: &Value, depth: usize) -> Schema {
    let is = |marker: &str| schema.get(marker) == Some(&Value::Bool(true));
    let shape = match text(schema, "/type") {
        _ if depth > DEEPEST => Shape::Any,
        _ if is("x-kubernetes-int-or-string") => Shape::IntOrString,
        "array" => Shape::List(list(schema, depth)),
        "boolean" => Shape::Boolean,
        "integer" => Shape::Integer(64),
        "number" => Shape::Number,
        "string" => Shape::Text(Text::Plain),
        "object" => map(schema, depth),
        _ if schema.get("properties").is_some() => map(schema, depth),
        _ => Shape::Any,
    };
    Schema {
        name: String::new(),
        description: text(schema, "/description").to_owned(),
        default: schema.get("default").cloned(),
        nullable: is("nullable"),
        shape,
    }
}

fn map(schema: &Value, depth: usize) -> Shape {
    let merging = match text(schema, "/x-kubernetes-map-type") {
        "atomic" => Merging::Atomic,
        _ => Merging::Granular,
    };
    if let Some(values @ Value::Object(_)) = schema.get("additionalProperties") {
        return Shape::Map(Arc::new(of(values, depth + 1)), merging);
    }
    if schema.get("additionalProperties") == Some(&Value::Bool(true)) {
        return Shape::Any;
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let known: BTreeMap<String, Arc<Schema>> = properties
        .into_iter()
        .flat_map(Map::iter)
        .map(|(name, schema)| (name.clone(), Arc::new(of(schema, depth + 1))))
        .collect();
    let required = elements(schema, "/required").filter_map(Value::as_str);
    let required = required.map(str::to_owned).collect();
    let mut fields = Fields { known, required, merging, unknown: unknown(schema) };
    if schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true)) {
        add_identity(&mut fields);
    }
    Shape::Fields(fields)
}

fn unknown(schema: &Value) -> Unknown {
    match schema.get("x-kubernetes-preserve-unknown-fields") {
        Some(Value::Bool(true)) => Unknown::Kept,
        _ => Unknown::Dropped,
    }
}

fn list(schema: &Value, depth: usize) -> List {
    let element = schema.get("items").map(|items| of(items, depth + 1)).unwrap_or_default();
    let applied = match text(schema, "/x-kubernetes-list-type") {
        "set" => Elements::Set,
        "map" => {
            let keys = elements(schema, "/x-kubernetes-list-map-keys").filter_map(Value::as_str);
            Elements::Keyed(keys.map(str::to_owned).collect())
        }
        _ => Elements::Atomic,
    };
    List { element: Arc::new(element), applied, patched: Elements::Atomic }
}

fn plain(shape: Shape) -> Arc<Schema> {
    Arc::new(Schema { shape, ..Schema::default() })
}

/// Fills in what a value does not say and its schema does. A null that may not be one says nothing.
pub fn fill_in(schema: &Schema, value: &mut Value) {
    match (&schema.shape, value) {
        (Shape::Fields(fields), Value::Object(map)) => {
            for (name, field) in &fields.known {
                if map.get(name).is_some_and(Value::is_null) && !field.nullable {
                    map.shift_remove(name);
                }
                if let (None, Some(default)) = (map.get(name), &field.default) {
                    map.insert(name.clone(), default.clone());
                }
                if let Some(value) = map.get_mut(name) {
                    fill_in(field, value);
                }
            }
        }
        (Shape::Map(values, _), Value::Object(map)) => {
            map.values_mut().for_each(|value| fill_in(values, value));
        }
        (Shape::List(list), Value::Array(values)) => {
            values.iter_mut().for_each(|value| fill_in(&list.element, value));
        }
        _ => {}
    }
}
