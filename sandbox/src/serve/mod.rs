//! Requests for objects, answered from the store.

pub mod discovery;
mod openapi;

mod options;
mod page;
mod read;
pub mod watch;

mod body;

mod binding;
mod custom;
mod defaults;
mod delete;
pub mod event;
mod eviction;
pub mod expiry;
mod metadata;
mod patch;
mod propagation;
pub mod review;
mod rules;
mod scale;
mod service;
mod token;
mod write;

pub mod form;
mod table;

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use crate::kinds::{BINDING, Kind, NAMESPACE, Part, SERVICE, Storage};
use crate::object::Object;
use crate::refusal::Refusal;
use crate::request::{Ask, Verb};
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

impl Reply {
    /// Nothing but that it went well.
    fn success(code: StatusCode) -> Self {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "code": code.as_u16(),
        });
        Reply::Json(code, status.to_string().into_bytes())
    }
}

/// Answers one request.
///
/// # Errors
/// The refusal, as the API server words it.
pub fn serve(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    state.warnings.extend(ask.kind.deprecation.map(str::to_owned));
    options::of_write(ask)?;
    match (ask.part, ask.verb) {
        (Part::Scale, Verb::Get) => scale::get(state, ask),
        (Part::Scale, Verb::Update) => scale::update(state, ask),
        (Part::Scale, Verb::Patch) => scale::patch(state, ask),
        (Part::Binding, _) => binding::bind(state, ask),
        (Part::Containers, _) => Err(no_containers(state, ask)),
        (Part::Eviction, _) => eviction::evict(state, ask),
        (Part::Token, _) => token::request(state, ask),
        _ if *ask.kind == BINDING => binding::bind(state, ask),
        _ if ask.kind.storage == Storage::None => review::answer(state, ask),
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

/// The revision without which a request cannot be answered.
pub use options::waits_for as revision_needed;

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

/// Nothing runs here: there is nothing to read or to talk to.
fn no_containers(state: &State, ask: &Ask) -> Refusal {
    match existing(state, ask) {
        Ok(_) => Refusal::bad_request(
            "the sandbox runs no containers: there are no logs, and nothing to execute in, to attach or to connect to",
        ),
        Err(refusal) => refusal,
    }
}

/// Makes the IPAddress objects that hold a Service's addresses.
pub fn claim_address(state: &mut State, service: &Value) {
    service::claim(state, &SERVICE, None, Some(service));
}
