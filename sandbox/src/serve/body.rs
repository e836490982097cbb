//! What a request brings along.

use serde_json::Value;

use super::event;
use crate::kinds::{Kind, Storage};
use crate::object::text;
use crate::refusal::Refusal;
use crate::request::Ask;

const JSON: &str = "application/json";

/// The object in the body, of the kind that the path names.
///
/// # Errors
/// 415 for a media type that is not read, 400 for what cannot be read or is of another kind.
pub fn object(ask: &Ask) -> Result<Value, Refusal> {
    let object = of_kind(ask, ask.kind.kind, &ask.kind.api_version())?;
    Ok(as_stored(ask.kind, object))
}

/// An object as the client knows it, as it is stored.
pub fn as_stored(kind: &Kind, object: Value) -> Value {
    match kind.storage {
        Storage::Events => event::stored(object),
        Storage::Own | Storage::None => object,
    }
}

/// The object in the body, of a kind that belongs to a part of the path's: a Scale, a Binding.
///
/// # Errors
/// As [`object`].
pub fn of_kind(ask: &Ask, kind: &str, api_version: &str) -> Result<Value, Refusal> {
    if ask.media_type.as_deref().is_some_and(|media_type| media_type != JSON) {
        return Err(Refusal::media_type(&[JSON]));
    }
    let object: Value = serde_json::from_slice(&ask.body).map_err(|error| {
        Refusal::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {error}"
        ))
    })?;
    let said = text(&object, "/kind");
    if !object.is_object() || !said.is_empty() && said != kind {
        return Err(Refusal::bad_request(format!(
            "{said} in version \"{api_version}\" cannot be handled as a {kind}"
        )));
    }
    Ok(object)
}
