//! What an Event may not be. `events.k8s.io/v1` asks for more than `v1`, and lets nobody change what
//! was told; both hold who says when it happened to the new rules.

use serde_json::{Value, json};

use crate::causes::Causes;
use crate::kinds::{Kind, Storage};
use crate::names;
use crate::object::{set, text};

const LONGEST_WORD: usize = 128;
const LONGEST_MESSAGE: usize = 1024;

/// What of an Event stays as it was told.
const IMMUTABLE: [&str; 12] = [
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "type",
    "eventTime",
    "action",
    "related",
    "reportingInstance",
];

/// Checks an Event, as it is stored, that came under the name of a kind.
pub fn check(kind: &Kind, before: Option<&Value>, event: &Value, wrong: &mut Causes) {
    let is_new_style = kind.storage == Storage::Events;
    let reporting = if is_new_style { "reportingController" } else { "reportingComponent" };
    if text(event, "/eventTime").is_empty() {
        place(event, wrong);
    } else {
        told_by(event, reporting, wrong);
    }
    if !is_new_style {
        return;
    }
    match before {
        None => told_now(event, wrong),
        Some(before) => unchanged(before, event, wrong),
    }
    series(event, wrong);
}

/// An Event is where what it is about is; about what is nowhere, in `default`.
fn place(event: &Value, wrong: &mut Causes) {
    let (said, own) =
        (text(event, "/involvedObject/namespace"), text(event, "/metadata/namespace"));
    if said != own && !(said.is_empty() && own == "default") {
        let why = "does not match event.namespace";
        wrong.invalid("involvedObject.namespace", &json!(said), why);
    }
}

fn told_by(event: &Value, reporting: &str, wrong: &mut Causes) {
    let controller = text(event, "/reportingComponent");
    if controller.is_empty() {
        wrong.required(reporting, "");
    }
    for why in names::of_key(controller) {
        wrong.invalid(reporting, &json!(controller), &why);
    }
    for field in ["reportingInstance", "action", "reason"] {
        match text(event, &format!("/{field}")) {
            "" => wrong.required(field, ""),
            said => no_longer_than(LONGEST_WORD, said, field, wrong),
        }
    }
    no_longer_than(LONGEST_MESSAGE, text(event, "/message"), "message", wrong);
}

fn no_longer_than(most: usize, said: &str, field: &str, wrong: &mut Causes) {
    if said.len() > most {
        wrong.invalid(field, &json!(""), &format!("can have at most {most} characters"));
    }
}

fn told_now(event: &Value, wrong: &mut Causes) {
    if text(event, "/eventTime").is_empty() {
        wrong.required("eventTime", "");
    }
    let said = text(event, "/type");
    if !["Normal", "Warning"].contains(&said) {
        wrong.invalid("type", &json!(""), &format!("has invalid value: {said}"));
    }
    for field in ["firstTimestamp", "lastTimestamp", "count", "source"] {
        let is_set = event.get(field).is_some_and(|value| match value {
            Value::Null => false,
            Value::Object(source) => !source.is_empty(),
            other => *other != json!(0),
        });
        if is_set {
            wrong.invalid(field, &json!(""), "needs to be unset");
        }
    }
}

fn unchanged(before: &Value, event: &Value, wrong: &mut Causes) {
    let fields = IMMUTABLE.map(|field| (field, field));
    for (field, said) in fields.into_iter().chain([("reportingComponent", "reportingController")]) {
        let value = event.get(field).unwrap_or(&Value::Null);
        if before.get(field).unwrap_or(&Value::Null) != value {
            let is_reference = matches!(field, "involvedObject" | "related");
            let shown = if is_reference { as_go_writes_it(value) } else { value.clone() };
            wrong.invalid(said, &shown, "field is immutable");
        }
    }
}

fn series(event: &Value, wrong: &mut Causes) {
    let Some(series) = event.get("series").filter(|series| !series.is_null()) else {
        return;
    };
    if series.get("count").and_then(Value::as_i64).unwrap_or(0) < 2 {
        wrong.invalid("series.count", &json!(""), "should be at least 2");
    }
    if text(series, "/lastObservedTime").is_empty() {
        wrong.required("series.lastObservedTime", "");
    }
}

/// A reference with the names of Go's fields, all of them.
fn as_go_writes_it(reference: &Value) -> Value {
    let mut written = json!({});
    for (name, field) in [
        ("Kind", "kind"),
        ("Namespace", "namespace"),
        ("Name", "name"),
        ("UID", "uid"),
        ("APIVersion", "apiVersion"),
        ("ResourceVersion", "resourceVersion"),
        ("FieldPath", "fieldPath"),
    ] {
        set(&mut written, "", name, json!(text(reference, &format!("/{field}"))));
    }
    written
}
