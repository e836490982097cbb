//! Strategic merge patches, which know which lists are maps in disguise, with their directives.

use serde_json::{Map, Value, json};

use crate::refusal::Refusal;
use crate::schema::{Elements, Schema, Shape};

/// Merges a patch into an object that looks like a schema.
///
/// # Errors
/// 500, as on the real server, for an element of a keyed list that lacks its key.
pub fn merge(schema: &Schema, target: &mut Value, patch: Value) -> Result<(), Refusal> {
    any(Some(schema), target, patch)
}

fn any(schema: Option<&Schema>, target: &mut Value, patch: Value) -> Result<(), Refusal> {
    match patch {
        Value::Object(fields) => map(schema, target, fields),
        Value::Array(elements) => list(schema, target, elements),
        other => {
            *target = other;
            Ok(())
        }
    }
}

fn map(
    schema: Option<&Schema>,
    target: &mut Value,
    mut patch: Map<String, Value>,
) -> Result<(), Refusal> {
    if !target.is_object() {
        *target = json!({});
    }
    let Some(fields) = target.as_object_mut() else {
        return Ok(());
    };
    match patch.shift_remove("$patch").as_ref().and_then(Value::as_str) {
        Some("replace") => {
            *fields = patch;
            return Ok(());
        }
        Some("delete") => {
            fields.clear();
            return Ok(());
        }
        _ => {}
    }
    if let Some(Value::Array(retained)) = patch.shift_remove("$retainKeys") {
        fields.retain(|field, _| retained.contains(&json!(field)));
    }
    for (field, value) in patch {
        if let Some(list) = field.strip_prefix("$setElementOrder/") {
            order(within(schema, list), fields.get_mut(list), &value);
        } else if let Some(list) = field.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(Value::Array(found)), Value::Array(gone)) = (fields.get_mut(list), value) {
                found.retain(|element| !gone.contains(element));
            }
        } else if value.is_null() {
            fields.shift_remove(&field);
        } else {
            let entry = fields.entry(field.clone()).or_insert(Value::Null);
            any(within(schema, &field), entry, value)?;
        }
    }
    Ok(())
}

fn list(schema: Option<&Schema>, target: &mut Value, patch: Vec<Value>) -> Result<(), Refusal> {
    let known = target.as_array().cloned().unwrap_or_default();
    let merged = match kind_of(schema) {
        None | Some((Elements::Atomic, _)) => patch,
        Some((Elements::Set, _)) => {
            let new = patch.into_iter().filter(|element| !known.contains(element));
            let new: Vec<Value> = new.collect();
            known.iter().cloned().chain(new).collect()
        }
        Some((Elements::Keyed(keys), element)) => keyed(element, keys, known, patch)?,
    };
    *target = Value::Array(merged);
    Ok(())
}

fn keyed(
    schema: &Schema,
    keys: &[String],
    mut known: Vec<Value>,
    patch: Vec<Value>,
) -> Result<Vec<Value>, Refusal> {
    let replace = json!({"$patch": "replace"});
    if patch.contains(&replace) {
        return Ok(patch.into_iter().filter(|element| *element != replace).collect());
    }
    let mut named: Vec<(Option<usize>, Value)> = Vec::new();
    let mut gone = Vec::new();
    for mut element in patch {
        let first = keys.first().map_or("", String::as_str);
        if element.get(first).is_none() {
            return Err(without_key(&element, first));
        }
        let place = known.iter().position(|found| same(keys, found, &element));
        let directive = element.as_object_mut().and_then(|map| map.shift_remove("$patch"));
        if directive.as_ref().and_then(Value::as_str) == Some("delete") {
            gone.extend(place);
            continue;
        }
        let found = place.and_then(|place| known.get_mut(place)).map(Value::take);
        let mut merged = found.unwrap_or_else(|| json!({}));
        any(Some(schema), &mut merged, element)?;
        named.push((place, merged));
    }
    let mine = |place: &usize| named.iter().any(|(other, _)| *other == Some(*place));
    let others = known.into_iter().enumerate();
    let others = others.filter(|(place, _)| !gone.contains(place) && !mine(place)).collect();
    Ok(woven(named, others))
}

/// The elements that a patch names keep its order, the others theirs. A new one stands before the
/// next of the others, one that was there where it stood among them.
fn woven(named: Vec<(Option<usize>, Value)>, others: Vec<(usize, Value)>) -> Vec<Value> {
    let mut others = others.into_iter().peekable();
    let mut woven = Vec::new();
    for (place, element) in named {
        let before = |other: &(usize, Value)| place.is_some_and(|place| other.0 < place);
        while let Some((_, other)) = others.next_if(before) {
            woven.push(other);
        }
        woven.push(element);
    }
    woven.extend(others.map(|(_, other)| other));
    woven
}

