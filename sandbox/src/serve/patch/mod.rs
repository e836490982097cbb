//! Changing parts of an object: by JSON patch, merge patch, strategic merge patch, or apply.

mod apply;
mod merge;
mod strategic;

use serde_json::{Map, Value, json};

use super::write::{self, Record};
use super::{Reply, body, event, existing};
use crate::kinds::{Kind, Storage};
use crate::object::{Object, set, text};
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::state::State;

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_MERGE_PATCH: &str = "application/strategic-merge-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// PATCH.
///
/// # Errors
/// 404 if there is nothing to change, 415 for a patch of no known type, 400 for one that cannot be
/// read, 422 for one that does not fit the object.
pub fn patch(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    if ask.media_type.as_deref() == Some(APPLY_PATCH) {
        return apply::apply(state, ask);
    }
    if ask.query.iter().any(|(name, _)| name == "force") {
        let why = "Forbidden: may not be specified for non-apply patch";
        return Err(Refusal::invalid_option(ask.verb, "force", "FieldValueForbidden", why));
    }
    let current = existing(state, ask)?;
    let mut object = shown(ask, &current);
    apply_to(ask, &mut object)?;
    let object = read(state, ask, object)?;
    if text(&object, "/metadata/name") != ask.name {
        let name = text(&object, "/metadata/name");
        return Err(Refusal::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            ask.name
        )));
    }
    write::replace(state, ask, &current, body::as_stored(ask.kind, object), Record::Add)
}

/// What a patch has made, as far as the kind has fields for it.
fn read(state: &mut State, ask: &Ask, patched: Value) -> Result<Value, Refusal> {
    let whole = as_go_writes_it(ask.kind, &patched);
    let read = body::read_value(ask.kind, patched);
    body::accepted(state, ask, read, |why| Refusal::invalid_patch(&whole, &why))
}

/// An object with its metadata in the order in which Go writes it, as refusals quote it.
fn as_go_writes_it(kind: &Kind, object: &Value) -> String {
    const METADATA: [&str; 12] = [
        "name",
        "generateName",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "labels",
        "annotations",
        "ownerReferences",
        "finalizers",
        "managedFields",
    ];
    let mut written = json!({"apiVersion": kind.api_version(), "kind": kind.kind});
    for field in METADATA {
        if let Some(value) = object.get("metadata").and_then(|metadata| metadata.get(field)) {
            set(&mut written, "/metadata", field, value.clone());
        }
    }
    for (field, value) in object.as_object().into_iter().flatten() {
        if written.get(field).is_none() {
            set(&mut written, "", field, value.clone());
        }
    }
    written.to_string()
}

/// The object as the client knows it.
fn shown(ask: &Ask, current: &Object) -> Value {
    match ask.kind.storage {
        Storage::Events => event::shown(current.value()),
        Storage::Own | Storage::None => current.value(),
    }
}

/// Applies the patch of a request to a value.
///
/// # Errors
/// As [`patch`].
pub fn apply_to(ask: &Ask, object: &mut Value) -> Result<(), Refusal> {
    match ask.media_type.as_deref() {
        Some(JSON_PATCH) => {
            let operations: Vec<Map<String, Value>> = decoded(ask)?;
            let patch: json_patch::Patch = serde_json::from_value(json!(operations))
                .map_err(|_| Refusal::patch_does_not_fit())?;
            json_patch::patch(object, &patch).map_err(|_| Refusal::patch_does_not_fit())
        }
        Some(MERGE_PATCH) => {
            merge::merge(object, decoded(ask)?);
            Ok(())
        }
        // What is defined does not say how its lists are patched.
        Some(STRATEGIC_MERGE_PATCH) if ask.kind.custom.is_some() => {
            Err(Refusal::media_type(&[JSON_PATCH, MERGE_PATCH, APPLY_PATCH]))
        }
        Some(STRATEGIC_MERGE_PATCH) => strategic::merge(ask.kind.schema(), object, decoded(ask)?),
        _ => Err(Refusal::patch_type()),
    }
}

fn decoded<T: serde::de::DeserializeOwned>(ask: &Ask) -> Result<T, Refusal> {
    serde_json::from_slice(&ask.body)
        .map_err(|error| Refusal::bad_request(format!("error decoding patch: {error}")))
}
