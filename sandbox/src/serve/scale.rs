//! The subresource `scale`: how many replicas there should be, and are.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::write::{self, Record};
use super::{Reply, body, existing, patch, table};
use crate::kinds::Kind;
use crate::negotiate::Form;
use crate::object::{set, text};
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::state::State;

/// GET.
pub fn get(state: &State, ask: &Ask) -> Result<Reply, Refusal> {
    let current = existing(state, ask)?.value();
    let scale = of(ask.kind, &current);
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
    let mut scale = of(ask.kind, &existing(state, ask)?.value());
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
    let (above, field) = places(ask.kind).0.rsplit_once('/').unwrap_or(("/spec", "replicas"));
    set(&mut owner, above, field, json!(replicas));
    write::replace(state, ask, &current, owner, Record::Add)?;
    get(state, ask)
}

/// Where replicas are: wanted, there, and what selects them.
fn places(kind: &Kind) -> (&str, &str, &str) {
    match kind.custom.and_then(|custom| custom.replicas.as_ref()) {
        Some(places) => (&places.wanted, &places.there, &places.selector),
        None => ("/spec/replicas", "/status/replicas", "/spec/selector/matchLabels"),
    }
}

fn of(kind: &Kind, owner: &Value) -> Value {
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = owner.pointer(&format!("/metadata/{field}")) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let number = |pointer| owner.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let (wanted, there, selecting) = places(kind);
    let spec = match number(wanted) {
        0 => json!({}),
        replicas => json!({"replicas": replicas}),
    };
    let selector = match owner.pointer(selecting) {
        Some(Value::String(selector)) => selector.clone(),
        labels => {
            let labels = labels.and_then(Value::as_object).into_iter().flatten();
            let pairs =
                labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")));
            pairs.collect::<Vec<String>>().join(",")
        }
    };
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec,
        "status": {"replicas": number(there), "selector": selector},
    })
}
