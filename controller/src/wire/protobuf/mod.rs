//! Kubernetes' protobuf in and out. Objects are walked through once, borrowed, straight to facts:
//! for a Pod that is a twentieth of the work of reading it as JSON.
//!
//! Every object is `k8s` and a zero byte, then a message that names its kind and holds it
//! (`runtime.Unknown`). A watch is a sequence of frames, each a length of four bytes and a
//! `meta/v1 WatchEvent`, whose object is wrapped like any other.

mod addresses;
mod endpoint_slice;
mod endpoints;
mod message;
mod metadata;
mod node;
mod parts;
mod pod;
mod service;
mod status;
mod writer;

use controller_core::facts::{EndpointSlice, Endpoints, Fact};
use controller_core::key::{Kind, ResourceVersion, Text};

use super::{Identity, Page, Status, Undecodable, WatchEvent, WireError};
use message::{Malformed, Message};
use metadata::Metadata;
use writer::Writer;

/// What every object begins with.
const MAGIC: &[u8] = b"k8s\0";
/// The annotation of the bookmark that ends the list at the beginning of a watch.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// Why an object cannot be read, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

type Decoded<T> = Result<T, Unreadable>;

impl From<Malformed> for Unreadable {
    fn from(error: Malformed) -> Self {
        Self(error.to_string())
    }
}

impl From<String> for Unreadable {
    fn from(error: String) -> Self {
        Self(error)
    }
}

/// Reads a page of a list. An item that cannot be read is set aside.
pub fn page(kind: Kind, body: &[u8]) -> Result<Page, WireError> {
    let unreadable = |error: &dyn std::fmt::Display| WireError::Decode(format!("list: {error}"));
    let mut list = unwrapped(body).map_err(|error| unreadable(&error))?;
    let (mut version, mut next) = (None, None);
    let (mut items, mut undecodable) = (Vec::new(), Vec::new());
    while let Some(field) = list.next().map_err(|error| unreadable(&error))? {
        let message = field.message().map_err(|error| unreadable(&error))?;
        match field.number {
            1 => (version, next) = list_metadata(message).map_err(|error| unreadable(&error))?,
            2 => match fact(kind, message) {
                Ok(item) => items.push(item),
                Err(error) => undecodable.push(set_aside(kind, message, error)),
            },
            _ => {}
        }
    }
    let resource_version = version.ok_or_else(|| {
        WireError::Decode(format!("a list of {kind}s without a numeric metadata.resourceVersion"))
    })?;
    Ok(Page { items, undecodable, resource_version, next })
}

/// Reads a frame of a watch. Of an object that is known only the version is told.
pub fn watch_event(
    kind: Kind,
    frame: &[u8],
    is_known: impl Fn(&Identity) -> bool,
) -> Result<WatchEvent, WireError> {
    event(kind, frame, is_known)
        .map_err(|Unreadable(error)| WireError::Decode(format!("watch event: {error}")))
}

fn event(kind: Kind, frame: &[u8], is_known: impl Fn(&Identity) -> bool) -> Decoded<WatchEvent> {
    let (what, object) = parts(frame)?;
    let told = || Metadata::of(object);
    Ok(match what {
        "ADDED" | "MODIFIED" => {
            if kind.is_written()
                && let Some(identity) = identity(&told()?)
                && is_known(&identity)
            {
                return Ok(WatchEvent::Known(identity.resource_version));
            }
            match fact(kind, object) {
                Ok((fact, version)) => WatchEvent::Applied(Box::new(fact), version),
                Err(error) => WatchEvent::Undecodable(set_aside(kind, object, error)),
            }
        }
        "DELETED" => {
            let metadata = told()?;
            WatchEvent::Deleted {
                key: metadata.key(),
                resource_version: metadata.version().unwrap_or_default(),
                uid: metadata.uid.to_owned(),
            }
        }
        "BOOKMARK" => bookmark(&told()?)?,
        "ERROR" => WatchEvent::Error(status::status(object)?),
        other => return Err(Unreadable(format!("unknown type {other:?}"))),
    })
}

fn bookmark(metadata: &Metadata<'_>) -> Decoded<WatchEvent> {
    let version = metadata.required_version()?;
    let mut annotations = metadata.annotations()?.into_iter();
    Ok(match annotations.any(|annotation| annotation == (INITIAL_EVENTS_END, "true")) {
        true => WatchEvent::Listed(version),
        false => WatchEvent::Bookmark(version),
    })
}

/// Reads one slice.
pub fn slice(body: &[u8]) -> Result<EndpointSlice, WireError> {
    unwrapped(body)
        .and_then(endpoint_slice::endpoint_slice)
        .map_err(|Unreadable(error)| WireError::Decode(format!("EndpointSlice: {error}")))
}

/// Reads one Endpoints object.
pub fn endpoints(body: &[u8]) -> Result<Endpoints, WireError> {
    unwrapped(body)
        .and_then(endpoints::endpoints)
        .map_err(|Unreadable(error)| WireError::Decode(format!("Endpoints object: {error}")))
}

