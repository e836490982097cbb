//! The wire: lists, watches, reads and writes over kube's client, in protobuf or JSON. Everything that
//! speaks to the API server about watched kinds goes through here, and every call has a deadline.

mod cluster_ip_holds;
mod cluster_ips;
mod connection;
pub mod counted;
mod encoding;
mod error;
mod events;
mod json;
mod narrow;
mod protobuf;
mod resource;
mod service_account;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use controller_core::facts::{EndpointSlice, Fact};
use controller_core::key::{Kind, NamespacedName, ResourceVersion};
use http::{Method, Request, StatusCode};
use kube::client::Body;

pub use cluster_ip_holds::{NewHold, ServiceName};
pub use cluster_ips::{ServiceObject, read_service};
use encoding::Encoding;
pub use error::{Status, WireError};
pub use events::EventObject;
pub use resource::Resource;
pub use service_account::Account;
use watch::Opened;
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
    /// Whether the server has answered in protobuf, and so takes it.
    speaks_protobuf: Arc<AtomicBool>,
    /// The media types that answers may be in.
    accepted: &'static str,
    /// In whose name calls are made, if it is not the clients' own.
    account: Option<Arc<Account>>,
}

/// What the server has answered.
struct Answer {
    encoding: Encoding,
    body: Bytes,
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

/// An object that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecodable {
    /// Its kind.
    pub kind: Kind,
    /// Its key, as far as it could be read.
    pub key: NamespacedName,
    /// Its version, as far as it could be read.
    pub resource_version: Option<ResourceVersion>,
    /// What is wrong, and where.
    pub error: String,
}

impl Wire {
    /// Speaks through these clients.
    pub fn new(watches: kube::Client, calls: kube::Client) -> Self {
        let (speaks_protobuf, accepted) = (Arc::default(), Encoding::ACCEPTED);
        Self { watches, calls, speaks_protobuf, accepted, account: None }
    }

    /// The same way in JSON, even if the server has protobuf.
    #[must_use]
    pub fn in_json(self) -> Self {
        Self { accepted: Encoding::Json.media_type(), ..self }
    }

    /// The same way, on which calls are made in the name of a ServiceAccount. `calls` must have no
    /// credentials of its own, which would go before a token.
    pub fn in_the_name_of(&self, account: Account, calls: kube::Client) -> Self {
        Self { calls, account: Some(Arc::new(account)), ..self.clone() }
    }

    /// Reads one page of all objects of a kind. The first page is consistent: it is at least as
    /// new as anything written before it was asked for.
    pub async fn list(&self, kind: Kind, next: Option<&str>) -> Result<Page, WireError> {
        let mut uri = format!("{}?limit={PAGE_SIZE}", collection(kind, None));
        if let Some(token) = next {
            uri.push_str("&continue=");
            uri.push_str(&form_encoded(token));
        }
        let answer = self.read(&uri).await?;
        if !kind.is_custom() {
            self.note_encoding(answer.encoding);
        }
        answer.encoding.page(kind, &answer.body)
    }

