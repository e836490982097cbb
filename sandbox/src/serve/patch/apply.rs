//! Server-side apply.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use super::super::write::{self, Record};
use super::super::{Reply, body, existing};
use crate::kinds::{Part, Status};
use crate::managed::{self, Config, Operation};
use crate::object::{set, take, text};
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::state::State;

/// PATCH with what is wanted. It makes the object if it is missing.
pub fn apply(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    let object = wanted(ask)?;
    let config = Config { object, force: ask.parameter("force") == "true" };
    let writer = ask.writer(Operation::Apply, state.now());
    let current = existing(state, ask);
    let there = current.as_ref().ok().map(|current| current.value());
    let schema = ask.kind.stored().schema();
    let mut object = managed::apply(&writer, schema, there.as_ref(), &config)
        .map_err(|conflicts| Refusal::apply_conflict(&conflicts))?;
    renew_last_applied(ask, &config.object, &mut object);
    match current {
        Ok(current) => write::replace(state, ask, &current, object, Record::Made),
        Err(_) if ask.part == Part::Main => {
            if !text(&object, "/metadata/uid").is_empty() {
                let why = format!(
                    "Precondition failed: UID in precondition: {}, UID in object meta: ",
                    text(&object, "/metadata/uid")
                );
                return Err(Refusal::precondition(ask.kind, &ask.name, &why));
            }
            take(&mut object, "/metadata", "resourceVersion");
            write::store_new(state, ask, object, Record::Made)
        }
        Err(refusal) => Err(refusal),
    }
}

/// What kubectl noted when it applied by itself is kept up to date while it lets the server apply, so
/// that it can go back.
fn renew_last_applied(ask: &Ask, applied: &Value, object: &mut Value) {
    const ANNOTATIONS: &str = "/metadata/annotations";
    const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
    let noted = object.pointer(ANNOTATIONS).is_some_and(|all| all.get(LAST_APPLIED).is_some());
    if ask.parameter("fieldManager") != "kubectl" || !noted {
        return;
    }
    let mut applied = applied.clone();
    take(&mut applied, ANNOTATIONS, LAST_APPLIED);
    set(&mut applied, "", "kind", json!(ask.kind.kind));
    set(&mut applied, "", "apiVersion", json!(ask.kind.api_version()));
    let text = format!("{}\n", sorted(&applied));
    set(object, ANNOTATIONS, LAST_APPLIED, json!(text));
}

/// With the fields of all maps in the order of their names.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<&String, &Value> = fields.iter().collect();
            fields.into_iter().map(|(field, value)| (field.clone(), sorted(value))).collect()
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// What the body wants, as far as the path lets it.
fn wanted(ask: &Ask) -> Result<Value, Refusal> {
    if ask.parameter("fieldManager").is_empty() {
        let why = "Required value: is required for apply patch";
        let cause = "FieldValueRequired";
        return Err(Refusal::invalid_option(ask.verb, "fieldManager", cause, why));
    }
    // YAML, of which JSON is a part.
    let body = String::from_utf8_lossy(&ask.body);
    let said: Value = serde_saphyr::from_str(&body)
        .map_err(|error| Refusal::bad_request(format!("error decoding YAML: {error}")))?;
    let (version, kind) = (text(&said, "/apiVersion"), text(&said, "/kind"));
    if version.is_empty() || kind.is_empty() {
        let why = format!("invalid object type: /{version}, Kind={kind}");
        return Err(Refusal::bad_request(why));
    }
    if said.pointer("/metadata/managedFields").is_some_and(|fields| !fields.is_null()) {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    let mut object = body::as_stored(ask.kind, typed(ask, said)?);
    if let Some(fields) = object.as_object_mut() {
        let main = ask.part == Part::Main;
        fields.retain(|field, _| match field.as_str() {
            "kind" | "apiVersion" => false,
            "metadata" => true,
            "status" => !main || ask.kind.status == Status::None,
            _ => main,
        });
    }
    set(&mut object, "/metadata", "name", json!(ask.name));
    Ok(object)
}

/// What is wanted, if the kind has fields for all of it.
fn typed(ask: &Ask, said: Value) -> Result<Value, Refusal> {
    let (group, version) = (ask.kind.group, ask.kind.version);
    let (namespace, name) = (text(&said, "/metadata/namespace"), text(&said, "/metadata/name"));
    let about = format!("({namespace}/{name}; {group}/{version}, Kind={})", ask.kind.kind);
    let read = body::read_value(ask.kind, said);
    let unknown = read.findings.iter().filter_map(|finding| {
        let place = finding.strip_prefix("unknown field \"")?.strip_suffix('"')?;
        Some(format!(".{place}: field not declared in schema"))
    });
    let wrong: Vec<String> = unknown.chain(read.wrong).collect();
    let why = match wrong.as_slice() {
        [] => return Ok(read.value),
        [one] => one.clone(),
        many => format!("errors:\n  {}", many.join("\n  ")),
    };
    let message = format!("failed to create typed patch object {about}: {why}");
    Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "", message))
}
