//! The subresource `eviction`: a Pod is asked to go. There are no disruption budgets here, so it is
//! never refused.

use http::StatusCode;
use serde_json::json;

use super::{Reply, body, delete, existing};
use crate::object::text;
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::state::State;

/// POST.
pub fn evict(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    let eviction = body::of_kind(state, ask, "Eviction", "policy/v1")?;
    let named = text(&eviction, "/metadata/name");
    if !named.is_empty() && named != ask.name {
        return Err(Refusal::bad_request("name in URL does not match name in Eviction object"));
    }
    let pod = existing(state, ask)?;
    let options = eviction.get("deleteOptions").cloned().unwrap_or_else(|| json!({}));
    delete::under(state, ask, pod, &options)?;
    Ok(Reply::success(StatusCode::CREATED))
}