    /// Opens a list that arrives object by object and goes on as a watch (KEP-3157). It is as new as
    /// a list by pages, and neither side ever holds all of it.
    ///
    /// # Errors
    /// [`WireError::is_not_supported`] where the API server does not have such lists.
    pub async fn stream(&self, kind: Kind, lasting: Duration) -> Result<Watch, WireError> {
        let opened = self
            .open(kind, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan", lasting)
            .await?;
        if !kind.is_custom() {
            self.note_encoding(opened.encoding);
        }
        Ok(Watch::with_list(kind, opened))
    }

    /// Opens a watch of all objects of a kind from a version on.
    pub async fn watch(
        &self,
        kind: Kind,
        from: ResourceVersion,
        lasting: Duration,
    ) -> Result<Watch, WireError> {
        let opened = self.open(kind, &format!("resourceVersion={from}"), lasting).await?;
        Ok(Watch::of_changes(kind, opened))
    }

    async fn open(&self, kind: Kind, start: &str, lasting: Duration) -> Result<Opened, WireError> {
        let uri = format!(
            "{}?watch=true&allowWatchBookmarks=true&{start}&timeoutSeconds={}",
            collection(kind, None),
            lasting.as_secs()
        );
        let asked =
            self.watches.send(self.request(Method::GET, &uri, Encoding::Json, Vec::new())?);
        let response = tokio::time::timeout(CALL_DEADLINE, asked)
            .await
            .map_err(|_| WireError::Deadline(CALL_DEADLINE))?
            .map_err(WireError::transport)?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let encoding = Encoding::of(response.headers());
        Ok(Opened { encoding, body: response.into_body() })
    }

    /// Reads one object as it stands now.
    pub async fn get<T: Resource>(&self, key: &NamespacedName) -> Result<Option<T>, WireError> {
        match self.read(&path(T::KIND, key)).await {
            Ok(answer) => answer.encoding.decode(&answer.body).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads what we keep of one object as it stands now.
    pub async fn fact(
        &self,
        kind: Kind,
        key: &NamespacedName,
    ) -> Result<Option<(Fact, ResourceVersion)>, WireError> {
        match self.read(&path(kind, key)).await {
            Ok(answer) => answer.encoding.fact(kind, &answer.body).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether an object exists at this very moment.
    pub async fn exists(&self, kind: Kind, key: &NamespacedName) -> Result<bool, WireError> {
        match self.read(&path(kind, key)).await {
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
        let answer = self.read(&format!("{path}?labelSelector={selector}")).await?;
        let page = answer.encoding.page(Kind::EndpointSlice, &answer.body)?;
        let slices = page.items.into_iter().filter_map(|(fact, _)| match fact {
            Fact::EndpointSlice(slice) => Some(slice),
            _ => None,
        });
        Ok(slices.collect())
    }

    /// Creates an object; the answer is the object as it was stored.
    pub async fn create<T: Resource>(&self, object: &T) -> Result<T, WireError> {
        let uri = collection(T::KIND, Some(&object.metadata().key.namespace));
        self.write(Method::POST, &uri, object).await
    }

    /// Replaces an object under the resourceVersion it carries; the answer is the object as stored.
    pub async fn replace<T: Resource>(&self, object: &T) -> Result<T, WireError> {
        let uri = path(T::KIND, &object.metadata().key);
        self.write(Method::PUT, &uri, object).await
    }

    /// Deletes an object under its uid and resourceVersion. The answer is the object if a finalizer
    /// holds it, and nothing if it is gone.
    pub async fn delete<T: Resource>(&self, object: &T) -> Result<Option<T>, WireError> {
        let metadata = object.metadata();
        let answer = self
            .delete_under(T::KIND, &metadata.key, &metadata.uid, metadata.resource_version)
            .await?;
        let held: Option<T> = answer.encoding.decode(&answer.body).ok();
        Ok(held.filter(|held| held.metadata().deleting))
    }

    /// Creates an Event.
    pub async fn create_event(&self, event: &EventObject) -> Result<(), WireError> {
        let uri = format!("/api/v1/namespaces/{}/events", event.namespace());
        let request = self.request(Method::POST, &uri, Encoding::Json, event.to_json()?)?;
        self.send(request).await.map(drop)
    }

    /// Raises the count of an Event made before.
    pub async fn recount_event(&self, event: &EventObject) -> Result<(), WireError> {
        let uri = format!("/api/v1/namespaces/{}/events/{}", event.namespace(), event.name());
        let patch = event.recount()?;
        let mut request = self.request(Method::PATCH, &uri, Encoding::Json, patch)?;
        request.headers_mut().insert(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/strategic-merge-patch+json"),
        );
        self.send(request).await.map(drop)
    }

    async fn delete_under(
        &self,
        kind: Kind,
        key: &NamespacedName,
        uid: &str,
        version: ResourceVersion,
    ) -> Result<Answer, WireError> {
        let options = serde_json::json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid, "resourceVersion": version.to_string()},
        });
        let body = options.to_string().into_bytes();
        self.send(self.request(Method::DELETE, &path(kind, key), Encoding::Json, body)?).await
    }

    /// The server speaks so of kinds that it knows by itself. Those of definitions are in JSON
    /// everywhere, so they say nothing about it.
    fn note_encoding(&self, encoding: Encoding) {
        self.speaks_protobuf.store(encoding == Encoding::Protobuf, Ordering::Relaxed);
    }

    async fn read(&self, uri: &str) -> Result<Answer, WireError> {
        self.send(self.request(Method::GET, uri, Encoding::Json, Vec::new())?).await
    }

    /// Writes in the encoding that the server has shown that it has.
    async fn write<T: Resource>(
        &self,
        method: Method,
        uri: &str,
        object: &T,
    ) -> Result<T, WireError> {
        let encoding = match self.speaks_protobuf.load(Ordering::Relaxed) {
            true => Encoding::Protobuf,
            false => Encoding::Json,
        };
        let request = self.request(method, uri, encoding, encoding.encode(object)?)?;
        let answer = self.send(request).await?;
        answer.encoding.decode(&answer.body)
    }

    fn request(
        &self,
        method: Method,
        uri: &str,
        encoding: Encoding,
        body: Vec<u8>,
    ) -> Result<Request<Body>, WireError> {
        const USER_AGENT: &str = concat!("roster/v", env!("CARGO_PKG_VERSION"));
        Request::builder()
            .method(method)
            .uri(uri)
            .header(http::header::ACCEPT, self.accepted)
            .header(http::header::CONTENT_TYPE, encoding.media_type())
            .header(http::header::USER_AGENT, USER_AGENT)
            .body(Body::from(body))
            .map_err(|error| WireError::Decode(format!("cannot ask for {uri}: {error}")))
    }

    async fn send(&self, mut request: Request<Body>) -> Result<Answer, WireError> {
        let exchange = async {
            if let Some(account) = &self.account {
                account.sign(&mut request).await?;
            }
            let response = self.calls.send(request).await.map_err(WireError::transport)?;
            if let (Some(account), StatusCode::UNAUTHORIZED) = (&self.account, response.status()) {
                account.refused().await;
            }
            if !response.status().is_success() {
                return Err(refusal(response).await);
            }
            let encoding = Encoding::of(response.headers());
            let body = response.into_body().collect_bytes().await.map_err(WireError::transport)?;
            Ok(Answer { encoding, body })
        };
        tokio::time::timeout(CALL_DEADLINE, exchange)
            .await
            .map_err(|_| WireError::Deadline(CALL_DEADLINE))?
    }
}

async fn refusal(response: http::Response<Body>) -> WireError {
    let code = response.status();
    let retry_after = response.headers().get(http::header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    let encoding = Encoding::of(response.headers());
    let body = response.into_body().collect_bytes().await.unwrap_or_default();
    let status = encoding.refusal(code, &body);
    let retry_after = retry_after.map(Duration::from_secs).or(status.retry_after);
    WireError::Status(Status { retry_after, ..status })
}

fn collection(kind: Kind, namespace: Option<&str>) -> String {
    let (group, plural) = match kind {
        Kind::Service => ("/api/v1", "services"),
        Kind::Pod => ("/api/v1", "pods"),
        Kind::Node => ("/api/v1", "nodes"),
        Kind::EndpointSlice => ("/apis/discovery.k8s.io/v1", "endpointslices"),
        Kind::Endpoints => ("/api/v1", "endpoints"),
        Kind::Namespace => ("/api/v1", "namespaces"),
        Kind::ServiceCidr => ("/apis/networking.k8s.io/v1", "servicecidrs"),
        Kind::IpAddress => ("/apis/networking.k8s.io/v1", "ipaddresses"),
        Kind::ClusterIpPool => ("/apis/roster.dev/v1alpha1", "clusterippools"),
        Kind::ClusterIpHold => ("/apis/roster.dev/v1alpha1", "clusteripholds"),
    };
    match namespace.filter(|namespace| !namespace.is_empty()) {
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
