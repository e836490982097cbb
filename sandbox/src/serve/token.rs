//! The subresource `token`: a program gets what it says who it is with.

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Reply, body, existing};
use crate::object::elements;
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::state::State;
use crate::tokens::{ISSUER, Issued};

const AN_HOUR: i64 = 3600;
const SHORTEST: i64 = 600;
/// 2^32 seconds, as on the real server.
const LONGEST: i64 = 1 << 32;

/// POST.
pub fn request(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    let request = body::of_kind(state, ask, "TokenRequest", "authentication.k8s.io/v1")?;
    let account = existing(state, ask)?;
    let seconds = request.pointer("/spec/expirationSeconds").and_then(Value::as_i64);
    let seconds = seconds.unwrap_or(AN_HOUR);
    if seconds < SHORTEST {
        let why = "may not specify a duration less than 10 minutes";
        return Err(Refusal::invalid_token_request(seconds, why));
    }
    if seconds > LONGEST {
        let why = "may not specify a duration larger than 2^32 seconds";
        return Err(Refusal::invalid_token_request(seconds, why));
    }
    let said = elements(&request, "/spec/audiences").filter_map(Value::as_str);
    let mut audiences: Vec<String> = said.map(str::to_owned).collect();
    if audiences.is_empty() {
        audiences.push(ISSUER.to_owned());
    }
    let now = state.time();
    let issued = Issued {
        namespace: account.namespace.clone(),
        name: account.name.clone(),
        uid: account.uid.clone(),
        audiences: audiences.clone(),
        expires: now + SignedDuration::from_secs(seconds),
    };
    let random = state.random();
    let token = state.tokens.issue(issued, random, now);
    let answer = json!({
        "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "name": account.name, "namespace": account.namespace,
            "uid": account.uid, "creationTimestamp": state.now(),
        },
        "spec": {
            "audiences": audiences, "expirationSeconds": seconds,
            "boundObjectRef": request.pointer("/spec/boundObjectRef"),
        },
        "status": {"token": token, "expirationTimestamp": state.in_seconds(seconds)},
    });
    Ok(Reply::Json(StatusCode::CREATED, answer.to_string().into_bytes()))
}
