//! Reviews: questions that are answered and forgotten. Everybody may do everything here.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Reply, body};
use crate::object::{elements, set, text};
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::state::State;
use crate::tokens::{ISSUER, Requester};

/// POST.
pub fn answer(state: &mut State, ask: &Ask) -> Result<Reply, Refusal> {
    let mut review = body::object(state, ask)?;
    let status = match ask.kind.kind {
        "TokenReview" => token(state, &review)?,
        "SelfSubjectReview" => {
            set(&mut review, "/metadata", "creationTimestamp", json!(state.now()));
            json!({"userInfo": ask.requester.user_info()})
        }
        "SelfSubjectRulesReview" => rules(&review)?,
        _ => access(ask, &review)?,
    };
    set(&mut review, "", "status", status);
    let mut answer = json!({"kind": ask.kind.kind, "apiVersion": ask.kind.api_version()});
    for field in ["metadata", "spec", "status"] {
        let part = review.get(field).cloned();
        if part.is_some() || field == "metadata" {
            set(&mut answer, "", field, part.unwrap_or_else(|| json!({})));
        }
    }
    Ok(Reply::Json(StatusCode::CREATED, answer.to_string().into_bytes()))
}

fn access(ask: &Ask, review: &Value) -> Result<Value, Refusal> {
    let attributes = ["/spec/resourceAttributes", "/spec/nonResourceAttributes"];
    let said = attributes.map(|pointer| review.pointer(pointer).is_some_and(Value::is_object));
    if said[0] == said[1] {
        let why = "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified";
        return Err(Refusal::invalid_review(ask.kind, "spec.resourceAttributes", why));
    }
    let subject =
        !text(review, "/spec/user").is_empty() || elements(review, "/spec/groups").next().is_some();
    if !ask.kind.kind.starts_with("Self") && !subject {
        let why = "Invalid value: \"\": at least one of user or group must be specified";
        return Err(Refusal::invalid_review(ask.kind, "spec.user", why));
    }
    Ok(json!({"allowed": true}))
}

fn rules(review: &Value) -> Result<Value, Refusal> {
    if text(review, "/spec/namespace").is_empty() {
        return Err(Refusal::bad_request("no namespace on request"));
    }
    let (all, none) = (json!(["*"]), json!(false));
    Ok(json!({
        "resourceRules": [{"verbs": all, "apiGroups": all, "resources": all}],
        "nonResourceRules": [{"verbs": all, "nonResourceURLs": all}],
        "incomplete": none,
    }))
}

fn token(state: &State, review: &Value) -> Result<Value, Refusal> {
    let token = text(review, "/spec/token");
    if token.is_empty() {
        let why = "token is required for TokenReview in authentication";
        return Err(Refusal::bad_request(why));
    }
    let wanted: Vec<&str> = elements(review, "/spec/audiences").filter_map(Value::as_str).collect();
    let wanted = if wanted.is_empty() { vec![ISSUER] } else { wanted };
    let Some((requester, audiences)) = authenticate(state, token) else {
        return Ok(json!({"user": {}, "error": "invalid bearer token"}));
    };
    let good: Vec<&String> =
        audiences.iter().filter(|audience| wanted.contains(&audience.as_str())).collect();
    if good.is_empty() {
        return Ok(json!({"user": {}, "error": "invalid bearer token"}));
    }
    Ok(json!({"authenticated": true, "user": requester.user_info(), "audiences": good}))
}

/// Who a token stands for, and for whom it is good.
pub fn authenticate(state: &State, token: &str) -> Option<(Requester, Vec<String>)> {
    if state.administrator.as_deref() == Some(token) {
        return Some((Requester::default(), vec![ISSUER.to_owned()]));
    }
    let issued = state.tokens.find(token, state.time())?;
    let account =
        state.store.get(&crate::kinds::SERVICE_ACCOUNT, &issued.namespace, &issued.name)?;
    let requester = Requester::service_account(&issued.namespace, &issued.name, &issued.uid);
    (account.uid == issued.uid).then(|| (requester, issued.audiences.clone()))
}
