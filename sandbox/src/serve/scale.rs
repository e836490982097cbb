//! The subresource `scale`: how many replicas there should be, and are.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::write::{self, Record};
use super::{Reply, body, existing, patch, table};
use crate::negotiate::Form;
use crate::object::{set, text};
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::state::State;

/// GET.
pub fn get(state: &State, ask: &Ask) -> Result<Reply, Refusal> {
    let current = existing(state, ask)?.value();
    let scale = of(&current);
    let shown = match ask.form {
        Form::Table(include) => table::of_scale(include, &scale, state.time()),
        Form::Object | Form::Metadata => scale,
    };
    Ok(Reply::Json(StatusCode::OK, shown.to_string().into_bytes()))
}

/// PUT.
pub fn update(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    let scale = body::of_kind(state, ask, "Scale", "autoscaling/v1")?;
    store(state, ask, &scale)
}

/// PATCH.
pub fn patch(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    let mut scale = of(&existing(state, ask)?.value());
    patch::apply_to(ask, &mut scale)?;
    store(state, ask, &scale)
}

fn store(state: &mut State, ask: &Ask, scale: &Value) -> Result<Reply, Refusal> {
    let current = existing(state, ask)?;
    let replicas = match scale.pointer("/spec/replicas") {
        None | Some(Value::Null) => 0,
        Some(number) => number.as_i64().unwrap_or(-1),
    };
    if replicas < 0 {
        let why = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        return Err(Refusal::invalid_scale(&ask.name, &why));
    }
    let mut owner = current.value();
    // The version the client read; without one the write is unconditional.
    let version = text(scale, "/metadata/resourceVersion").to_owned();
    set(&mut owner, "/metadata", "resourceVersion", json!(version));
    set(&mut owner, "/spec", "replicas", json!(replicas));
    write::replace(state, ask, &current, owner, Record::Add)?;
    get(state, ask)
}

fn of(owner: &Value) -> Value {
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = owner.pointer(&format!("/metadata/{field}")) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let number = |pointer| owner.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let spec = match number("/spec/replicas") {
        0 => json!({}),
        replicas => json!({"replicas": replicas}),
    };
    let labels = owner.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec,
        "status": {"replicas": number("/status/replicas"), "selector": selector.join(",")},
    })
}
