//! Requests for objects, answered from the store.

mod defaults;
mod delete;
mod read;
pub mod watch;
mod write;

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;

use crate::kinds::NAMESPACE;
use crate::object::Object;
use crate::refusal::Refusal;
use crate::request::{Ask, Verb};
use crate::sandbox::State;

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
pub fn serve(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    match ask.verb {
        Verb::Get => read::get(&state.store, ask),
        Verb::List => read::list(&state.store, ask),
        Verb::Watch => watch::start(&state.store, ask),
        Verb::Create => write::create(state, ask),
        Verb::Update => write::update(state, ask),
        Verb::Patch => write::patch(state, ask),
        Verb::Delete => delete::delete(state, ask),
    }
}

/// Puts in what every cluster has.
pub fn found(state: &mut State) {
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        let mut namespace = json!({"metadata": {"name": name}});
        write::stamp(state, &NAMESPACE, &mut namespace);
        defaults::apply(state, &NAMESPACE, &mut namespace);
        state.store.put(&NAMESPACE, namespace);
    }
}

/// An object, or the refusal that says it is not there.
fn existing(state: &State, ask: &Ask) -> Result<Arc<Object>, Refusal> {
    let found = state.store.get(ask.kind, &ask.namespace, &ask.name);
    found.ok_or_else(|| Refusal::not_found(ask.kind, &ask.name))
}
