//! What a request brings along: JSON, YAML or protobuf.

use serde_json::{Value, json};

use super::event;
use crate::kinds::{Kind, Storage};
use crate::negotiate::{JSON, PROTOBUF, YAML};
use crate::object::text;
use crate::protobuf;
use crate::refusal::Refusal;
use crate::request::{Ask, FieldValidation};
use crate::schema::Schema;
use crate::schema::builtin::{self, META};
use crate::schema::reading::{self, Read, Types};
use crate::state::State;

/// The object in the body, of the kind that the path names, as it is stored.
///
/// # Errors
/// 415 for a media type that is not read, 400 for what cannot be read or is of another kind.
pub fn object(state: &mut State, ask: &Ask) -> Result<Value, Refusal> {
    let object = of_kind(state, ask, ask.kind.kind, &ask.kind.api_version())?;
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
pub fn of_kind(
    state: &mut State,
    ask: &Ask,
    kind: &str,
    api_version: &str,
) -> Result<Value, Refusal> {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    let schema = builtin::schema(&builtin::message_of(group, version, kind));
    let read = decoded(ask, kind, schema)?;
    let said = |field, otherwise| match text(&read.value, field) {
        "" => otherwise,
        said => said,
    };
    let (said_version, said_kind) = (said("/apiVersion", api_version), said("/kind", kind));
    let short = said_version.rsplit('/').next().unwrap_or(said_version);
    let cannot = |why: String| {
        Refusal::bad_request(format!(
            "{said_kind} in version \"{short}\" cannot be handled as a {kind}: {why}"
        ))
    };
    if said_version != api_version {
        let why = format!("no kind \"{said_kind}\" is registered for version \"{said_version}\"");
        return Err(cannot(why));
    }
    if said_kind != kind {
        let internal = if api_version == "v1" { "core" } else { short };
        let why =
            format!("converting ({short}.{said_kind}) to ({internal}.{kind}): unknown conversion");
        return Err(cannot(why));
    }
    if let Some(why) = read.wrong {
        return Err(cannot(why));
    }
    match FieldValidation::of(ask)? {
        FieldValidation::Strict if !read.findings.is_empty() => {
            Err(cannot(format!("strict decoding error: {}", read.findings.join(", "))))
        }
        FieldValidation::Warn => {
            state.warnings.extend(read.findings);
            Ok(read.value)
        }
        FieldValidation::Strict | FieldValidation::Ignore => Ok(read.value),
    }
}

/// The options of a deletion. They come under the version of any group; none are `{}`.
///
/// # Errors
/// As [`object`].
pub fn delete_options(ask: &Ask) -> Result<Value, Refusal> {
    if ask.body.is_empty() {
        return Ok(json!({}));
    }
    let schema = builtin::schema(&format!("{META}.DeleteOptions"));
    let options = decoded(ask, "DeleteOptions", schema)?.value;
    match text(&options, "/kind") {
        "" | "DeleteOptions" => Ok(options),
        other => Err(Refusal::bad_request(format!(
            "{other} in version \"{}\" cannot be handled as a DeleteOptions",
            text(&options, "/apiVersion")
        ))),
    }
}

fn decoded(ask: &Ask, kind: &str, schema: &Schema) -> Result<Read, Refusal> {
    let unrecognized = |why: String| {
        Refusal::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): {why}"
        ))
    };
    let no_json = |why| unrecognized(format!("couldn't get version/kind; json parse error: {why}"));
    let read = match ask.media_type.as_deref() {
        None | Some(JSON) => {
            let mut deserializer = serde_json::Deserializer::from_slice(&ask.body);
            let read = reading::read(schema, Types::Checked, &mut deserializer);
            let read = read.map_err(|error| no_json(error.to_string()))?;
            deserializer.end().map_err(|error| no_json(error.to_string()))?;
            read
        }
        Some(YAML) => {
            let text = String::from_utf8_lossy(&ask.body);
            let value = serde_saphyr::from_str(&text)
                .map_err(|error| unrecognized(format!("error converting YAML to JSON: {error}")))?;
            reading::read_value(schema, Types::Checked, value)
        }
        Some(PROTOBUF) => {
            let value = protobuf::object(&ask.body).map_err(|_| {
                unrecognized("it is no protobuf of a kind that is known".to_owned())
            })?;
            reading::read_value(schema, Types::Checked, value)
        }
        Some(_) => return Err(Refusal::media_type(&[JSON, YAML, PROTOBUF])),
    };
    if read.value.is_object() {
        return Ok(read);
    }
    Err(no_json("json: cannot unmarshal into an object".to_owned()))
}
