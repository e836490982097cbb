//! The wire: lists, watches, reads and writes over kube's client, in JSON. Everything that speaks
//! to the API server about watched kinds goes through here, and every call has a deadline.

mod error;
mod events;
mod json;
mod watch;

use std::time::Duration;

use bytes::Bytes;
use controller_core::facts::{EndpointSlice, Fact};
use controller_core::key::{Kind, NamespacedName, ResourceVersion};
use http::{Method, Request};
use kube::client::Body;

pub use error::{Status, WireError};
pub use events::EventObject;
pub use json::Undecodable;
pub use watch::{Watch, WatchEvent};

/// How long a call that is not a watch may take, from the first byte sent to the last received.
const CALL_DEADLINE: Duration = Duration::from_secs(30);

/// How many objects a page of a list holds. Pages bound the memory of a list, not its size.
const PAGE_SIZE: usize = 500;

/// The two clients of one API server: watches may be silent for long, calls may not.
#[derive(Clone)]
pub struct Wire {
    watches: kube::Client,
    calls: kube::Client,
}

/// One page of a list.
pub struct Page {
    /// The objects that could be read, with their versions.
    pub items: Vec<(Fact, ResourceVersion)>,
    /// The objects that could not.
    pub undecodable: Vec<Undecodable>,
    /// The version of the whole list.
    pub resource_version: ResourceVersion,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

impl Wire {
    /// Speaks through these clients.
    pub fn new(watches: kube::Client, calls: kube::Client) -> Self {
        Self { watches, calls }
    }

    /// Reads one page of all objects of a kind. The first page is consistent: it is at least as
    /// new as anything written before it was asked for.
    pub async fn list(&self, kind: Kind, next: Option<&str>) -> Result<Page, WireError> {
        let mut uri = format!("{}?limit={PAGE_SIZE}", collection(kind, None));
        if let Some(token) = next {
            uri.push_str("&continue=");
            uri.push_str(&form_encoded(token));
        }
        let body = self.call(Method::GET, &uri, Vec::new()).await?;
        json::page(kind, &body)
    }

    /// Opens a watch of all objects of a kind from a version on.
    pub async fn watch(
        &self,
        kind: Kind,
        from: ResourceVersion,
        lasting: Duration,
    ) -> Result<Watch, WireError> {
        let uri = format!(
            "{}?watch=true&allowWatchBookmarks=true&resourceVersion={from}&timeoutSeconds={}",
            collection(kind, None),
            lasting.as_secs()
        );
        let opened = self.watches.send(request(Method::GET, &uri, Vec::new())?);
        let response = tokio::time::timeout(CALL_DEADLINE, opened)
            .await
            .map_err(|_| WireError::Deadline(CALL_DEADLINE))?
            .map_err(WireError::transport)?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        Ok(Watch::new(kind, response.into_body()))
    }

    /// Reads one slice as it stands now.
    pub async fn get_slice(
        &self,
        key: &NamespacedName,
    ) -> Result<Option<EndpointSlice>, WireError> {
        match self.call(Method::GET, &slice_path(key), Vec::new()).await {
            Ok(body) => json::slice(&body).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads all slices that name a Service, as they stand now.
    pub async fn slices_of(
        &self,
        service: &NamespacedName,
    ) -> Result<Vec<EndpointSlice>, WireError> {
        let label = controller_core::facts::endpoint_slice::SERVICE_NAME_LABEL;
        let selector = form_encoded(&format!("{label}={}", service.name));
        let path = collection(Kind::EndpointSlice, Some(&service.namespace));
        let body =
            self.call(Method::GET, &format!("{path}?labelSelector={selector}"), Vec::new()).await?;
        let page = json::page(Kind::EndpointSlice, &body)?;
        let slices = page.items.into_iter().filter_map(|(fact, _)| match fact {
            Fact::EndpointSlice(slice) => Some(slice),
            _ => None,
        });
        Ok(slices.collect())
    }

    /// Creates a slice; the answer is the slice as it was stored.
    pub async fn create_slice(&self, slice: &EndpointSlice) -> Result<EndpointSlice, WireError> {
        let uri = collection(Kind::EndpointSlice, Some(&slice.metadata.key.namespace));
        let body = self.call(Method::POST, &uri, json::encode_slice(slice)?).await?;
        json::slice(&body)
    }

    /// Replaces a slice under the resourceVersion it carries; the answer is the slice as stored.
    pub async fn replace_slice(&self, slice: &EndpointSlice) -> Result<EndpointSlice, WireError> {
        let uri = slice_path(&slice.metadata.key);
        let body = self.call(Method::PUT, &uri, json::encode_slice(slice)?).await?;
        json::slice(&body)
    }

    /// Deletes a slice under its uid and resourceVersion. The answer is the slice if a finalizer
    /// holds it, and nothing if it is gone.
    pub async fn delete_slice(
        &self,
        slice: &EndpointSlice,
    ) -> Result<Option<EndpointSlice>, WireError> {
        let metadata = &slice.metadata;
        let options = serde_json::json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {
                "uid": &*metadata.uid,
                "resourceVersion": metadata.resource_version.to_string(),
            },
        });
        let body = options.to_string().into_bytes();
        let answer = self.call(Method::DELETE, &slice_path(&metadata.key), body).await?;
        Ok(json::slice(&answer).ok().filter(|held| held.metadata.deleting))
    }