/// The body of a write of a slice.
pub fn encode_slice(slice: &EndpointSlice) -> Vec<u8> {
    wrapped("discovery.k8s.io/v1", "EndpointSlice", |writer| writer.endpoint_slice(slice))
}

/// The body of a write of Endpoints.
pub fn encode_endpoints(endpoints: &Endpoints) -> Vec<u8> {
    wrapped("v1", "Endpoints", |writer| writer.endpoints(endpoints))
}

/// Reads one object.
pub fn object(kind: Kind, body: &[u8]) -> Result<(Fact, ResourceVersion), WireError> {
    unwrapped(body)
        .and_then(|message| fact(kind, message))
        .map_err(|Unreadable(error)| WireError::Decode(format!("{kind}: {error}")))
}

/// Reads a refusal, if it is one.
pub fn status(body: &[u8]) -> Option<Status> {
    unwrapped(body).and_then(|message| Ok(status::status(message)?)).ok()
}

fn fact(kind: Kind, message: Message<'_>) -> Decoded<(Fact, ResourceVersion)> {
    Ok(match kind {
        Kind::Service => {
            let (service, version) = service::service(message)?;
            (Fact::Service(service), version)
        }
        Kind::Pod => {
            let (pod, version) = pod::pod(message)?;
            (Fact::Pod(pod), version)
        }
        Kind::Node => {
            let (node, version) = node::node(message)?;
            (Fact::Node(node), version)
        }
        Kind::EndpointSlice => {
            let slice = endpoint_slice::endpoint_slice(message)?;
            let version = slice.metadata.resource_version;
            (Fact::EndpointSlice(slice), version)
        }
        Kind::Endpoints => {
            let endpoints = endpoints::endpoints(message)?;
            let version = endpoints.metadata.resource_version;
            (Fact::Endpoints(endpoints), version)
        }
        Kind::Namespace => {
            let (namespace, version) = addresses::namespace(message)?;
            (Fact::Namespace(namespace), version)
        }
        Kind::ServiceCidr => {
            let (cidr, version) = addresses::service_cidr(message)?;
            (Fact::ServiceCidr(cidr), version)
        }
        Kind::IpAddress => {
            let (claim, version) = addresses::ip_address(message)?;
            (Fact::IpAddress(claim), version)
        }
        Kind::ClusterIpPool | Kind::ClusterIpHold => {
            return Err(Unreadable("custom resources have no protobuf".to_owned()));
        }
    })
}

/// The type of a watch event, and its object.
fn parts(frame: &[u8]) -> Decoded<(&str, Message<'_>)> {
    let (mut what, mut object) = ("", None);
    let mut event = Message::new(frame);
    while let Some(field) = event.next()? {
        match field.number {
            1 => what = field.text()?,
            2 => object = Some(field.message()?),
            _ => {}
        }
    }
    let mut raw = object.ok_or_else(|| Unreadable("no object".to_owned()))?;
    while let Some(field) = raw.next()? {
        if field.number == 1 {
            return Ok((what, unwrapped(field.bytes()?)?));
        }
    }
    Err(Unreadable("an empty object".to_owned()))
}

/// The object in its wrapping.
fn unwrapped(body: &[u8]) -> Decoded<Message<'_>> {
    let rest = body.strip_prefix(MAGIC);
    let rest = rest.ok_or_else(|| Unreadable("not Kubernetes' protobuf".to_owned()))?;
    let mut wrapping = Message::new(rest);
    while let Some(field) = wrapping.next()? {
        if field.number == 2 {
            return Ok(field.message()?);
        }
    }
    // An object without any field set.
    Ok(Message::new(&[]))
}

fn wrapped(api_version: &str, kind: &str, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::after(MAGIC);
    writer.message(1, |writer| {
        writer.text(1, api_version);
        writer.text(2, kind);
    });
    writer.message(2, write);
    writer.finish()
}

/// The version of a list, and where its next page begins.
fn list_metadata(
    mut message: Message<'_>,
) -> Result<(Option<ResourceVersion>, Option<String>), Malformed> {
    let (mut version, mut next) = (None, None);
    while let Some(field) = message.next()? {
        match field.number {
            2 => version = field.text()?.parse().ok(),
            3 => next = Some(field.text()?.to_owned()).filter(|token| !token.is_empty()),
            _ => {}
        }
    }
    Ok((version, next))
}

fn identity(metadata: &Metadata<'_>) -> Option<Identity> {
    Some(Identity {
        key: metadata.key(),
        resource_version: metadata.version()?,
        uid: metadata.uid.into(),
    })
}

fn set_aside(kind: Kind, object: Message<'_>, error: Unreadable) -> Undecodable {
    let metadata = Metadata::of(object).unwrap_or_default();
    Undecodable { kind, key: metadata.key(), resource_version: metadata.version(), error: error.0 }
}

