//! Requests for objects, answered from the store.

pub mod discovery;
mod openapi;

mod read;
pub mod watch;

mod address;
mod binding;
mod defaults;
mod delete;
mod patch;
mod scale;
mod write;

pub mod form;
mod table;

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use crate::kinds::{Kind, NAMESPACE, SERVICE};
use crate::object::Object;
use crate::refusal::Refusal;
use crate::request::{Ask, Part, Verb};
use crate::state::State;

/// What a request is answered with.
pub enum Reply {
    /// An object.
    Object(StatusCode, Arc<Object>),
    /// Anything else.
    Json(StatusCode, Vec<u8>),
    /// A watch from here on.
    Watch(watch::Start),
}

/// Answers one request.
///
/// # Errors
/// The refusal, as the API server words it.
pub fn serve(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    match (ask.part, ask.verb) {
        (Part::Scale, Verb::Get) => scale::get(state, ask),
        (Part::Scale, Verb::Update) => scale::update(state, ask),
        (Part::Scale, Verb::Patch) => scale::patch(state, ask),
        (Part::Binding, _) => binding::bind(state, ask),
        (_, Verb::Get) => read::get(&state.store, ask),
        (_, Verb::List) => read::list(state, ask),
        (_, Verb::Watch) => watch::start(state, ask),
        (_, Verb::Create) => write::create(state, ask),
        (_, Verb::Update) => write::update(state, ask),
        (_, Verb::Patch) => patch::patch(state, ask),
        (_, Verb::Delete) => delete::delete(state, ask),
        (_, Verb::DeleteCollection) => delete::collection(state, ask),
    }
}

/// Puts in what every cluster has.
pub fn found(state: &mut State) {
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        put(state, &NAMESPACE, json!({"metadata": {"name": name}}));
    }
}

/// Stores an object of the server's own, with what a creation fills in.
pub fn put(state: &mut State, kind: &Kind, mut object: Value) -> Arc<Object> {
    write::stamp(state, kind, &mut object);
    defaults::apply(kind, &mut object);
    state.store.put(kind, object)
}

/// An object, or the refusal that says it is not there.
fn existing(state: &State, ask: &Ask) -> Result<Arc<Object>, Refusal> {
    let found = state.store.get(ask.kind, &ask.namespace, &ask.name);
    found.ok_or_else(|| Refusal::not_found(ask.kind, &ask.name))
}

/// Makes the IPAddress objects that hold a Service's addresses.
pub fn claim_address(state: &mut State, service: &Value) {
    address::claim(state, &SERVICE, None, Some(service));
}
