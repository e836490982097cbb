//! What a row does to a server, in a namespace of its own, and a record of what it was answered.

use std::ops::Deref;
use std::sync::Arc;

use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::{Client, Config};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::watch::Watch;

pub const JSON: &str = "application/json";
pub const YAML: &str = "application/yaml";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_MERGE_PATCH: &str = "application/strategic-merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// The groups of the kinds that are not in the core group.
const GROUPS: [(&str, &str); 5] = [
    ("deployments", "apps"),
    ("replicasets", "apps"),
    ("leases", "coordination.k8s.io"),
    ("endpointslices", "discovery.k8s.io"),
    ("widgets", "acme.dev"),
];

/// One server and one row. Clones are the same session.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
    compared: Compared,
}

/// Whether answers have to be the same on both servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// They have.
    Yes,
    /// Each server has its own; the row looks at what matters.
    No,
}

struct Inner {
    config: Config,
    client: Client,
    namespace: String,
    record: Mutex<Vec<Exchange>>,
}

/// A question, and all that it was answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// `GET /api`, or `WATCH /api/v1/pods`.
    pub question: String,
    /// The HTTP status.
    pub code: u16,
    /// The media type, and the warnings.
    pub headers: Vec<String>,
    /// The body, or what a watch has shown.
    pub body: Value,
    /// Whether it has to be the same on both servers.
    pub compared: Compared,
}

/// An answer; its body is looked at directly.
pub struct Answer {
    pub code: u16,
    pub headers: HeaderMap,
    body: Value,
}

impl Deref for Answer {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.body
    }
}

impl Session {
    /// Begins, in a namespace that is made.
    pub async fn begin(config: Config, namespace: &str) -> Self {
        let client = Client::try_from(config.clone()).unwrap();
        let namespace = namespace.to_owned();
        let inner = Inner { config, client, namespace, record: Mutex::default() };
        let session = Self { inner: Arc::new(inner), compared: Compared::Yes };
        let made = session.post("/api/v1/namespaces", named(session.namespace())).await;
        made.is(201);
        session
    }

    /// The same session, for answers that are not compared.
    pub fn aside(&self) -> Self {
        Self { inner: self.inner.clone(), compared: Compared::No }
    }

    /// What has been asked and answered so far.
    pub fn record(&self) -> Vec<Exchange> {
        self.inner.record.lock().clone()
    }

    /// The namespace of this row.
    pub fn namespace(&self) -> &str {
        &self.inner.namespace
    }

    /// The path of a kind in this row's namespace.
    pub fn path(&self, plural: &str) -> String {
        format!("{}/namespaces/{}/{plural}", root(plural), self.inner.namespace)
    }

