//! The two encodings of the API: protobuf, and JSON for servers that do not have it. Reading is the
//! same from both; each answer says which it is in.

use controller_core::facts::Fact;
use controller_core::key::{Kind, ResourceVersion};
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::{Identity, Page, Resource, Status, WatchEvent, WireError, json, protobuf};

/// How objects are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`.
    Json,
    /// `application/vnd.kubernetes.protobuf`.
    Protobuf,
}

impl Encoding {
    /// What we ask for: protobuf where the server has it.
    pub const ACCEPTED: &str = "application/vnd.kubernetes.protobuf,application/json";

    /// The media type of a body.
    pub const fn media_type(self) -> &'static str {
        match self {
            Encoding::Json => "application/json",
            Encoding::Protobuf => "application/vnd.kubernetes.protobuf",
        }
    }

    /// What an answer is in, by its Content-Type.
    pub fn of(headers: &HeaderMap) -> Self {
        let media_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        match media_type {
            Some(text) if text.starts_with(Encoding::Protobuf.media_type().as_bytes()) => {
                Encoding::Protobuf
            }
            _ => Encoding::Json,
        }
    }

    /// Reads a page of a list.
    pub fn page(self, kind: Kind, body: &[u8]) -> Result<Page, WireError> {
        match self {
            Encoding::Json => json::page(kind, body),
            Encoding::Protobuf => protobuf::page(kind, body),
        }
    }

    /// Reads an event of a watch.
    pub fn watch_event(
        self,
        kind: Kind,
        event: &[u8],
        is_known: impl Fn(&Identity) -> bool,
    ) -> Result<WatchEvent, WireError> {
        match self {
            Encoding::Json => json::watch_event(kind, event.trim_ascii(), is_known),
            Encoding::Protobuf => protobuf::watch_event(kind, event, is_known),
        }
    }

    /// The body of a create or an update.
    pub fn encode<T: Resource>(self, object: &T) -> Result<Vec<u8>, WireError> {
        match self {
            Encoding::Json => object.to_json(),
            Encoding::Protobuf => Ok(object.to_protobuf()),
        }
    }

    /// Reads an object out of an answer.
    pub fn decode<T: Resource>(self, body: &[u8]) -> Result<T, WireError> {
        match self {
            Encoding::Json => T::from_json(body),
            Encoding::Protobuf => T::from_protobuf(body),
        }
    }

    /// Reads one object of any kind.
    pub fn fact(self, kind: Kind, body: &[u8]) -> Result<(Fact, ResourceVersion), WireError> {
        match self {
            Encoding::Json => json::fact(kind, body)
                .map_err(|undecodable| WireError::Decode(format!("{kind}: {}", undecodable.error))),
            Encoding::Protobuf => protobuf::object(kind, body),
        }
    }

    /// Reads a refusal. Whatever it is in, a body that is none is quoted.
    pub fn refusal(self, code: http::StatusCode, body: &[u8]) -> Status {
        let read = match self {
            Encoding::Json => None,
            Encoding::Protobuf => protobuf::status(body),
        };
        read.unwrap_or_else(|| Status::read(code, body))
    }
}
