//! The subresource `binding`: a Pod gets its Node.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Reply, existing};
use crate::object::{elements, set, text};
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::state::State;

/// POST.
pub fn bind(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    let binding: Value = serde_json::from_slice(&ask.body)
        .map_err(|error| Refusal::bad_request(format!("json parse error: {error}")))?;
    let node = text(&binding, "/target/name");
    if node.is_empty() {
        let code = StatusCode::INTERNAL_SERVER_ERROR;
        return Err(Refusal::new(code, "", "target.name: Required value"));
    }
    let mut pod = existing(state, ask)?.value();
    let taken = text(&pod, "/spec/nodeName");
    if !taken.is_empty() {
        return Err(Refusal::already_bound(&ask.name, taken));
    }
    set(&mut pod, "/spec", "nodeName", json!(node));
    let now = state.now();
    let scheduled = json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": now});
    let conditions = elements(&pod, "/status/conditions")
        .filter(|condition| text(condition, "/type") != "PodScheduled");
    let conditions: Vec<Value> = conditions.cloned().chain([scheduled]).collect();
    set(&mut pod, "/status", "conditions", json!(conditions));
    state.store.put(ask.kind, pod);
    let success = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201,
    });
    Ok(Reply::Json(StatusCode::CREATED, success.to_string().into_bytes()))
}
