//! Creating and changing objects.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::{Reply, body, custom, defaults, delete, existing, expiry, metadata, rules, service};
use crate::kinds::{
    CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, EVENT, Generation, Kind, NAMESPACE, Part, Put, Scope,
    Status,
};
use crate::managed::{Managers, Operation};
use crate::object::{Object, as_stored, elements, set, take, text};
use crate::refusal::Refusal;
use crate::request::{Ask, Verb};
use crate::state::State;

/// The longest that is kept of a base name before five letters are put behind it.
const LONGEST_BASE: usize = 58;

/// POST.
pub fn create(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    let object = body::object(state, ask)?;
    if !text(&object, "/metadata/resourceVersion").is_empty() {
        let why = "resourceVersion should not be set on objects to be created";
        return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "", why));
    }
    store_new(state, ask, object, Record::Add)
}

/// PUT.
pub fn update(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    let mut object = body::object(state, ask)?;
    let name = text(&object, "/metadata/name");
    if name.is_empty() {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            ask.name
        )));
    }
    if name != ask.name {
        let (url, body) = (&ask.name, name);
        return Err(Refusal::bad_request(format!(
            "the name of the object ({body}) does not match the name on the URL ({url})"
        )));
    }
    let current = match existing(state, ask) {
        Err(_) if ask.kind.put == Put::Creates && ask.part == Part::Main => {
            take(&mut object, "/metadata", "resourceVersion");
            return store_new(state, ask, object, Record::Add);
        }
        found => found?,
    };
    replace(state, ask, &current, object, Record::Add)
}

/// Sets what the server alone says of a new object.
pub fn stamp(state: &mut State, kind: &Kind, object: &mut Value) {
    for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        take(object, "/metadata", field);
    }
    let (uid, now) = (state.uid(), state.now());
    set(object, "/metadata", "uid", json!(uid));
    set(object, "/metadata", "creationTimestamp", json!(now));
    if kind.generation != Generation::None {
        set(object, "/metadata", "generation", json!(1));
    }
}

/// Whether a write still has to be added to `managedFields`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// It has.
    Add,
    /// It is there already: an apply has made it.
    Made,
}

/// Stores an object where nothing is.
pub fn store_new(
    state: &mut State,
    ask: &Ask,
    mut object: Value,
    record: Record,
) -> Result<Reply, Refusal> {
    let kind = ask.kind;
    name(state, ask, &mut object)?;
    let name = text(&object, "/metadata/name").to_owned();
    if kind.scope == Scope::Namespaced {
        namespace(state, ask, &name, &mut object)?;
    }
    if state.store.get(kind, &ask.namespace, &name).is_some() {
        return Err(Refusal::already_exists(kind, &name));
    }
    stamp(state, kind, &mut object);
    defaults::admit(kind, &mut object);
    if kind.status == Status::Subresource
        && let Some(fields) = object.as_object_mut()
    {
        fields.shift_remove("status");
    }
    metadata::tidy(&mut object);
    defaults::apply(kind, &mut object);
    if record == Record::Add {
        take(&mut object, "/metadata", "managedFields");
        note(state, ask, None, &mut object);
    }
    let wrong = metadata::broken(kind, &name, None, &object);
    rules::check(ask, &name, None, &object, wrong)?;
    service::settle(state, kind, None, &mut object)?;
    state.warnings.extend(warning(kind, &object));
    if ask.is_dry_run() {
        return Ok(dry(ask, StatusCode::CREATED, object));
    }
    service::claim(state, kind, None, Some(&object));
    let stored = state.store.put(kind, object);
    settled(state, kind, &stored);
    Ok(Reply::Object(StatusCode::CREATED, stored))
}

/// Does what follows from an object that was stored.
fn settled(state: &mut State, kind: &Kind, stored: &Object) {
    if *kind == CUSTOM_RESOURCE_DEFINITION {
        custom::definition::establish(state, stored);
    }
    if *kind.stored() == EVENT {
        expiry::expire(state);
    }
}

/// What is said of an object that is well, but will not always be.
fn warning(kind: &Kind, object: &Value) -> Option<String> {
    match kind.kind {
        "EndpointSlice" => rules::endpoint_slice::warning(object),
        _ => service::warnings(kind, object),
    }
}

