//! The kinds that we write: how they look on the wire, in one place for each.

use controller_core::facts::{EndpointSlice, Endpoints, Fact, Object};
use controller_core::key::Kind;

use super::{WireError, json};

/// An object that we write.
pub trait Resource: Object + PartialEq + Sized + Send + Sync {
    /// Its kind.
    const KIND: Kind;
    /// The body of a create or an update.
    fn encode(&self) -> Result<Vec<u8>, WireError>;
    /// The object out of an answer.
    fn decode(body: &[u8]) -> Result<Self, WireError>;
    /// As the index takes it in.
    fn into_fact(self) -> Fact;
}

impl Resource for EndpointSlice {
    const KIND: Kind = Kind::EndpointSlice;

    fn encode(&self) -> Result<Vec<u8>, WireError> {
        json::encode_slice(self)
    }

    fn decode(body: &[u8]) -> Result<Self, WireError> {
        json::slice(body)
    }

    fn into_fact(self) -> Fact {
        Fact::EndpointSlice(self)
    }
}

impl Resource for Endpoints {
    const KIND: Kind = Kind::Endpoints;

    fn encode(&self) -> Result<Vec<u8>, WireError> {
        json::encode_endpoints(self)
    }

    fn decode(body: &[u8]) -> Result<Self, WireError> {
        json::endpoints(body)
    }

    fn into_fact(self) -> Fact {
        Fact::Endpoints(self)
    }
}
