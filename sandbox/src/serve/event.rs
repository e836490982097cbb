//! Events are one kind with two faces: `v1`, in which they are stored, and `events.k8s.io/v1`,
//! which calls most of their fields by other names.

use serde_json::{Map, Value};

/// Names in `v1`, and in `events.k8s.io/v1`.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// An Event as it is stored, as `events.k8s.io/v1` shows it.
pub fn shown(event: Value) -> Value {
    let mut shown = renamed(event, |field| {
        NAMES.iter().find(|(stored, _)| *stored == field).map(|(_, shown)| *shown)
    });
    for field in ["reportingController", "reportingInstance"] {
        if shown.get(field).and_then(Value::as_str) == Some("") {
            crate::object::take(&mut shown, "", field);
        }
    }
    shown
}

/// An Event as `events.k8s.io/v1` shows it, as it is stored.
pub fn stored(event: Value) -> Value {
    renamed(event, |field| {
        NAMES.iter().find(|(_, shown)| *shown == field).map(|(stored, _)| *stored)
    })
}

/// What a field selector's field is called where Events are stored.
pub fn stored_field(field: &str) -> String {
    let (first, rest) = field.split_once('.').unwrap_or((field, ""));
    match NAMES.iter().find(|(_, shown)| *shown == first) {
        Some((stored, _)) if rest.is_empty() => (*stored).to_owned(),
        Some((stored, _)) => format!("{stored}.{rest}"),
        None => field.to_owned(),
    }
}

fn renamed(event: Value, name: impl Fn(&str) -> Option<&'static str>) -> Value {
    let Value::Object(fields) = event else {
        return event;
    };
    let renamed = fields.into_iter().map(|(field, value)| match name(&field) {
        Some(name) => (name.to_owned(), value),
        None => (field, value),
    });
    Value::Object(renamed.collect::<Map<_, _>>())
}