/// A text that counts as absent when it is empty.
fn text_or_none(text: &str) -> Option<Text> {
    (!text.is_empty()).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use controller_core::facts::endpoint_slice::TargetRefRest;
    use controller_core::facts::{
        AddressType, Conditions, Endpoint, EndpointPort, Hints, IpFamily, Labels, ObjectMeta,
        OwnerReference, TargetRef,
    };
    use controller_core::key::NamespacedName;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// A slice in which everything is set.
    fn full_slice() -> EndpointSlice {
        let labels: Labels = Arc::new([("a".into(), "".into())].into_iter().collect());
        let rest = TargetRefRest {
            api_version: Some("v1".into()),
            field_path: Some("spec".into()),
            resource_version: Some("7".into()),
        };
        EndpointSlice {
            metadata: ObjectMeta {
                key: NamespacedName::new("default", "web-abcde"),
                generate_name: Some("web-".into()),
                uid: "1234".into(),
                resource_version: ResourceVersion(42),
                deleting: false,
                labels: labels.clone(),
                annotations: labels,
                owner_references: vec![OwnerReference {
                    api_version: "v1".into(),
                    kind: "Service".into(),
                    name: "web".into(),
                    uid: "5678".into(),
                    controller: Some(true),
                    block_owner_deletion: Some(false),
                }],
                finalizers: vec!["example.com/held".into()],
            },
            address_type: AddressType::Ip(IpFamily::V6),
            ports: vec![EndpointPort {
                name: Some("".into()),
                protocol: Some("TCP".into()),
                port: Some(-1),
                app_protocol: Some("http".into()),
            }],
            endpoints: vec![Endpoint {
                addresses: vec!["fd00::1".into(), "fd00::2".into()],
                conditions: Conditions {
                    ready: Some(false),
                    serving: Some(true),
                    terminating: None,
                },
                hostname: Some("host".into()),
                node_name: Some("node".into()),
                zone: Some("zone".into()),
                target_ref: Some(TargetRef {
                    kind: Some("Pod".into()),
                    namespace: Some("default".into()),
                    name: Some("web-1".into()),
                    uid: Some("9".into()),
                    rest: Some(Box::new(rest)),
                }),
                hints: Some(Hints {
                    for_zones: vec!["zone".into()],
                    for_nodes: vec!["node".into()],
                }),
            }],
        }
    }

    /// A frame that tells of an object.
    fn frame(what: &str, object: &[u8]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.text(1, what);
        writer.message(2, |raw| raw.bytes(1, object));
        writer.finish()
    }

    #[test]
    fn a_slice_comes_back_as_it_was_written() {
        assert_eq!(slice(&encode_slice(&full_slice())).unwrap(), full_slice());
    }

    #[test]
    fn a_frame_tells_of_an_object_and_one_that_is_known_is_not_read() {
        let frame = frame("MODIFIED", &encode_slice(&full_slice()));
        let told = watch_event(Kind::EndpointSlice, &frame, |_| false).unwrap();
        let WatchEvent::Applied(fact, ResourceVersion(42)) = told else {
            panic!("not a change at version 42");
        };
        assert_eq!(*fact, Fact::EndpointSlice(full_slice()));
        let known = watch_event(Kind::EndpointSlice, &frame, |identity| {
            identity.uid == "1234" && identity.resource_version == ResourceVersion(42)
        });
        assert!(matches!(known, Ok(WatchEvent::Known(ResourceVersion(42)))));
    }

    #[test]
    fn an_object_that_cannot_be_read_is_told_apart_from_a_frame_that_cannot() {
        let mut object = encode_slice(&full_slice());
        // Its last field is its address type, whose last letter is turned into no letter at all.
        *object.last_mut().unwrap() = 0xff;
        let frame = frame("ADDED", &object);
        let told = watch_event(Kind::EndpointSlice, &frame, |_| false).unwrap();
        let WatchEvent::Undecodable(undecodable) = told else {
            panic!("it was read");
        };
        assert_eq!(undecodable.key, NamespacedName::new("default", "web-abcde"));
        assert_eq!(undecodable.error, "field 4 is not UTF-8");
        let cut = frame.get(..frame.len() - 9).unwrap();
        let error = watch_event(Kind::EndpointSlice, cut, |_| false).err().unwrap();
        assert_eq!(error.to_string(), "watch event: the message ends within a field");
    }

    #[test]
    fn nothing_that_arrives_garbled_makes_it_panic() {
        let whole = frame("ADDED", &encode_slice(&full_slice()));
        let mut random = StdRng::seed_from_u64(1);
        let mut read = 0;
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..random.random_range(1..4) {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random();
            }
            bytes.truncate(random.random_range(bytes.len() / 2..=bytes.len()));
            for kind in Kind::ALL {
                read += usize::from(watch_event(kind, &bytes, |_| false).is_ok());
                let _ = page(kind, &bytes);
            }
            let _ = (slice(&bytes), endpoints(&bytes), status(&bytes));
        }
        assert!(read > 0, "not one was whole enough to be read");
    }
}
