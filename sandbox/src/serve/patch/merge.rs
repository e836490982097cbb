//! A merge patch: maps are merged, null removes, everything else replaces (RFC 7396).

use serde_json::{Value, json};

/// Merges a patch into a value.
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(fields) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(target) = target.as_object_mut() else {
        return;
    };
    for (field, value) in fields {
        if value.is_null() {
            target.shift_remove(&field);
        } else {
            merge(target.entry(field).or_insert(Value::Null), value);
        }
    }
}
