//! Answers as kube-controller-manager words them.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

/// An answer.
pub type Answer = Response<Full<Bytes>>;

/// Text for people.
pub fn text(code: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = with(code, "text/plain; charset=utf-8", body);
    no_guessing(&mut answer);
    answer
}

/// A JSON document.
pub fn json(body: &Value) -> Answer {
    with(StatusCode::OK, "application/json", body.to_string())
}

/// Any body.
pub fn with(code: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = code;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// There is nothing under this path.
pub fn not_found() -> Answer {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// Who asks shows something that proves nothing.
pub fn unauthorized() -> Answer {
    status(&json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    }))
}

/// Who asks may not have it.
pub fn forbidden(message: &str) -> Answer {
    let mut answer = status(&json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": "Forbidden",
        "details": {},
        "code": 403,
    }));
    no_guessing(&mut answer);
    answer
}

/// There is no such form of it.
pub fn not_acceptable() -> Answer {
    status(&json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "only the following media types are accepted: application/json, application/yaml, text/plain",
        "reason": "NotAcceptable",
        "code": 406,
    }))
}

/// The body must not be taken for anything but what its type says.
pub fn no_guessing(answer: &mut Answer) {
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn status(status: &Value) -> Answer {
    let code = status.get("code").and_then(Value::as_u64);
    let code = code.and_then(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok());
    // Go's encoder escapes what HTML gives a meaning to.
    let body = status.to_string().replace('&', "\\u0026").replace('<', "\\u003c");
    let body = format!("{}\n", body.replace('>', "\\u003e"));
    with(code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), "application/json", body)
}
