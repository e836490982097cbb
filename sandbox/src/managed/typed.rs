//! Values as trees of fields: which of them a value has, what differs between two, and how one is
//! merged into another. A schema says which lists are maps in disguise, and which maps are one thing.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::set::{Element, FieldSet};
use crate::schema::{Elements, List, Merging, Schema, Shape};

/// A part of a value that is looked at on its own.
struct Part<'a> {
    element: Element,
    schema: Option<&'a Schema>,
    value: &'a Value,
    /// Whether it belongs to a set even if what is below it does not: elements, entries of maps.
    counts: bool,
}

/// The fields of a value.
pub fn fields_of(schema: &Schema, value: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    collect(Some(schema), value, &mut set);
    set
}

fn collect(schema: Option<&Schema>, value: &Value, set: &mut FieldSet) {
    let Some(parts) = parts(schema, value) else {
        set.owned = true;
        return;
    };
    for part in parts {
        let mut below = FieldSet::default();
        collect(part.schema, part.value, &mut below);
        below.owned |= part.counts || is_empty_map(part.value);
        if !below.is_empty() {
            set.children.insert(part.element, below);
        }
    }
}

/// What differs between two values.
#[derive(Default)]
pub struct Comparison {
    /// What is new or other.
    pub changed: FieldSet,
    /// What is gone.
    pub removed: FieldSet,
}

/// Compares two values.
pub fn compare(schema: &Schema, before: &Value, after: &Value) -> Comparison {
    compared(Some(schema), before, after)
}

fn compared(schema: Option<&Schema>, before: &Value, after: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    if before == after {
        return comparison;
    }
    let old = parts(schema, before).unwrap_or_default();
    let new = parts(schema, after).unwrap_or_default();
    comparison.changed.owned = old.is_empty() && new.is_empty();
    let mut gone: BTreeMap<&Element, &Part<'_>> =
        old.iter().map(|part| (&part.element, part)).collect();
    for part in &new {
        let changed = match gone.remove(&part.element) {
            None => whole(part.schema, part.value),
            Some(known) => {
                let below = compared(part.schema, known.value, part.value);
                comparison.removed.put(&part.element, below.removed);
                below.changed
            }
        };
        comparison.changed.put(&part.element, changed);
    }
    for (element, part) in gone {
        comparison.removed.put(element, whole(part.schema, part.value));
    }
    comparison
}

/// A value that is there on one side alone, with all that is in it.
fn whole(schema: Option<&Schema>, value: &Value) -> FieldSet {
    let parts = parts(schema, value).into_iter().flatten();
    let below = parts.map(|part| (part.element, whole(part.schema, part.value)));
    FieldSet { owned: true, children: below.collect() }
}

/// Merges what is wanted into what is there.
pub fn merge(schema: Option<&Schema>, there: &mut Value, wanted: &Value) {
    match (parts(schema, there), parts(schema, wanted)) {
        (Some(_), Some(parts)) if wanted.is_object() => {
            let parts: Vec<_> =
                parts.into_iter().map(|part| (part.element, part.schema, part.value)).collect();
            for (element, schema, wanted) in parts {
                let (Element::Field(name), Some(fields)) = (element, there.as_object_mut()) else {
                    continue;
                };
                match fields.get_mut(&name) {
                    Some(there) => merge(schema, there, wanted),
                    None => drop(fields.insert(name, wanted.clone())),
                }
            }
        }
        (Some(left), Some(right)) => {
            let merged = merge_lists(&left, &right);
            *there = Value::Array(merged);
        }
        _ => *there = wanted.clone(),
    }
}

/// What is wanted is in the order in which it is wanted. What is only there stays where it stands
/// among the others.
fn merge_lists(there: &[Part<'_>], wanted: &[Part<'_>]) -> Vec<Value> {
    let find = |among: &[Part<'_>], element: &Element| {
        among.iter().position(|part| part.element == *element)
    };
    let mut merged = Vec::new();
    let mut taken = 0;
    let mut take = |until: usize, merged: &mut Vec<Value>| {
        for part in wanted.iter().take(until).skip(taken) {
            let known = find(there, &part.element).and_then(|place| there.get(place));
            let mut value = known.map_or(Value::Null, |known| known.value.clone());
            merge(part.schema, &mut value, part.value);
            merged.push(value);
        }
        taken = taken.max(until);
    };
    for part in there {
        match find(wanted, &part.element) {
            Some(place) => take(place + 1, &mut merged),
            None => merged.push(part.value.clone()),
        }
    }
    take(wanted.len(), &mut merged);
    merged
}

