//! Requests to a sandbox in this process.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use sandbox::{Addresses, Answer, Bootstrap, Sandbox, Settings};
use tower::ServiceExt;

/// How many changes of a kind watches can go back: as many as in `roster-sandbox`.
pub const HISTORY: usize = 10_000;

/// A sandbox that gives Services their addresses.
pub struct Client(Sandbox);

impl Client {
    /// One with nothing in it.
    pub fn new() -> Self {
        let clock = Arc::new(Timestamp::now);
        let sandbox = Sandbox::new(Settings { clock, seed: 1, history: HISTORY });
        let api_server = ([127, 0, 0, 1], 6443).into();
        sandbox.bootstrap(&Bootstrap { addresses: Addresses::default(), api_server });
        Self(sandbox)
    }

    /// Sends a request that has to be answered with a code.
    pub async fn ask(&self, method: &str, path: &str, body: String, code: u16) -> Bytes {
        let response = self.send(method, path, body).await;
        let found = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(found, code, "{}", String::from_utf8_lossy(&body));
        body
    }

    /// All that is at a path.
    pub async fn get(&self, path: &str) -> Bytes {
        self.ask("GET", path, String::new(), 200).await
    }

    /// The body of a watch.
    pub async fn watch(&self, path: &str) -> Answer {
        self.send("GET", path, String::new()).await.into_body()
    }

    async fn send(&self, method: &str, path: &str, body: String) -> Response<Answer> {
        let media_type = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", media_type);
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        self.0.clone().oneshot(request).await.unwrap()
    }
}
