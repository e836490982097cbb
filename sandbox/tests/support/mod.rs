//! A sandbox whose time stands still, and requests in a line.

#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use sandbox::{Sandbox, Settings};
use serde_json::Value;
use tower::ServiceExt;

pub const APPLY: &str = "application/apply-patch+yaml";
pub const JSON: &str = "application/json";
pub const MERGE: &str = "application/merge-patch+json";
pub const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
pub const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub const YAML: &str = "application/yaml";

pub fn server() -> Sandbox {
    let clock = Arc::new(|| "2026-01-02T03:04:05Z".parse::<Timestamp>().unwrap());
    Sandbox::new(Settings { clock, seed: 1, history: 100 })
}

/// An answer.
pub struct Answer {
    pub code: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{} is no JSON", String::from_utf8_lossy(&self.body)))
    }

    /// The texts of the `Warning` headers.
    pub fn warnings(&self) -> Vec<String> {
        let values = self.headers.get_all("warning").iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    }
}

/// Sends a request with headers.
pub async fn send(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    let response = sandbox.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { code: parts.status.as_u16(), headers: parts.headers, body }
}

/// Sends JSON, and expects JSON.
pub async fn ask(sandbox: &Sandbox, method: &str, path: &str, body: Value) -> (u16, Value) {
    let media_type = if method == "PATCH" { MERGE } else { JSON };
    ask_as(sandbox, method, path, media_type, body).await
}

/// Sends JSON under another name, and expects JSON.
pub async fn ask_as(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    media_type: &str,
    body: Value,
) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = send(sandbox, method, path, &[("content-type", media_type)], body).await;
    (answer.code, answer.json())
}

pub async fn get(sandbox: &Sandbox, path: &str) -> (u16, Value) {
    ask(sandbox, "GET", path, Value::Null).await
}

pub async fn create(sandbox: &Sandbox, path: &str, object: Value) -> Value {
    let (code, created) = ask(sandbox, "POST", path, object).await;
    assert_eq!(code, 201, "{created:#}");
    created
}

/// `422 Service "s" is invalid: …`: all that a person sees of a refusal.
pub async fn refusal(sandbox: &Sandbox, method: &str, path: &str, body: Value) -> String {
    let (code, status) = ask(sandbox, method, path, body).await;
    format!("{code} {}", status["message"].as_str().unwrap_or("without a message"))
}