/// Takes out of a value what one set has and another does not, at or below a place.
pub fn prune(schema: Option<&Schema>, value: &mut Value, gone: &FieldSet, kept: &FieldSet) {
    for (element, gone) in &gone.children {
        let still = kept.children.get(element);
        let whole = still.is_none_or(FieldSet::is_empty) && !is_essential(schema, element);
        let nothing = FieldSet::default();
        let Some((place, schema)) = place_of(schema, value, element) else {
            continue;
        };
        let emptied = !whole && {
            let part = place.of_mut(value);
            part.is_some_and(|part| {
                prune(schema, part, gone, still.unwrap_or(&nothing));
                is_empty(part)
            })
        };
        if whole || emptied {
            place.remove(value);
        }
    }
}

/// An object without these is none.
fn is_essential(schema: Option<&Schema>, element: &Element) -> bool {
    let of_object = schema.and_then(|schema| schema.field("metadata")).is_some();
    let essential = ["metadata", "spec", "status"];
    matches!(element, Element::Field(name) if of_object && essential.contains(&name.as_str()))
}

/// Where a part stands.
enum Place {
    Field(String),
    Index(usize),
}

impl Place {
    fn of_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        match self {
            Place::Field(name) => value.get_mut(name),
            Place::Index(index) => value.get_mut(*index),
        }
    }

    fn remove(&self, value: &mut Value) {
        match (self, value) {
            (Place::Field(name), Value::Object(fields)) => drop(fields.shift_remove(name)),
            (Place::Index(index), Value::Array(list)) if *index < list.len() => {
                drop(list.remove(*index));
            }
            _ => {}
        }
    }
}

fn place_of<'a>(
    schema: Option<&'a Schema>,
    value: &Value,
    element: &Element,
) -> Option<(Place, Option<&'a Schema>)> {
    let own = parts(schema, value)?;
    let index = own.iter().position(|part| part.element == *element)?;
    let place = match element {
        Element::Field(name) => Place::Field(name.clone()),
        Element::Key(_) | Element::Value(_) => Place::Index(index),
    };
    let below = match (schema.map(|schema| &schema.shape), element) {
        (_, Element::Field(name)) => {
            schema.and_then(|schema| schema.field(name)).map(AsRef::as_ref)
        }
        (Some(Shape::List(list)), _) => Some(list.element.as_ref()),
        _ => None,
    };
    Some((place, below))
}

fn is_empty(value: &Value) -> bool {
    is_empty_map(value) || value.as_array().is_some_and(Vec::is_empty)
}

fn is_empty_map(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

/// The parts of a value; none if it is one thing.
fn parts<'a>(schema: Option<&'a Schema>, value: &'a Value) -> Option<Vec<Part<'a>>> {
    match (schema.map(|schema| &schema.shape), value) {
        (Some(Shape::Fields(fields)), _) if fields.merging == Merging::Atomic => None,
        (Some(Shape::Map(_, Merging::Atomic)), _) => None,
        (shape, Value::Object(fields)) => {
            let counts = !matches!(shape, Some(Shape::Fields(_)));
            let parts = fields.iter().map(|(name, value)| Part {
                element: Element::field(name),
                schema: schema.and_then(|schema| schema.field(name)).map(AsRef::as_ref),
                value,
                counts,
            });
            Some(parts.collect())
        }
        (Some(Shape::List(list)), Value::Array(elements)) => {
            let parts = elements.iter().map(|value| {
                let element = element_of(list, value)?;
                Some(Part { element, schema: Some(list.element.as_ref()), value, counts: true })
            });
            parts.collect()
        }
        _ => None,
    }
}

/// What tells an element of a list apart; none in a list that is one thing.
fn element_of(list: &List, value: &Value) -> Option<Element> {
    match &list.applied {
        Elements::Atomic => None,
        Elements::Set => Some(Element::Value(value.to_string())),
        Elements::Keyed(keys) => {
            let fields: BTreeMap<&str, Value> = keys
                .iter()
                .filter_map(|key| {
                    let said = value.get(key).cloned();
                    let default = || list.element.field(key)?.default.clone();
                    Some((key.as_str(), said.or_else(default)?))
                })
                .collect();
            Some(Element::Key(json!(fields).to_string()))
        }
    }
}
