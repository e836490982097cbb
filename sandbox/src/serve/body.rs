//! What a request brings along: JSON, YAML or protobuf.

use serde_json::{Value, json};

use super::{custom, event};
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
    match ask.kind.custom {
        Some(_) => custom_object(state, ask),
        None => {
            let object = of_kind(state, ask, ask.kind.kind, &ask.kind.api_version())?;
            Ok(as_stored(ask.kind, object))
        }
    }
}

/// The kind and the version that a body says it is of.
pub struct Said<'a> {
    /// The kind.
    pub kind: &'a str,
    /// The version, with its group.
    pub api_version: &'a str,
}

/// An object of a defined kind. It may have values of the wrong types: its definition tells them.
fn custom_object(state: &mut State, ask: &Ask) -> Result<Value, Refusal> {
    if ask.media_type.as_deref() == Some(PROTOBUF) {
        return Err(Refusal::media_type(&[JSON, YAML]));
    }
    let read = decoded(ask, ask.kind.kind, ask.kind.schema(), Types::Kept)?;
    let said =
        Said { kind: text(&read.value, "/kind"), api_version: text(&read.value, "/apiVersion") };
    custom::identity(ask.kind, &said, &read.value, &String::from_utf8_lossy(&ask.body))?;
    let mut read = with_metadata_checked(read);
    // They are told in the order in which Go sorts what it has dropped.
    read.findings.sort();
    accepted(state, ask, read, |why| {
        cannot_be_handled(ask.kind.kind, ask.kind.version, ask.kind.kind, &why)
    })
}

/// Metadata is everybody's, and its types are checked for everybody.
fn with_metadata_checked(mut read: Read) -> Read {
    if let Some(metadata) = read.value.get_mut("metadata") {
        let schema = builtin::schema(&format!("{META}.ObjectMeta"));
        let checked = reading::read_value(schema, Types::Checked, metadata.take());
        *metadata = checked.value;
        read.wrong = checked.wrong;
    }
    read
}

/// Reads an object that is decoded already, as its kind has fields for it.
pub fn read_value(kind: &Kind, value: Value) -> Read {
    match kind.custom {
        Some(_) => with_metadata_checked(reading::read_value(kind.schema(), Types::Kept, value)),
        None => reading::read_value(kind.schema(), Types::Checked, value),
    }
}

/// What was read, unless something is wrong with it.
pub fn accepted(
    state: &mut State,
    ask: &Ask,
    read: Read,
    refusal: impl Fn(String) -> Refusal,
) -> Result<Value, Refusal> {
    if let Some(why) = read.wrong {
        return Err(refusal(why));
    }
    match FieldValidation::of(ask)? {
        FieldValidation::Strict if !read.findings.is_empty() => {
            Err(refusal(format!("strict decoding error: {}", read.findings.join(", "))))
        }
        FieldValidation::Warn => {
            state.warnings.extend(read.findings);
            Ok(read.value)
        }
        FieldValidation::Strict | FieldValidation::Ignore => Ok(read.value),
    }
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
    let read = decoded(ask, kind, schema, Types::Checked)?;
    let said = |field, otherwise| match text(&read.value, field) {
        "" => otherwise,
        said => said,
    };
    let (said_version, said_kind) = (said("/apiVersion", api_version), said("/kind", kind));
    let short = said_version.rsplit('/').next().unwrap_or(said_version);
    let cannot = |why: String| cannot_be_handled(said_kind, short, kind, &why);
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
    let (said_kind, short) = (said_kind.to_owned(), short.to_owned());
    accepted(state, ask, read, |why| cannot_be_handled(&said_kind, &short, kind, &why))
}

fn cannot_be_handled(said: &str, version: &str, kind: &str, why: &str) -> Refusal {
    Refusal::bad_request(format!(
        "{said} in version \"{version}\" cannot be handled as a {kind}: {why}"
    ))
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
    let options = decoded(ask, "DeleteOptions", schema, Types::Checked)?.value;
    match text(&options, "/kind") {
        "" | "DeleteOptions" => Ok(options),
        other => Err(Refusal::bad_request(format!(
            "no kind \"{other}\" is registered for version \"{}\" in scheme \"pkg/runtime/scheme.go:111\"",
            text(&options, "/apiVersion")
        ))),
    }
}

fn decoded(ask: &Ask, kind: &str, schema: &Schema, types: Types) -> Result<Read, Refusal> {
    let unrecognized = |why: String| {
        Refusal::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): {why}"
        ))
    };
    let no_json = |why| unrecognized(format!("couldn't get version/kind; json parse error: {why}"));
    let read = match ask.media_type.as_deref() {
        None | Some(JSON) => {
            let mut deserializer = serde_json::Deserializer::from_slice(&ask.body);
            let read = reading::read(schema, types, &mut deserializer);
            let read = read.map_err(|error| no_json(error.to_string()))?;
            deserializer.end().map_err(|error| no_json(error.to_string()))?;
            read
        }
        Some(YAML) => {
            let text = String::from_utf8_lossy(&ask.body);
            let documents: Vec<Value> = serde_saphyr::from_multiple(&text)
                .map_err(|error| unrecognized(format!("yaml: {error}")))?;
            // Of many documents the first counts; nothing is an object with nothing in it.
            let first = documents.into_iter().next().unwrap_or(json!({}));
            reading::read_value(schema, types, first)
        }
        Some(PROTOBUF) => {
            let value = protobuf::object(&ask.body).map_err(|_| {
                unrecognized("it is no protobuf of a kind that is known".to_owned())
            })?;
            reading::read_value(schema, types, value)
        }
        Some(_) => return Err(Refusal::media_type(&[JSON, YAML, PROTOBUF])),
    };
    if read.value.is_object() {
        return Ok(read);
    }
    Err(no_json("json: cannot unmarshal into an object".to_owned()))
}
