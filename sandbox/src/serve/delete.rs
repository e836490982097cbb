//! Deleting: at once, after a grace period, or when the last finalizer is gone; and what goes with
//! an object, its dependents and, for a namespace, everything in it.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::propagation::{self, Propagation};
use super::write::finalizers;
use super::{Reply, body, custom, existing, form, read, service};
use crate::kinds::{CUSTOM_RESOURCE_DEFINITION, Deleted, Kind, NAMESPACE, SERVICE};
use crate::object::{Object, elements, set, text};
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::state::State;

/// How long a Pod may take to end if neither it nor the request says.
const GRACE_SECONDS: i64 = 30;

/// DELETE.
pub fn delete(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    let current = existing(state, ask)?;
    let options = body::delete_options(ask)?;
    under(state, ask, current, &options)
}

/// Deletes an object under options that the request does not carry itself.
pub fn under(
    state: &mut State,
    ask: &Ask,
    current: Arc<Object>,
    options: &Value,
) -> Result<Reply, Refusal> {
    preconditions(ask, &current, options)?;
    end(state, ask, current, options)
}

/// DELETE of many: those of a namespace or of all, narrowed by selectors.
pub fn collection(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    let options = body::delete_options(ask)?;
    let selector = read::selector(ask)?;
    let before = state.store.revision();
    let chosen = state
        .store
        .objects(ask.kind)
        .filter(|object| read::concerns(ask, object) && selector.matches(object));
    let chosen: Vec<Arc<Object>> = chosen.cloned().collect();
    for object in &chosen {
        end(state, ask, object.clone(), &options)?;
    }
    let metadata = json!({"resourceVersion": before.to_string()});
    let body = form::many(ask.form, ask.kind, &chosen, &metadata, state.time());
    Ok(Reply::Json(StatusCode::OK, body))
}

/// Ends an object: at once, or as soon as nothing holds it.
fn end(
    state: &mut State,
    ask: &Ask,
    current: Arc<Object>,
    options: &Value,
) -> Result<Reply, Refusal> {
    let propagation = Propagation::of(ask, options)?;
    let dry = elements(options, "/dryRun").next().is_some() || ask.is_dry_run();
    if dry {
        return Ok(match ask.kind.deleted {
            Deleted::Object => Reply::Object(StatusCode::OK, current),
            Deleted::Status => Reply::Json(StatusCode::OK, success(ask.kind, &current)),
        });
    }
    if *ask.kind == NAMESPACE {
        return Ok(Reply::Object(StatusCode::OK, end_namespace(state, &current)?));
    }
    if *ask.kind == CUSTOM_RESOURCE_DEFINITION {
        return Ok(Reply::Object(StatusCode::OK, custom::definition::end(state, &current)));
    }
    match propagation {
        Propagation::Background => {}
        Propagation::Orphan => propagation::orphan(state, &current),
        Propagation::Foreground => {
            if propagation::dependents_first(state, ask.kind, &current).is_some() {
                let left = state.store.get(ask.kind, &current.namespace, &current.name);
                return Ok(Reply::Object(StatusCode::OK, left.unwrap_or(current)));
            }
        }
    }
    let mut object = current.value();
    let grace = grace(ask, &object, options);
    let terminating = !text(&object, "/metadata/deletionTimestamp").is_empty();
    let stays = grace > 0 || finalizers(&object).next().is_some();
    if stays {
        let known = object.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64);
        if terminating && known.is_some_and(|known| known <= grace) {
            return Ok(Reply::Object(StatusCode::OK, current));
        }
        mark(state, &mut object, grace);
        return Ok(Reply::Object(StatusCode::OK, state.store.put(ask.kind, object)));
    }
    if ask.kind.kind == "Pod" {
        // Whoever watches sees that the Pod had no more time, and then that it is gone.
        mark(state, &mut object, 0);
        state.store.put(ask.kind, object);
    }
    let gone = remove(state, ask.kind, &current);
    Ok(match ask.kind.deleted {
        Deleted::Object => Reply::Object(StatusCode::OK, gone),
        Deleted::Status => Reply::Json(StatusCode::OK, success(ask.kind, &gone)),
    })
}

/// Whether nothing holds an object that is being deleted any more.
pub fn is_finished(object: &Value) -> bool {
    let grace = object.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64);
    let held_by_namespace = elements(object, "/spec/finalizers").next().is_some();
    !text(object, "/metadata/deletionTimestamp").is_empty()
        && grace.unwrap_or(0) == 0
        && finalizers(object).next().is_none()
        && !held_by_namespace
}

