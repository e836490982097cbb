//! The wire: lists, watches, reads and writes over kube's client, in JSON. Everything that speaks
//! to the API server about watched kinds goes through here, and every call has a deadline.

pub mod counted;
mod error;
mod events;
mod json;
mod resource;
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
pub use resource::Resource;
pub use watch::{Identity, Watch, WatchEvent};

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

    /// Reads one object as it stands now.
    pub async fn get<T: Resource>(&self, key: &NamespacedName) -> Result<Option<T>, WireError> {
        match self.call(Method::GET, &path(T::KIND, key), Vec::new()).await {
            Ok(body) => T::decode(&body).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether an object exists at this very moment.
    pub async fn exists(&self, kind: Kind, key: &NamespacedName) -> Result<bool, WireError> {
        match self.call(Method::GET, &path(kind, key), Vec::new()).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
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

    /// Creates an object; the answer is the object as it was stored.
    pub async fn create<T: Resource>(&self, object: &T) -> Result<T, WireError> {
        let uri = collection(T::KIND, Some(&object.metadata().key.namespace));
        let body = self.call(Method::POST, &uri, object.encode()?).await?;
        T::decode(&body)
    }

    /// Replaces an object under the resourceVersion it carries; the answer is the object as stored.
    pub async fn replace<T: Resource>(&self, object: &T) -> Result<T, WireError> {
        let uri = path(T::KIND, &object.metadata().key);
        let body = self.call(Method::PUT, &uri, object.encode()?).await?;
        T::decode(&body)
    }

    /// Deletes an object under its uid and resourceVersion. The answer is the object if a finalizer
    /// holds it, and nothing if it is gone.
    pub async fn delete<T: Resource>(&self, object: &T) -> Result<Option<T>, WireError> {
        let metadata = object.metadata();
        let options = serde_json::json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {
                "uid": &*metadata.uid,
                "resourceVersion": metadata.resource_version.to_string(),
            },
        });
        let body = options.to_string().into_bytes();
        let answer = self.call(Method::DELETE, &path(T::KIND, &metadata.key), body).await?;
        Ok(T::decode(&answer).ok().filter(|held| held.metadata().deleting))
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
    const USER_AGENT: &str = concat!("roster/v", env!("CARGO_PKG_VERSION"));
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
        Kind::Endpoints => ("/api/v1", "endpoints"),
    };
    match namespace {
        Some(namespace) => format!("{group}/namespaces/{namespace}/{plural}"),
        None => format!("{group}/{plural}"),
    }
}

fn path(kind: Kind, key: &NamespacedName) -> String {
    format!("{}/{}", collection(kind, Some(&key.namespace)), key.name)
}

/// Text as a query value may hold it.
fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
