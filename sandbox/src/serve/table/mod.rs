//! Tables: what `kubectl get` prints. The columns of a kind and the cells of an object.

mod age;
mod cluster;
mod custom;
mod other;
mod services;
mod workloads;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::form::{metadata_of, partial};
use crate::kinds::Kind;
use crate::negotiate::Include;
use crate::object::{Object, text};

/// Whether a table names its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// It does.
    Shown,
    /// It does not: an earlier table of the stream did.
    Omitted,
}

/// How a kind is shown.
struct View {
    columns: &'static [Column],
    cells: fn(&Value, Timestamp) -> Vec<Value>,
}

/// A column.
struct Column {
    name: &'static str,
    /// What its cells are, which clients make little of.
    of: &'static str,
    /// What else is to say of it: `name` of the column that names objects.
    format: &'static str,
    /// 0 is always shown, 1 only if more is asked for.
    priority: u8,
}

/// The column that names objects.
const NAME: Column = Column { name: "Name", of: "string", format: "name", priority: 0 };

/// A column that is always shown.
const fn column(name: &'static str) -> Column {
    Column { name, of: "string", format: "", priority: 0 }
}

/// A column of numbers that is always shown.
const fn numbers(name: &'static str) -> Column {
    Column { name, of: "integer", format: "", priority: 0 }
}

/// A column for those who ask for more.
const fn wide(name: &'static str) -> Column {
    Column { name, of: "string", format: "", priority: 1 }
}

/// A table of rows.
pub fn of(kind: &Kind, header: Header, metadata: &Value, rows: Vec<Value>) -> Value {
    let columns = match header {
        Header::Shown if kind.custom.is_some() => {
            return table(&json!(custom::columns(kind)), metadata, rows);
        }
        Header::Shown => view(kind).columns,
        Header::Omitted => return table(&Value::Null, metadata, rows),
    };
    table(&columns.iter().map(definition).collect(), metadata, rows)
}

/// The table of a number of replicas.
pub fn of_scale(include: Include, scale: &Value, now: Timestamp) -> Value {
    let View { columns, cells } = workloads::SCALE;
    let brought = match include {
        Include::None => Value::Null,
        Include::Metadata => partial(scale.get("metadata").unwrap_or(&Value::Null)),
        Include::Object => scale.clone(),
    };
    let row = json!({"cells": cells(scale, now), "object": brought});
    let metadata = json!({"resourceVersion": text(scale, "/metadata/resourceVersion")});
    table(&columns.iter().map(definition).collect(), &metadata, vec![row])
}

fn table(columns: &Value, metadata: &Value, rows: Vec<Value>) -> Value {
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": columns, "rows": rows,
    })
}

/// The row of an object.
pub fn row(kind: &Kind, include: Include, object: &Object, now: Timestamp) -> Value {
    let value = object.value();
    let brought = match include {
        Include::None => Value::Null,
        Include::Metadata => metadata_of(object),
        Include::Object => object.whole(kind),
    };
    let cells = match kind.custom {
        Some(custom) => custom::cells(custom, &value, now),
        None => (view(kind).cells)(&value, now),
    };
    match workloads::completed(kind, &value) {
        Some(condition) => json!({"cells": cells, "conditions": [condition], "object": brought}),
        None => json!({"cells": cells, "object": brought}),
    }
}

fn definition(column: &Column) -> Value {
    json!({
        "name": column.name, "type": column.of, "format": column.format, "description": "",
        "priority": column.priority,
    })
}

fn view(kind: &Kind) -> View {
    match kind.kind {
        "Namespace" => cluster::NAMESPACE,
        "Node" => cluster::NODE,
        "Pod" => workloads::POD,
        "ReplicaSet" => workloads::REPLICA_SET,
        "Deployment" => workloads::DEPLOYMENT,
        "Service" => services::SERVICE,
        "Endpoints" => services::ENDPOINTS,
        "EndpointSlice" => services::ENDPOINT_SLICE,
        "IPAddress" => services::IP_ADDRESS,
        "ServiceCIDR" => services::SERVICE_CIDR,
        "Event" => other::EVENT,
        "ConfigMap" => other::CONFIG_MAP,
        "Secret" => other::SECRET,
        "Lease" => other::LEASE,
        _ => other::ANY,
    }
}

/// The text at a pointer, or what stands for nothing.
fn or(value: &Value, pointer: &str, nothing: &str) -> Value {
    match text(value, pointer) {
        "" => json!(nothing),
        text => json!(text),
    }
}

/// The number at a pointer; nothing there is zero.
fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

/// Texts behind each other, or what stands for none.
fn joined(texts: impl Iterator<Item = String>, nothing: &str) -> String {
    let texts: Vec<String> = texts.collect();
    if texts.is_empty() { nothing.to_owned() } else { texts.join(",") }
}

/// The first three of many, and how many more there are.
fn three(texts: Vec<String>, more: fn(usize) -> String) -> String {
    let left = texts.len().saturating_sub(3);
    let shown: Vec<String> = texts.into_iter().take(3).collect();
    let end = if left > 0 { more(left) } else { String::new() };
    format!("{}{end}", shown.join(","))
}