/// Removes an object and all that it alone owns.
pub fn remove(state: &mut State, kind: &Kind, object: &Arc<Object>) -> Arc<Object> {
    let gone = state.store.remove(kind, &object.key()).unwrap_or_else(|| object.clone());
    if *kind == SERVICE {
        service::claim(state, kind, Some(&gone.value()), None);
    }
    for (kind, dependent) in state.store.dependents(&object.uid) {
        let_go(state, kind, &dependent);
    }
    propagation::release_owners(state, &gone);
    finalize(state, &object.namespace);
    if let Some(custom) = kind.custom {
        custom::definition::finish(state, custom.definition);
    }
    gone
}

/// Lets an object go with another: at once, or as soon as nothing holds it.
pub fn let_go(state: &mut State, kind: &Kind, object: &Arc<Object>) {
    let mut value = object.value();
    let grace = own_grace(kind, &value);
    if grace == 0 && finalizers(&value).next().is_none() {
        remove(state, kind, object);
    } else if text(&value, "/metadata/deletionTimestamp").is_empty() {
        mark(state, &mut value, grace);
        state.store.put(kind, value);
    }
}

/// Removes a namespace that is being deleted, once nothing is left in it.
fn finalize(state: &mut State, namespace: &str) {
    let Some(found) = state.store.get(&NAMESPACE, "", namespace) else {
        return;
    };
    let mut value = found.value();
    if text(&value, "/metadata/deletionTimestamp").is_empty()
        || !state.store.content(namespace).is_empty()
    {
        return;
    }
    set(&mut value, "/spec", "finalizers", json!([]));
    let finalized = state.store.put(&NAMESPACE, value);
    if finalizers(&finalized.value()).next().is_none() {
        state.store.remove(&NAMESPACE, &finalized.key());
    }
}

fn preconditions(ask: &Ask, current: &Object, options: &Value) -> Result<(), Refusal> {
    let refuse = |why: String| Err(Refusal::precondition(ask.kind, &ask.name, &why));
    let uid = text(options, "/preconditions/uid");
    if !uid.is_empty() && uid != current.uid {
        return refuse(format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            current.uid
        ));
    }
    let version = text(options, "/preconditions/resourceVersion");
    if !version.is_empty() && version != current.resource_version.to_string() {
        return refuse(format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). The object might have been modified",
            current.resource_version
        ));
    }
    Ok(())
}

/// A Pod that is bound to a Node may take its time; everything else goes at once.
fn grace(ask: &Ask, object: &Value, options: &Value) -> i64 {
    if ask.kind.kind != "Pod" || text(object, "/spec/nodeName").is_empty() {
        return 0;
    }
    let asked = options.get("gracePeriodSeconds").and_then(Value::as_i64);
    let asked = asked.or_else(|| ask.parameter("gracePeriodSeconds").parse().ok());
    asked.unwrap_or_else(|| own_grace(ask.kind, object))
}

/// How long an object may take to end if nobody says.
fn own_grace(kind: &Kind, object: &Value) -> i64 {
    if kind.kind != "Pod" || text(object, "/spec/nodeName").is_empty() {
        return 0;
    }
    let own = object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64);
    own.unwrap_or(GRACE_SECONDS)
}

/// Notes in an object that it is being deleted; where generations are counted, that is one more.
fn mark(state: &State, object: &mut Value, grace: i64) {
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
    let marked = object.pointer("/metadata/deletionTimestamp").is_some();
    if let (Some(generation), false) = (generation, marked) {
        set(object, "/metadata", "generation", json!(generation + 1));
    }
    set(object, "/metadata", "deletionTimestamp", json!(state.in_seconds(grace)));
    set(object, "/metadata", "deletionGracePeriodSeconds", json!(grace));
}

/// A namespace goes with all its content. What has finalizers keeps it, terminating, until somebody
/// clears them and finalizes it.
fn end_namespace(state: &mut State, namespace: &Arc<Object>) -> Result<Arc<Object>, Refusal> {
    let name = namespace.name.as_str();
    if matches!(name, "default" | "kube-system" | "kube-public") {
        return Err(Refusal::may_not_be_deleted(name));
    }
    let mut value = namespace.value();
    if !text(&value, "/metadata/deletionTimestamp").is_empty() {
        return Ok(namespace.clone());
    }
    let now = state.now();
    set(&mut value, "/metadata", "deletionTimestamp", json!(now));
    set(&mut value, "/status", "phase", json!("Terminating"));
    let terminating = state.store.put(&NAMESPACE, value.clone());
    for (kind, object) in state.store.content(name) {
        let_go(state, kind, &object);
    }
    finalize(state, name);
    Ok(terminating)
}

fn success(kind: &Kind, gone: &Object) -> Vec<u8> {
    let mut details = json!({"name": gone.name, "kind": kind.plural, "uid": gone.uid});
    if !kind.group.is_empty() {
        set(&mut details, "", "group", json!(kind.group));
    }
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": details,
    });
    status.to_string().into_bytes()
}