    /// Creates an Event.
    pub async fn create_event(&self, event: &EventObject) -> Result<(), WireError> {
        let uri = format!("/api/v1/namespaces/{}/events", event.namespace());
        self.call(Method::POST, &uri, event.to_json()?).await.map(drop)
    }

    /// Raises the count of an Event made before.
    pub async fn recount_event(&self, event: &EventObject) -> Result<(), WireError> {
        let uri = format!("/api/v1/namespaces/{}/events/{}", event.namespace(), event.name());
        let patch = event.recount()?;
        let mut request = request(Method::PATCH, &uri, patch)?;
        request.headers_mut().insert(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/strategic-merge-patch+json"),
        );
        self.send(request).await.map(drop)
    }

    async fn call(&self, method: Method, uri: &str, body: Vec<u8>) -> Result<Bytes, WireError> {
        self.send(request(method, uri, body)?).await
    }

    async fn send(&self, request: Request<Body>) -> Result<Bytes, WireError> {
        let exchange = async {
            let response = self.calls.send(request).await.map_err(WireError::transport)?;
            if !response.status().is_success() {
                return Err(refusal(response).await);
            }
            response.into_body().collect_bytes().await.map_err(WireError::transport)
        };
        tokio::time::timeout(CALL_DEADLINE, exchange)
            .await
            .map_err(|_| WireError::Deadline(CALL_DEADLINE))?
    }
}

fn request(method: Method, uri: &str, body: Vec<u8>) -> Result<Request<Body>, WireError> {
    const USER_AGENT: &str =
        concat!("roster/v", env!("CARGO_PKG_VERSION"), "/endpointslice-controller");
    Request::builder()
        .method(method)
        .uri(uri)
        .header(http::header::ACCEPT, "application/json")
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(http::header::USER_AGENT, USER_AGENT)
        .body(Body::from(body))
        .map_err(|error| WireError::Decode(format!("cannot ask for {uri}: {error}")))
}

async fn refusal(response: http::Response<Body>) -> WireError {
    let code = response.status();
    let retry_after = response.headers().get(http::header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    let body = response.into_body().collect_bytes().await.unwrap_or_default();
    WireError::Status(Status::read(code, &body, retry_after.map(Duration::from_secs)))
}

fn collection(kind: Kind, namespace: Option<&str>) -> String {
    let (group, plural) = match kind {
        Kind::Service => ("/api/v1", "services"),
        Kind::Pod => ("/api/v1", "pods"),
        Kind::Node => ("/api/v1", "nodes"),
        Kind::EndpointSlice => ("/apis/discovery.k8s.io/v1", "endpointslices"),
    };
    match namespace {
        Some(namespace) => format!("{group}/namespaces/{namespace}/{plural}"),
        None => format!("{group}/{plural}"),
    }
}

fn slice_path(key: &NamespacedName) -> String {
    format!("{}/{}", collection(Kind::EndpointSlice, Some(&key.namespace)), key.name)
}

/// Percent-encodes what a query value may not hold.
fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}
