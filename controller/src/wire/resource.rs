//! The kinds that we write: how they look on the wire, in one place for each.

use controller_core::facts::{EndpointSlice, Endpoints, Fact, Object};
use controller_core::key::Kind;

use super::{WireError, json, protobuf};

/// An object that we write.
pub trait Resource: Object + PartialEq + Sized + Send + Sync {
    /// Its kind.
    const KIND: Kind;
    /// The body of a create or an update in JSON.
    fn to_json(&self) -> Result<Vec<u8>, WireError>;
    /// The same in protobuf.
    fn to_protobuf(&self) -> Vec<u8>;
    /// The object out of an answer in JSON.
    fn from_json(body: &[u8]) -> Result<Self, WireError>;
    /// The same in protobuf.
    fn from_protobuf(body: &[u8]) -> Result<Self, WireError>;
    /// As the index takes it in.
    fn into_fact(self) -> Fact;
}

impl Resource for EndpointSlice {
    const KIND: Kind = Kind::EndpointSlice;

    fn to_json(&self) -> Result<Vec<u8>, WireError> {
        json::encode_slice(self)
    }

    fn to_protobuf(&self) -> Vec<u8> {
        protobuf::encode_slice(self)
    }

    fn from_json(body: &[u8]) -> Result<Self, WireError> {
        json::slice(body)
    }

    fn from_protobuf(body: &[u8]) -> Result<Self, WireError> {
        protobuf::slice(body)
    }

    fn into_fact(self) -> Fact {
        Fact::EndpointSlice(self)
    }
}

impl Resource for Endpoints {
    const KIND: Kind = Kind::Endpoints;

    fn to_json(&self) -> Result<Vec<u8>, WireError> {
        json::encode_endpoints(self)
    }

    fn to_protobuf(&self) -> Vec<u8> {
        protobuf::encode_endpoints(self)
    }

    fn from_json(body: &[u8]) -> Result<Self, WireError> {
        json::endpoints(body)
    }

    fn from_protobuf(body: &[u8]) -> Result<Self, WireError> {
        protobuf::endpoints(body)
    }

    fn into_fact(self) -> Fact {
        Fact::Endpoints(self)
    }
}
