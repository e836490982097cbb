//! JSON in and out. Objects are read into trimmed types, in which nothing is required, so that no
//! odd object can spoil a list; then narrowed to facts.

mod cluster_ip_hold;
mod cluster_ip_pool;
mod endpoint_slice;
mod endpoints;
mod ip_address;
mod metadata;
mod namespace;
mod node;
mod parts;
mod pod;
mod service;
mod service_cidr;

use controller_core::facts::{EndpointSlice, Endpoints, Fact};
use controller_core::key::{Kind, ResourceVersion};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Identity, Page, Status, Undecodable, WatchEvent, WireError};
pub use cluster_ip_hold::encode as encode_hold;
pub use ip_address::{encode as encode_claim, encode_relabelling};
use metadata::Metadata;

/// Reads a page of a list. An item that cannot be read is set aside.
pub fn page(kind: Kind, body: &[u8]) -> Result<Page, WireError> {
    #[derive(Deserialize)]
    struct List<'a> {
        #[serde(default)]
        metadata: ListMetadata,
        #[serde(borrow)]
        items: Option<Vec<&'a RawValue>>,
    }
    let list: List<'_> = read("list", body)?;
    let mut page = Page {
        items: Vec::new(),
        undecodable: Vec::new(),
        resource_version: list.metadata.resource_version.unwrap_or_default().parse().map_err(
            |_| {
                WireError::Decode(format!(
                    "a list of {kind}s without a numeric metadata.resourceVersion"
                ))
            },
        )?,
        next: list.metadata.next.filter(|token| !token.is_empty()),
    };
    for item in list.items.unwrap_or_default() {
        match fact(kind, item.get().as_bytes()) {
            Ok(item) => page.items.push(item),
            Err(undecodable) => page.undecodable.push(undecodable),
        }
    }
    Ok(page)
}

/// Reads a line of a watch. Of an object that is known only the version is told.
pub fn watch_event(
    kind: Kind,
    line: &[u8],
    is_known: impl Fn(&Identity) -> bool,
) -> Result<WatchEvent, WireError> {
    if let Some(object) = changed(line) {
        if kind.is_written()
            && let Some(identity) = identity(object)
            && is_known(&identity)
        {
            return Ok(WatchEvent::Known(identity.resource_version));
        }
        if let Ok((fact, version)) = fact(kind, object) {
            return Ok(WatchEvent::Applied(Box::new(fact), version));
        }
    }

    #[derive(Deserialize)]
    struct Event<'a> {
        r#type: &'a str,
        #[serde(borrow)]
        object: &'a RawValue,
    }
    let event: Event<'_> = read("watch event", line)?;
    let object = event.object.get().as_bytes();
    Ok(match event.r#type {
        "ADDED" | "MODIFIED" => match fact(kind, object) {
            Ok((fact, version)) => WatchEvent::Applied(Box::new(fact), version),
            Err(undecodable) => WatchEvent::Undecodable(undecodable),
        },
        "DELETED" => {
            let object: Named = read("deleted object", object)?;
            WatchEvent::Deleted {
                key: object.metadata.key(),
                resource_version: object.metadata.version().unwrap_or_default(),
                uid: object.metadata.uid.unwrap_or_default().to_string(),
            }
        }
        "BOOKMARK" => {
            let Bookmark { metadata } = read("bookmark", object)?;
            let version = metadata.version().ok_or_else(|| {
                WireError::Decode("a bookmark without a numeric resourceVersion".to_owned())
            })?;
            match metadata.annotations.unwrap_or_default().initial_events_end.as_deref() {
                Some("true") => WatchEvent::Listed(version),
                _ => WatchEvent::Bookmark(version),
            }
        }
        "ERROR" => WatchEvent::Error(Status::read(http::StatusCode::INTERNAL_SERVER_ERROR, object)),
        other => return Err(WireError::Decode(format!("a watch event of unknown type {other:?}"))),
    })
}

