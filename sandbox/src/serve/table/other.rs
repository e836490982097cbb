//! Everything else in tables.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{NAME, View, age, column, number, or, wide};
use crate::object::text;

/// Kinds with nothing to show but a name and an age.
pub const ANY: View = View {
    columns: &[NAME, column("Age")],
    cells: |object, now| vec![or(object, "/metadata/name", ""), age::of(object, now)],
};

/// ConfigMaps.
pub const CONFIG_MAP: View = View {
    columns: &[NAME, column("Data"), column("Age")],
    cells: |map, now| {
        let keys = keys(map, "data") + keys(map, "binaryData");
        vec![or(map, "/metadata/name", ""), json!(keys), age::of(map, now)]
    },
};

/// Secrets.
pub const SECRET: View = View {
    columns: &[NAME, column("Type"), column("Data"), column("Age")],
    cells: |secret, now| {
        vec![
            or(secret, "/metadata/name", ""),
            or(secret, "/type", ""),
            json!(keys(secret, "data")),
            age::of(secret, now),
        ]
    },
};

/// Leases.
pub const LEASE: View = View {
    columns: &[NAME, column("Holder"), column("Age")],
    cells: |lease, now| {
        vec![
            or(lease, "/metadata/name", ""),
            or(lease, "/spec/holderIdentity", ""),
            age::of(lease, now),
        ]
    },
};

/// Events.
pub const EVENT: View = View {
    columns: &[
        column("Last Seen"),
        column("Type"),
        column("Reason"),
        column("Object"),
        wide("Subobject"),
        wide("Source"),
        column("Message"),
        wide("First Seen"),
        wide("Count"),
        wide("Name"),
    ],
    cells: event,
};

fn event(event: &Value, now: Timestamp) -> Vec<Value> {
    let first_of = |pointers: &[&str]| {
        let said = pointers.iter().map(|pointer| text(event, pointer));
        said.into_iter().find(|said| !said.is_empty()).unwrap_or("").to_owned()
    };
    let last = first_of(&["/series/lastObservedTime", "/lastTimestamp", "/eventTime"]);
    let first = first_of(&["/firstTimestamp", "/eventTime"]);
    let kind = text(event, "/involvedObject/kind").to_lowercase();
    let source = first_of(&["/source/component", "/reportingComponent"]);
    let host = first_of(&["/source/host", "/reportingInstance"]);
    let source = if host.is_empty() { source } else { format!("{source}, {host}") };
    let count = number(event, "/count").max(number(event, "/series/count")).max(1);
    vec![
        json!(age::since(&last, now)),
        or(event, "/type", ""),
        or(event, "/reason", ""),
        json!(format!("{kind}/{}", text(event, "/involvedObject/name"))),
        or(event, "/involvedObject/fieldPath", ""),
        json!(source),
        json!(text(event, "/message").trim()),
        json!(age::since(&first, now)),
        json!(count),
        or(event, "/metadata/name", ""),
    ]
}

fn keys(object: &Value, field: &str) -> usize {
    object.get(field).and_then(Value::as_object).map_or(0, serde_json::Map::len)
}