    /// The path of an object in this row's namespace.
    pub fn of(&self, plural: &str, name: &str) -> String {
        format!("{}/{name}", self.path(plural))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), Value::Null).await
    }

    /// GET, with an `Accept` header.
    pub async fn get_as(&self, accept: &str, path: &str) -> Answer {
        self.send(Request::get(path).header("accept", accept), Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Request::post(path).header("content-type", JSON), body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Request::put(path).header("content-type", JSON), body).await
    }

    pub async fn merge(&self, path: &str, patch: Value) -> Answer {
        self.send(Request::patch(path).header("content-type", MERGE_PATCH), patch).await
    }

    pub async fn strategic(&self, path: &str, patch: Value) -> Answer {
        self.send(Request::patch(path).header("content-type", STRATEGIC_MERGE_PATCH), patch).await
    }

    pub async fn json_patch(&self, path: &str, patch: Value) -> Answer {
        self.send(Request::patch(path).header("content-type", JSON_PATCH), patch).await
    }

    pub async fn apply(&self, path: &str, object: Value) -> Answer {
        self.send(Request::patch(path).header("content-type", APPLY_PATCH), object).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Request::delete(path), Value::Null).await
    }

    /// DELETE, with DeleteOptions.
    pub async fn delete_with(&self, path: &str, options: Value) -> Answer {
        self.send(Request::delete(path).header("content-type", JSON), options).await
    }

    /// Makes an object that has to come into being.
    pub async fn create(&self, plural: &str, object: Value) -> Answer {
        self.post(&self.path(plural), object).await.is(201)
    }

    /// Sends a request with a body, which may be no JSON if it is a text.
    pub async fn send(&self, request: http::request::Builder, body: Value) -> Answer {
        let body = match body {
            Value::Null => Vec::new(),
            Value::String(text) => text.into_bytes(),
            other => other.to_string().into_bytes(),
        };
        self.send_bytes(request, body).await
    }

    /// Sends a request with any body.
    pub async fn send_bytes(&self, request: http::request::Builder, body: Vec<u8>) -> Answer {
        self.send_by(&self.inner.client, request, body).await
    }

    /// Sends a request in the name of whoever has this token.
    pub async fn get_with_token(&self, token: &str, path: &str) -> Answer {
        let mut config = self.inner.config.clone();
        config.auth_info.token = Some(token.to_owned().into());
        let client = Client::try_from(config).unwrap();
        self.send_by(&client, Request::get(path), Vec::new()).await
    }

    async fn send_by(
        &self,
        client: &Client,
        request: http::request::Builder,
        body: Vec<u8>,
    ) -> Answer {
        let request = request.body(Body::from(body)).unwrap();
        let question = format!("{} {}", request.method(), request.uri());
        let (parts, body) = client.send(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let is_yaml = parts.headers.get("content-type").is_some_and(|found| found == YAML);
        let read = match is_yaml {
            true => serde_saphyr::from_str(&text).ok(),
            false => serde_json::from_slice(&bytes).ok(),
        };
        let body = read.unwrap_or(Value::String(text));
        let (code, headers) = (parts.status.as_u16(), parts.headers);
        let exchange = self.exchange(question, code, shown(&headers), body.clone());
        self.inner.record.lock().push(exchange);
        Answer { code, headers, body }
    }

    /// Opens a watch: a path and its query without `watch`.
    pub async fn watch(&self, path: &str) -> Watch {
        self.watch_as(JSON, path).await
    }

    /// Opens a watch, with an `Accept` header.
    pub async fn watch_as(&self, accept: &str, path: &str) -> Watch {
        let sign = if path.contains('?') { '&' } else { '?' };
        let uri = format!("{path}{sign}watch=true");
        let request = Request::get(&uri).header("accept", accept).body(Body::empty()).unwrap();
        let response = self.inner.client.send(request).await.unwrap();
        Watch::new(format!("WATCH {path}"), response)
    }

    /// Ends with what a watch has shown, which becomes a part of the record.
    pub fn note(&self, question: &str, events: &[Value]) {
        let exchange = self.exchange(question.to_owned(), 200, Vec::new(), json!(events));
        self.inner.record.lock().push(exchange);
    }

    fn exchange(&self, question: String, code: u16, headers: Vec<String>, body: Value) -> Exchange {
        Exchange { question, code, headers, body, compared: self.compared }
    }
}

impl Answer {
    /// Checks the HTTP status.
    #[track_caller]
    pub fn is(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{:#}", self.body);
        self
    }

    /// Checks the HTTP status and the message of a refusal.
    #[track_caller]
    pub fn says(self, code: u16, message: &str) -> Self {
        let answer = self.is(code);
        assert_eq!(answer["message"], message, "{:#}", answer.body);
        answer
    }

    /// `metadata.resourceVersion`.
    #[track_caller]
    pub fn version(&self) -> u64 {
        let text = self.body["metadata"]["resourceVersion"].as_str();
        text.unwrap_or_else(|| panic!("no version in {:#}", self.body)).parse().unwrap()
    }

    /// The warnings in the headers.
    pub fn warnings(&self) -> Vec<String> {
        let values = self.headers.get_all("warning").iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    /// The body, to change and send back.
    pub fn object(&self) -> Value {
        self.body.clone()
    }
}

fn shown(headers: &HeaderMap) -> Vec<String> {
    let shown = ["content-type", "warning"].into_iter().flat_map(|name| {
        let values = headers.get_all(name).iter();
        values.map(move |value| format!("{name}: {}", value.to_str().unwrap()))
    });
    shown.collect()
}

fn root(plural: &str) -> String {
    match GROUPS.iter().find(|(known, _)| *known == plural) {
        Some((_, group)) => format!("/apis/{group}/v1"),
        None => "/api/v1".to_owned(),
    }
}

/// An object with a name.
pub fn named(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}
