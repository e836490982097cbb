//! Rules for the metadata of every kind.

use serde_json::{Value, json};

use super::write::finalizers;
use crate::causes::Causes;
use crate::kinds::Kind;
use crate::object::{elements, text};
use crate::refusal::Refusal;

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

/// An owner has to be named in full.
///
/// # Errors
/// 422 for what is missing.
pub fn owners(kind: &Kind, name: &str, object: &Value) -> Result<(), Refusal> {
    let mut wrong = Causes::default();
    for owner in elements(object, "/metadata/ownerReferences") {
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
    Refusal::of_object(kind, name, &wrong)
}
