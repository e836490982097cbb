//! CustomResourceDefinitions, and the objects of the kinds that they define.

pub mod definition;
mod rules;

use serde_json::Value;

use super::body::Said;
use crate::causes::Causes;
use crate::kinds::{Custom, Kind};
use crate::refusal::Refusal;
use crate::schema::custom::fill_in;

/// How much of a body is quoted where it is not quoted whole.
const QUOTED: usize = 30;

/// Fills in what an object does not say and its definition does.
pub fn defaults(custom: &Custom, object: &mut Value) {
    fill_in(&custom.schema, object);
}

/// Checks an object against its definition.
///
/// # Errors
/// 422 with all that is wrong.
pub fn validate(
    kind: &Kind,
    custom: &Custom,
    name: &str,
    before: Option<&Value>,
    object: &Value,
) -> Result<(), Refusal> {
    Refusal::of_object(kind, name, &rules::broken(&custom.rules, before, object))
}

/// An object of a defined kind says what it is, and that is right.
///
/// # Errors
/// 400 if it does not say it or says another version, 422 for another kind.
pub fn identity(kind: &Kind, said: &Said<'_>, object: &Value, body: &str) -> Result<(), Refusal> {
    let expected = kind.api_version();
    if said.kind.is_empty() {
        let start = match body.chars().count() {
            ..=QUOTED => body.to_owned(),
            _ => body.chars().take(QUOTED).chain(" ...".chars()).collect(),
        };
        return Err(Refusal::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): Object 'Kind' is missing in '{body}' ({start})",
            kind.kind
        )));
    }
    if said.api_version != expected {
        return Err(Refusal::bad_request(format!(
            "the API version in the data ({}) does not match the expected API version ({expected})",
            said.api_version
        )));
    }
    if said.kind != kind.kind {
        let mut wrong = Causes::default();
        wrong.invalid("kind", &Value::from(said.kind), &format!("must be {}", kind.kind));
        let name = crate::object::text(object, "/metadata/name");
        return Err(Refusal::of_other_kind(kind, said.kind, name, &wrong));
    }
    Ok(())
}
