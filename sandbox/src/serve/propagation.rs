//! What a deletion does to what is owned: it follows, at once or before its owner, or it stays.

use std::sync::Arc;

use serde_json::{Value, json};

use super::delete;
use super::write::finalizers;
use crate::causes::Causes;
use crate::kinds::{Kind, Scope};
use crate::object::{Object, elements, set, take, text};
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::state::State;

/// What keeps an owner until all that it owns is gone.
const FOREGROUND: &str = "foregroundDeletion";

/// What a deletion does to what is owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// It goes when its owner is gone.
    Background,
    /// It goes first.
    Foreground,
    /// It stays, and is nobody's.
    Orphan,
}

impl Propagation {
    /// What options or the query ask for.
    ///
    /// # Errors
    /// 422 for a word that is none of the three.
    pub fn of(ask: &Ask, options: &Value) -> Result<Self, Refusal> {
        let said = match text(options, "/propagationPolicy") {
            "" => ask.parameter("propagationPolicy"),
            said => said,
        };
        let orphan = options.get("orphanDependents") == Some(&Value::Bool(true))
            || ask.parameter("orphanDependents") == "true";
        match said {
            "" if orphan => Ok(Propagation::Orphan),
            "" | "Background" => Ok(Propagation::Background),
            "Foreground" => Ok(Propagation::Foreground),
            "Orphan" => Ok(Propagation::Orphan),
            other => {
                let mut wrong = Causes::default();
                let words = ["Foreground", "Background", "Orphan", "nil"];
                wrong.unsupported("propagationPolicy", &json!(other), &words);
                Err(Refusal::of_delete_options(&wrong))
            }
        }
    }
}

/// Leaves what an object owns behind: it is nobody's then.
pub fn orphan(state: &mut State, owner: &Object) {
    for (kind, dependent) in state.store.dependents(&owner.uid) {
        let mut value = dependent.value();
        let others = elements(&value, "/metadata/ownerReferences");
        let others: Vec<Value> =
            others.filter(|reference| text(reference, "/uid") != owner.uid).cloned().collect();
        match others.as_slice() {
            [] => drop(take(&mut value, "/metadata", "ownerReferences")),
            others => set(&mut value, "/metadata", "ownerReferences", json!(others)),
        }
        state.store.put(kind, value);
    }
}

/// Lets what an object owns go first. If some of it takes its time, the object waits for it: that
/// is then what is left.
pub fn dependents_first(state: &mut State, kind: &Kind, owner: &Object) -> Option<Arc<Object>> {
    let dependents = state.store.dependents(&owner.uid);
    if dependents.is_empty() {
        return None;
    }
    let mut waiting = owner.value();
    let held = finalizers(&waiting).cloned();
    let held: Vec<Value> =
        held.filter(|held| *held != FOREGROUND).chain([json!(FOREGROUND)]).collect();
    set(&mut waiting, "/metadata", "finalizers", json!(held));
    if text(&waiting, "/metadata/deletionTimestamp").is_empty() {
        let now = state.now();
        set(&mut waiting, "/metadata", "deletionTimestamp", json!(now));
        set(&mut waiting, "/metadata", "deletionGracePeriodSeconds", json!(0));
    }
    let waiting = state.store.put(kind, waiting);
    for (kind, dependent) in dependents {
        delete::let_go(state, kind, &dependent);
    }
    Some(waiting)
}

/// Lets the owners of an object go that is gone, if they waited for it alone.
pub fn release_owners(state: &mut State, gone: &Object) {
    for reference in elements(&gone.value(), "/metadata/ownerReferences") {
        if let Some((kind, owner)) = owner(state, gone, reference) {
            release(state, kind, &owner);
        }
    }
}

fn owner(state: &State, gone: &Object, reference: &Value) -> Option<(&'static Kind, Arc<Object>)> {
    let (version, name) = (text(reference, "/apiVersion"), text(reference, "/kind"));
    let kind = state.kinds.all().find(|kind| kind.kind == name && kind.api_version() == version)?;
    let namespace = if kind.scope == Scope::Cluster { "" } else { &gone.namespace };
    let owner = state.store.get(kind, namespace, text(reference, "/name"))?;
    (owner.uid == text(reference, "/uid")).then_some((kind, owner))
}

fn release(state: &mut State, kind: &Kind, owner: &Arc<Object>) {
    let mut value = owner.value();
    let waits = finalizers(&value).any(|held| held == FOREGROUND);
    if !waits || !state.store.dependents(&owner.uid).is_empty() {
        return;
    }
    let others: Vec<Value> =
        finalizers(&value).filter(|held| **held != FOREGROUND).cloned().collect();
    match others.as_slice() {
        [] => drop(take(&mut value, "/metadata", "finalizers")),
        others => set(&mut value, "/metadata", "finalizers", json!(others)),
    }
    if delete::is_finished(&value) {
        delete::remove(state, kind, owner);
    } else {
        state.store.put(kind, value);
    }
}