/// Puts the elements that are named into the order in which they are named, before the others.
fn order(schema: Option<&Schema>, list: Option<&mut Value>, order: &Value) {
    let (Some(Value::Array(elements)), Value::Array(order)) = (list, order) else {
        return;
    };
    let place = |element: &Value| {
        let found = order.iter().position(|named| match kind_of(schema) {
            Some((Elements::Keyed(keys), _)) => same(keys, named, element),
            _ => named == element,
        });
        found.unwrap_or(usize::MAX)
    };
    elements.sort_by_key(place);
}

fn kind_of(schema: Option<&Schema>) -> Option<(&Elements, &Schema)> {
    match &schema?.shape {
        Shape::List(list) => Some((&list.patched, &list.element)),
        _ => None,
    }
}

fn within<'a>(schema: Option<&'a Schema>, field: &str) -> Option<&'a Schema> {
    Some(schema?.field(field)?.as_ref())
}

/// Whether two elements have the same key. A protocol that is not named is TCP.
fn same(keys: &[String], one: &Value, other: &Value) -> bool {
    let tcp = json!("TCP");
    let key = |element: &Value, key: &str| {
        let found = element.get(key).cloned();
        if key == "protocol" { Some(found.unwrap_or_else(|| tcp.clone())) } else { found }
    };
    keys.iter().all(|name| key(one, name) == key(other, name))
}

fn without_key(element: &Value, key: &str) -> Refusal {
    let fields = element.as_object().into_iter().flatten();
    let fields = fields.map(|(field, value)| match value.as_str() {
        Some(text) => format!("{field}:{text}"),
        None => format!("{field}:{value}"),
    });
    let map: Vec<String> = fields.collect();
    let map = map.join(" ");
    let message = format!("map: map[{map}] does not contain declared merge key: {key}");
    Refusal::new(http::StatusCode::INTERNAL_SERVER_ERROR, "", message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking
mod tests {
    use super::*;
    use crate::kinds::{DEPLOYMENT, Kind, SERVICE};
    use crate::schema::builtin;

    fn merged(kind: &Kind, target: Value, patch: Value) -> Value {
        let mut target = target;
        merge(builtin::of(kind), &mut target, patch).unwrap();
        target
    }

    fn containers(list: Value) -> Value {
        json!({"spec": {"template": {"spec": {"containers": list}}}})
    }

    #[test]
    fn containers_are_merged_by_name_and_keep_the_order_of_the_patch() {
        let target = containers(json!([{"name": "a", "image": "1", "args": ["x"]}]));
        let patch = containers(json!([{"name": "a", "image": "2"}, {"name": "b", "image": "3"}]));
        let expected = json!([
            {"name": "a", "image": "2", "args": ["x"]},
            {"name": "b", "image": "3"},
        ]);
        assert_eq!(merged(&DEPLOYMENT, target, patch), containers(expected));
    }

    #[test]
    fn what_is_new_stands_before_what_is_not_named() {
        let target = containers(json!([{"name": "a"}, {"name": "b"}]));
        let patch = containers(json!([{"name": "c"}]));
        let expected = containers(json!([{"name": "c"}, {"name": "a"}, {"name": "b"}]));
        assert_eq!(merged(&DEPLOYMENT, target, patch), expected);
    }

    #[test]
    fn directives_delete_replace_and_order() {
        let list = json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]);
        let gone = containers(json!([{"name": "b", "$patch": "delete"}]));
        assert_eq!(
            merged(&DEPLOYMENT, containers(list.clone()), gone),
            containers(json!([{"name": "a"}, {"name": "c"}]))
        );
        let replaced = containers(json!([{"$patch": "replace"}, {"name": "d"}]));
        assert_eq!(
            merged(&DEPLOYMENT, containers(list.clone()), replaced),
            containers(json!([{"name": "d"}]))
        );
        let order = json!([{"name": "c"}, {"name": "a"}, {"name": "b"}]);
        let ordered =
            json!({"spec": {"template": {"spec": {"$setElementOrder/containers": order}}}});
        assert_eq!(merged(&DEPLOYMENT, containers(list), ordered), containers(order));
    }

    #[test]
    fn ports_are_told_apart_by_their_number_alone() {
        let target = json!({"spec": {"ports": [{"port": 53, "protocol": "TCP"}]}});
        let patch = json!({"spec": {"ports": [{"port": 53, "protocol": "UDP"}]}});
        assert_eq!(merged(&SERVICE, target, patch.clone()), patch);
    }
}
