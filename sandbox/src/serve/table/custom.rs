//! Objects of defined kinds in tables: the columns that their definition names.

use jiff::Timestamp;
use jsonpath_rust::JsonPath;
use serde_json::{Value, json};

use super::age;
use crate::kinds::{Custom, Kind};
use crate::object::text;

/// The columns of a kind: its own, or name and age.
pub fn columns(kind: &Kind) -> Vec<Value> {
    let mut columns = vec![definition("Name", "string", "name", "", 0)];
    let said = kind.custom.map(|custom| custom.columns.as_slice()).unwrap_or_default();
    columns.extend(said.iter().map(|column| {
        let path = text(&column.said, "/jsonPath");
        let described = match text(&column.said, "/description") {
            "" => format!("Custom resource definition column (in JSONPath format): {path}"),
            description => description.to_owned(),
        };
        let priority = column.said.get("priority").and_then(Value::as_i64).unwrap_or(0);
        let of = |field: &str| text(&column.said, field);
        definition(of("/name"), of("/type"), of("/format"), &described, priority)
    }));
    if said.is_empty() {
        columns.push(definition("Age", "date", "", "", 0));
    }
    columns
}

/// The cells of an object.
pub fn cells(custom: &Custom, object: &Value, now: Timestamp) -> Vec<Value> {
    let mut cells = vec![json!(text(object, "/metadata/name"))];
    cells.extend(custom.columns.iter().map(|column| cell(&column.said, object, now)));
    if custom.columns.is_empty() {
        cells.push(age::of(object, now));
    }
    cells
}

fn cell(column: &Value, object: &Value, now: Timestamp) -> Value {
    let path = format!("${}", text(column, "/jsonPath"));
    let found = object.query(&path).unwrap_or_default();
    match (found.first(), text(column, "/type")) {
        (None, _) => Value::Null,
        (Some(Value::String(time)), "date") => json!(age::since(time, now)),
        (Some(Value::String(said)), "integer") => json!(said.parse::<i64>().ok()),
        (Some(value), "integer" | "number" | "boolean") => (*value).clone(),
        (Some(Value::String(said)), _) => json!(said),
        (Some(value), _) => json!(value.to_string()),
    }
}

fn definition(name: &str, kind: &str, format: &str, description: &str, priority: i64) -> Value {
    json!({
        "name": name, "type": kind, "format": format, "description": description,
        "priority": priority,
    })
}
