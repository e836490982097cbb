//! The subresource `binding`: a Pod gets its Node.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Reply, body};
use crate::kinds::{BINDING, POD};
use crate::object::{elements, set, text};
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::state::State;

/// POST.
pub fn bind(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    let binding = body::of_kind(state, ask, BINDING.kind, &BINDING.api_version())?;
    let node = text(&binding, "/target/name");
    if node.is_empty() {
        let code = StatusCode::INTERNAL_SERVER_ERROR;
        return Err(Refusal::new(code, "", "target.name: Required value"));
    }
    let name = match ask.name.as_str() {
        "" => text(&binding, "/metadata/name"),
        name => name,
    };
    let found = state.store.get(&POD, &ask.namespace, name);
    let mut pod = found.ok_or_else(|| Refusal::not_found(&POD, name))?.value();
    let taken = text(&pod, "/spec/nodeName");
    if !taken.is_empty() {
        return Err(Refusal::already_bound(name, taken));
    }
    set(&mut pod, "/spec", "nodeName", json!(node));
    let now = state.now();
    let scheduled = json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now});
    let conditions = elements(&pod, "/status/conditions")
        .filter(|condition| text(condition, "/type") != "PodScheduled");
    let conditions: Vec<Value> = conditions.cloned().chain([scheduled]).collect();
    set(&mut pod, "/status", "conditions", json!(conditions));
    state.store.put(&POD, pod);
    Ok(Reply::success(StatusCode::CREATED))
}
