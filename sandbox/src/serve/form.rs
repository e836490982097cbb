//! Answers in the form that was asked for: objects, their metadata, or tables.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::table::{self, Header};
use crate::kinds::Kind;
use crate::negotiate::Form;
use crate::object::Object;

/// One object.
pub fn one(form: Form, kind: &Kind, object: &Object, now: Timestamp) -> Vec<u8> {
    in_stream(form, kind, object, now, Header::Shown)
}

/// One object of a stream: only the first table of a stream names its columns.
pub fn in_stream(
    form: Form,
    kind: &Kind,
    object: &Object,
    now: Timestamp,
    header: Header,
) -> Vec<u8> {
    match form {
        Form::Object => object.alone(kind),
        Form::Metadata => metadata_of(object).to_string().into_bytes(),
        Form::Table(include) => {
            let version = json!({"resourceVersion": object.resource_version.to_string()});
            let row = table::row(kind, include, object, now);
            table::of(kind, header, &version, vec![row]).to_string().into_bytes()
        }
    }
}

/// A list.
pub fn many(
    form: Form,
    kind: &Kind,
    objects: &[Arc<Object>],
    metadata: &Value,
    now: Timestamp,
) -> Vec<u8> {
    match form {
        Form::Object => list(kind, objects, metadata),
        Form::Metadata => {
            let items: Vec<Value> = objects.iter().map(|object| metadata_of(object)).collect();
            let list = json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata, "items": items,
            });
            format!("{list}\n").into_bytes()
        }
        Form::Table(include) => {
            let rows = objects.iter().map(|object| table::row(kind, include, object, now));
            let table = table::of(kind, Header::Shown, metadata, rows.collect());
            format!("{table}\n").into_bytes()
        }
    }
}

/// What a bookmark shows, or what else stands in a stream beside objects.
pub fn mark(form: Form, kind: &Kind, metadata: &Value, header: Header) -> Value {
    match form {
        Form::Object => {
            json!({"kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata})
        }
        Form::Metadata => partial(metadata),
        Form::Table(_) => {
            let version = json!({"resourceVersion": metadata.get("resourceVersion")});
            let row = json!({"cells": [], "object": partial(metadata)});
            table::of(kind, header, &version, vec![row])
        }
    }
}

/// An object's metadata as an object of its own.
pub fn metadata_of(object: &Object) -> Value {
    partial(object.value().get("metadata").unwrap_or(&Value::Null))
}

/// Metadata as an object of its own.
pub fn partial(metadata: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
    })
}

fn list(kind: &Kind, objects: &[Arc<Object>], metadata: &Value) -> Vec<u8> {
    let mut body = format!(
        "{{\"kind\":\"{}List\",\"apiVersion\":\"{}\",\"metadata\":{metadata},\"items\":[",
        kind.kind,
        kind.api_version()
    )
    .into_bytes();
    for (place, object) in objects.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&object.as_item(kind));
    }
    body.extend_from_slice(b"]}\n");
    body
}