/// The object of a change, if the line is laid out as API servers do it: the type, then the object,
/// and no more. Reading the object is then the only pass over it.
fn changed(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(br#"{"type":""#)?;
    let rest = rest.strip_prefix(b"MODIFIED").or_else(|| rest.strip_prefix(b"ADDED"))?;
    rest.strip_prefix(br#"","object":"#)?.strip_suffix(b"}")
}

fn identity(object: &[u8]) -> Option<Identity> {
    let Named { metadata } = serde_json::from_slice(object).ok()?;
    Some(Identity {
        key: metadata.key(),
        resource_version: metadata.version()?,
        uid: metadata.uid?,
    })
}

/// Reads one slice.
pub fn slice(body: &[u8]) -> Result<EndpointSlice, WireError> {
    let slice: endpoint_slice::EndpointSlice = read("EndpointSlice", body)?;
    slice.into_fact().map(|(slice, _)| slice).map_err(WireError::Decode)
}

/// Reads one Endpoints object.
pub fn endpoints(body: &[u8]) -> Result<Endpoints, WireError> {
    let endpoints: endpoints::Endpoints = read("Endpoints object", body)?;
    endpoints.into_fact().map(|(endpoints, _)| endpoints).map_err(WireError::Decode)
}

/// The body of a write of a slice.
pub fn encode_slice(slice: &EndpointSlice) -> Result<Vec<u8>, WireError> {
    encode(&endpoint_slice::encode(slice))
}

/// The body of a write of Endpoints.
pub fn encode_endpoints(endpoints: &Endpoints) -> Result<Vec<u8>, WireError> {
    encode(&endpoints::encode(endpoints))
}

fn encode(object: &impl Serialize) -> Result<Vec<u8>, WireError> {
    serde_json::to_vec(object)
        .map_err(|error| WireError::Decode(format!("cannot write an object: {error}")))
}

/// Reads one object.
pub fn fact(kind: Kind, object: &[u8]) -> Result<(Fact, ResourceVersion), Undecodable> {
    let narrowed = match kind {
        Kind::Service => typed(object).and_then(|service: service::Service| {
            service.into_fact().map(|(fact, version)| (Fact::Service(fact), version))
        }),
        Kind::Pod => typed(object).and_then(|pod: pod::Pod| {
            pod.into_fact().map(|(fact, version)| (Fact::Pod(fact), version))
        }),
        Kind::Node => typed(object).and_then(|node: node::Node| {
            node.into_fact().map(|(fact, version)| (Fact::Node(fact), version))
        }),
        Kind::EndpointSlice => typed(object).and_then(|slice: endpoint_slice::EndpointSlice| {
            slice.into_fact().map(|(fact, version)| (Fact::EndpointSlice(fact), version))
        }),
        Kind::Endpoints => typed(object).and_then(|endpoints: endpoints::Endpoints| {
            endpoints.into_fact().map(|(fact, version)| (Fact::Endpoints(fact), version))
        }),
        Kind::Namespace => typed(object).and_then(|namespace: namespace::Namespace| {
            namespace.into_fact().map(|(fact, version)| (Fact::Namespace(fact), version))
        }),
        Kind::ServiceCidr => typed(object).and_then(|cidr: service_cidr::ServiceCidr| {
            cidr.into_fact().map(|(fact, version)| (Fact::ServiceCidr(fact), version))
        }),
        Kind::IpAddress => typed(object).and_then(|claim: ip_address::IpAddress| {
            claim.into_fact().map(|(fact, version)| (Fact::IpAddress(fact), version))
        }),
        Kind::ClusterIpPool => typed(object).and_then(|pool: cluster_ip_pool::ClusterIpPool| {
            pool.into_fact().map(|(fact, version)| (Fact::ClusterIpPool(fact), version))
        }),
        Kind::ClusterIpHold => typed(object).and_then(|hold: cluster_ip_hold::ClusterIpHold| {
            hold.into_fact().map(|(fact, version)| (Fact::ClusterIpHold(fact), version))
        }),
    };
    narrowed.map_err(|error| {
        let named: Option<Named> = serde_json::from_slice(object).ok();
        let metadata = named.map(|named| named.metadata).unwrap_or_default();
        Undecodable { kind, key: metadata.key(), resource_version: metadata.version(), error }
    })
}

fn typed<T: DeserializeOwned>(object: &[u8]) -> Result<T, String> {
    serde_json::from_slice(object).map_err(|error| error.to_string())
}

fn read<'a, T: Deserialize<'a>>(what: &str, body: &'a [u8]) -> Result<T, WireError> {
    serde_json::from_slice(body)
        .map_err(|error| WireError::Decode(format!("cannot read a {what}: {error}")))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListMetadata {
    resource_version: Option<String>,
    #[serde(rename = "continue")]
    next: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Bookmark {
    metadata: Metadata<Marks>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Marks {
    #[serde(rename = "k8s.io/initial-events-end")]
    initial_events_end: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: &str = r#"{"metadata":{"namespace":"n","name":"s","uid":"u","resourceVersion":"7"},"addressType":"IPv4"}"#;

    /// What a line tells if one version of an object is known.
    fn told(kind: Kind, line: &str, known: u64) -> String {
        let is_known = |identity: &Identity| identity.resource_version.0 == known;
        match watch_event(kind, line.as_bytes(), is_known) {
            Ok(WatchEvent::Applied(fact, version)) => format!("applied {} {version}", fact.key()),
            Ok(WatchEvent::Known(version)) => format!("known {version}"),
            Ok(WatchEvent::Undecodable(object)) => format!("undecodable {}", object.key),
            Ok(_) => "else".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_change_is_read_whatever_the_layout_of_its_line() {
        for line in [
            format!(r#"{{"type":"MODIFIED","object":{SLICE}}}"#),
            format!(r#"{{"type":"ADDED","object":{SLICE}}}"#),
            format!(r#"{{"object":{SLICE},"type":"ADDED"}}"#),
            format!(r#"{{ "type": "ADDED", "object": {SLICE} }}"#),
            format!(r#"{{"type":"ADDED","object":{SLICE},"more":1}}"#),
        ] {
            assert_eq!(told(Kind::EndpointSlice, &line, 0), "applied n/s 7", "{line}");
        }
    }

    #[test]
    fn what_is_known_is_not_read_again() {
        let line = format!(r#"{{"type":"MODIFIED","object":{SLICE}}}"#);
        assert_eq!(told(Kind::EndpointSlice, &line, 7), "known 7");
        assert_eq!(told(Kind::Pod, &line, 7), "applied n/s 7", "we write no Pods");
    }

    #[test]
    fn an_object_that_cannot_be_read_is_told_apart_from_a_line_that_cannot() {
        let odd = SLICE.replace(r#""IPv4""#, "4");
        let line = format!(r#"{{"type":"MODIFIED","object":{odd}}}"#);
        assert_eq!(told(Kind::EndpointSlice, &line, 0), "undecodable n/s");
        let cut = r#"{"type":"MODIFIED","object":{"metadata":{}"#;
        assert!(told(Kind::EndpointSlice, cut, 0).contains("watch event"));
    }
}
