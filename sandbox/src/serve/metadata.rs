//! Rules for the metadata of every kind.

use serde_json::{Value, json};

use super::write::finalizers;
use crate::causes::Causes;
use crate::kinds::Kind;
use crate::names;
use crate::object::{elements, text};
use crate::refusal::Refusal;

/// The most bytes that the keys and values of annotations may have together.
const MOST_ANNOTATIONS: usize = 256 << 10;

/// Drops lists and maps with nothing in them, which nobody tells from those that are not there.
pub fn tidy(object: &mut Value) {
    if let Some(fields) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        fields.retain(|_, value| match value {
            Value::Null => false,
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => !map.is_empty(),
            _ => true,
        });
    }
}

/// Nothing may hold an object any more that is being deleted.
///
/// # Errors
/// 422 for finalizers that are new.
pub fn no_new_finalizers(
    kind: &Kind,
    name: &str,
    before: &Value,
    after: &Value,
) -> Result<(), Refusal> {
    if text(before, "/metadata/deletionTimestamp").is_empty() {
        return Ok(());
    }
    let known: Vec<&Value> = finalizers(before).collect();
    let new = finalizers(after).filter(|finalizer| !known.contains(finalizer));
    let new: Vec<String> = new.map(Value::to_string).collect();
    if new.is_empty() {
        return Ok(());
    }
    let why = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        new.join(", ")
    );
    let mut wrong = Causes::default();
    wrong.forbidden("metadata.finalizers", &why);
    Refusal::of_object(kind, name, &wrong)
}

/// What is wrong with names, labels, annotations, owners and finalizers, which have their formats.
pub fn broken(kind: &Kind, name: &str, before: Option<&Value>, object: &Value) -> Causes {
    let mut wrong = Causes::default();
    if before.is_none() {
        for why in names::of_object(kind, name) {
            wrong.invalid("metadata.name", &json!(name), &why);
        }
    }
    labels(object, &mut wrong);
    annotations(object, &mut wrong);
    elements(object, "/metadata/ownerReferences")
        .for_each(|owner| named_in_full(owner, &mut wrong));
    one_controller(object, &mut wrong);
    wrong
}

fn one_controller(object: &Value, wrong: &mut Causes) {
    let owners = elements(object, "/metadata/ownerReferences");
    let controllers: Vec<&Value> =
        owners.filter(|owner| owner.get("controller") == Some(&json!(true))).collect();
    let [first, .., last] = controllers.as_slice() else {
        return;
    };
    let named = |owner: &Value| format!("{}/{}", text(owner, "/kind"), text(owner, "/name"));
    let why = format!(
        "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
        named(first),
        named(last)
    );
    let all = object.pointer("/metadata/ownerReferences").unwrap_or(&Value::Null);
    wrong.invalid("metadata.ownerReferences", all, &why);
}

fn labels(object: &Value, wrong: &mut Causes) {
    for (key, value) in fields(object, "/metadata/labels") {
        for why in names::of_key(key) {
            wrong.invalid("metadata.labels", &json!(key), &why);
        }
        for why in names::of_label_value(value.as_str().unwrap_or("")) {
            wrong.invalid("metadata.labels", value, &why);
        }
    }
}

fn annotations(object: &Value, wrong: &mut Causes) {
    let mut size = 0;
    for (key, value) in fields(object, "/metadata/annotations") {
        for why in names::of_key(&key.to_lowercase()) {
            wrong.invalid("metadata.annotations", &json!(key), &why);
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > MOST_ANNOTATIONS {
        wrong.too_long("metadata.annotations", MOST_ANNOTATIONS as u64);
    }
}

fn fields<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    object.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

fn named_in_full(owner: &Value, wrong: &mut Causes) {
    for (field, why) in [
        ("apiVersion", "version must not be empty"),
        ("kind", "must not be empty"),
        ("name", "must not be empty"),
        ("uid", "must not be empty"),
    ] {
        if text(owner, &format!("/{field}")).is_empty() {
            wrong.invalid(format!("metadata.ownerReferences.{field}"), &json!(""), why);
        }
    }
}