/// What would have been stored.
fn dry(ask: &Ask, code: StatusCode, mut object: Value) -> Reply {
    take(&mut object, "/metadata", "resourceVersion");
    let mut answer = json!({"kind": ask.kind.kind, "apiVersion": ask.kind.api_version()});
    if let (Some(fields), Value::Object(object)) = (answer.as_object_mut(), object) {
        for (field, value) in object {
            fields.entry(field).or_insert(value);
        }
    }
    Reply::Json(code, answer.to_string().into_bytes())
}

fn name(state: &mut State, ask: &Ask, object: &mut Value) -> Result<(), Refusal> {
    if !text(object, "/metadata/name").is_empty() {
        return Ok(());
    }
    let base: String = text(object, "/metadata/generateName").chars().take(LONGEST_BASE).collect();
    if base.is_empty() {
        let why = "Required value: name or generateName is required";
        return Err(Refusal::invalid(ask.kind, "", "metadata.name", "FieldValueRequired", why));
    }
    let name = format!("{base}{}", state.suffix());
    set(object, "/metadata", "name", json!(name));
    Ok(())
}

fn namespace(state: &State, ask: &Ask, name: &str, object: &mut Value) -> Result<(), Refusal> {
    let said = text(object, "/metadata/namespace");
    if !said.is_empty() && said != ask.namespace {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let Some(namespace) = state.store.get(&NAMESPACE, "", &ask.namespace) else {
        return Err(Refusal::not_found(&NAMESPACE, &ask.namespace));
    };
    if namespace.is_being_deleted {
        return Err(Refusal::namespace_terminating(ask.kind, name, &ask.namespace));
    }
    set(object, "/metadata", "namespace", json!(ask.namespace));
    Ok(())
}

/// Puts an object in the place of the current one, as far as the request may.
pub fn replace(
    state: &mut State,
    ask: &Ask,
    current: &Arc<Object>,
    mut object: Value,
    record: Record,
) -> Result<Reply, Refusal> {
    let kind = ask.kind;
    let said = text(&object, "/metadata/resourceVersion");
    if !said.is_empty() && said != current.resource_version.to_string() {
        return Err(Refusal::conflict(kind, &ask.name));
    }
    if said.is_empty() && ask.verb == Verb::Update && kind.needs_version() {
        let (cause, why) =
            ("FieldValueInvalid", "Invalid value: 0: must be specified for an update");
        return Err(Refusal::version(kind, &ask.name, cause, why));
    }
    same_uid(ask, current, &object)?;
    let before = current.value();
    keep_what_is_not_asked_for(ask, &before, &mut object);
    metadata::tidy(&mut object);
    defaults::apply(kind, &mut object);
    if ask.part != Part::Status {
        raise_generation(kind, &before, &mut object);
    }
    if record == Record::Add {
        note(state, ask, Some(&before), &mut object);
    }
    let wrong = metadata::broken(kind, &ask.name, Some(&before), &object);
    rules::check(ask, &ask.name, Some(&before), &object, wrong)?;
    metadata::no_new_finalizers(kind, &ask.name, &before, &object)?;
    service::settle(state, kind, Some(&before), &mut object)?;
    state.warnings.extend(warning(kind, &object));
    as_stored(&mut object, current.resource_version);
    if object == before {
        return Ok(Reply::Object(StatusCode::OK, current.clone()));
    }
    if ask.is_dry_run() {
        return Ok(dry(ask, StatusCode::OK, object));
    }
    if delete::is_finished(&object) {
        delete::remove(state, kind, current);
        // What is answered is what was asked for, at the version under which it was.
        let last = Object::encode(object, current.resource_version);
        return Ok(Reply::Object(StatusCode::OK, Arc::new(last)));
    }
    service::claim(state, kind, Some(&before), Some(&object));
    let stored = state.store.put(kind, object);
    settled(state, kind, &stored);
    Ok(Reply::Object(StatusCode::OK, stored))
}

/// Keeps the record of who set which field.
fn note(state: &State, ask: &Ask, before: Option<&Value>, object: &mut Value) {
    let writer = ask.writer(Operation::Update, state.now());
    // What a request through this path cannot set is not its writer's.
    let reset: &[&str] = match (ask.part, ask.kind.status) {
        (Part::Main, _) if *ask.kind == NAMESPACE => &["spec", "status"],
        (Part::Main, Status::Subresource) => &["status"],
        _ => &[],
    };
    Managers::update(&writer, ask.kind.stored().schema(), before, object, reset);
}

/// An object stays who it is. A PUT means another object then, a patch wants to change this one.
fn same_uid(ask: &Ask, current: &Object, object: &Value) -> Result<(), Refusal> {
    let uid = text(object, "/metadata/uid");
    if uid.is_empty() || uid == current.uid {
        return Ok(());
    }
    if ask.verb == Verb::Update {
        return Err(Refusal::other_uid(ask.kind, current, uid));
    }
    let why = format!("Invalid value: \"{uid}\": field is immutable");
    Err(Refusal::invalid(ask.kind, &ask.name, "metadata.uid", "FieldValueInvalid", &why))
}

/// Takes over from the stored object what the request cannot change.
fn keep_what_is_not_asked_for(ask: &Ask, before: &Value, object: &mut Value) {
    let kept = [
        "namespace",
        "uid",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ];
    kept.into_iter().for_each(|field| keep_of_metadata(field, before, object));
    let restore = |object: &mut Value, field: &str| {
        if let Some(fields) = object.as_object_mut() {
            match before.get(field) {
                Some(value) => drop(fields.insert(field.to_owned(), value.clone())),
                None => drop(fields.shift_remove(field)),
            }
        }
    };
    match ask.part {
        Part::Status => {
            let others: Vec<String> = before
                .as_object()
                .into_iter()
                .chain(object.as_object())
                .flat_map(|fields| fields.keys().cloned())
                .filter(|field| !matches!(field.as_str(), "metadata" | "status"))
                .collect();
            for field in others {
                restore(object, &field);
            }
            if ask.kind.custom.is_some() {
                keep_metadata(before, object);
            }
            if *ask.kind == DEPLOYMENT {
                keep_of_metadata("labels", before, object);
            }
        }
        _ if ask.kind.status != Status::None => restore(object, "status"),
        _ => {}
    }
    if ask.part == Part::Main && *ask.kind == NAMESPACE {
        restore(object, "spec");
    }
}

fn keep_of_metadata(field: &str, before: &Value, object: &mut Value) {
    take(object, "/metadata", field);
    if let Some(value) = before.pointer(&format!("/metadata/{field}")) {
        set(object, "/metadata", field, value.clone());
    }
}

/// Of metadata, only who set what is written with the status of a defined kind.
fn keep_metadata(before: &Value, object: &mut Value) {
    let managers = take(object, "/metadata", "managedFields");
    let metadata = before.get("metadata").cloned().unwrap_or_default();
    set(object, "", "metadata", metadata);
    if let Some(managers) = managers {
        set(object, "/metadata", "managedFields", managers);
    }
}

fn raise_generation(kind: &Kind, before: &Value, object: &mut Value) {
    let content = |value: &Value| {
        let mut content = value.clone();
        if let Some(fields) = content.as_object_mut() {
            for field in ["metadata", "kind", "apiVersion"] {
                fields.shift_remove(field);
            }
            if kind.custom.is_none() || kind.status != Status::None {
                fields.shift_remove("status");
            }
        }
        content
    };
    let changed = match kind.generation {
        Generation::None => false,
        Generation::Spec => before.get("spec") != object.get("spec"),
        Generation::SpecOrAnnotations => {
            let annotations = "/metadata/annotations";
            before.get("spec") != object.get("spec")
                || before.pointer(annotations) != object.pointer(annotations)
        }
        Generation::Content => content(before) != content(object),
        Generation::ContentOrLabels => {
            content(before) != content(object)
                || before.pointer("/metadata/labels") != object.pointer("/metadata/labels")
        }
    };
    if changed {
        let generation = before.pointer("/metadata/generation").and_then(Value::as_i64);
        set(object, "/metadata", "generation", json!(generation.unwrap_or(0) + 1));
    }
}

/// The finalizers of an object.
pub fn finalizers(object: &Value) -> impl Iterator<Item = &Value> {
    elements(object, "/metadata/finalizers")
}
