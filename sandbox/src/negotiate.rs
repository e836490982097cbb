//! In which form an answer is wanted: `Accept`, read from left to right.

use http::header;
use http::request::Parts;

use crate::refusal::Refusal;

/// The media type of objects.
pub const JSON: &str = "application/json";
/// The media type of objects in Kubernetes' protobuf.
pub const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// The media type of objects in YAML.
pub const YAML: &str = "application/yaml";

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The object or list itself.
    Object,
    /// Only its metadata.
    Metadata,
    /// Rows and columns, as kubectl prints them.
    Table(Include),
}

/// What the rows of a table bring along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    /// Nothing.
    None,
    /// The object's metadata.
    Metadata,
    /// The object.
    Object,
}

/// In which language an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

impl Language {
    /// That of the first form named that is served here.
    pub fn wanted(parts: &Parts) -> Self {
        let accepted = accepted(parts);
        match accepted.iter().find(|range| form(range).is_some()) {
            Some(range) if range.media_type == YAML => Language::Yaml,
            _ => Language::Json,
        }
    }
}

impl Form {
    /// The first form named that is served here. Nothing named is the object itself.
    ///
    /// # Errors
    /// 406 if nothing that is named is served.
    pub fn wanted(parts: &Parts) -> Result<Self, Refusal> {
        let accepted = accepted(parts);
        if accepted.is_empty() {
            return Ok(Form::Object);
        }
        let form = accepted.iter().find_map(|range| form(range));
        let form = form.ok_or_else(|| not_acceptable(&accepted))?;
        match form {
            Form::Table(_) => Ok(Form::Table(include(parts)?)),
            other => Ok(other),
        }
    }
}

/// Whether the client knows discovery in one piece.
pub fn wants_aggregated_discovery(parts: &Parts) -> bool {
    let accepted = accepted(parts);
    let first = accepted.iter().find(|range| {
        range.parameter("as") == Some("APIGroupDiscoveryList") || form(range) == Some(Form::Object)
    });
    first.is_some_and(|range| {
        range.parameter("as") == Some("APIGroupDiscoveryList") && range.parameter("v") == Some("v2")
    })
}

/// One element of `Accept`.
struct Range<'a> {
    media_type: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Range<'a> {
    fn read(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or("");
        Self { media_type, parameters: parts.filter_map(|part| part.split_once('=')).collect() }
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

fn accepted(parts: &Parts) -> Vec<Range<'_>> {
    let values = parts.headers.get_all(header::ACCEPT).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts
        .flat_map(|text| text.split(','))
        .filter(|text| !text.trim().is_empty())
        .map(Range::read)
        .collect()
}

fn form(range: &Range<'_>) -> Option<Form> {
    if !matches!(range.media_type, JSON | YAML | "*/*") {
        return None;
    }
    match (range.parameter("as"), range.parameter("v")) {
        (None, _) => Some(Form::Object),
        (Some("Table"), Some("v1")) => Some(Form::Table(Include::Metadata)),
        (Some("PartialObjectMetadata" | "PartialObjectMetadataList"), Some("v1")) => {
            Some(Form::Metadata)
        }
        _ => None,
    }
}

fn include(parts: &Parts) -> Result<Include, Refusal> {
    let query = parts.uri.query().unwrap_or("").as_bytes();
    let said = form_urlencoded::parse(query).find(|(key, _)| key == "includeObject");
    match said.as_ref().map_or("", |(_, value)| value) {
        "" | "Metadata" => Ok(Include::Metadata),
        "Object" => Ok(Include::Object),
        "None" => Ok(Include::None),
        other => Err(Refusal::bad_request(format!(
            "Unable to convert to Table as requested: includeObject: Invalid value: \"{other}\": must be 'Metadata', 'Object', 'None', or empty"
        ))),
    }
}

fn not_acceptable(accepted: &[Range<'_>]) -> Refusal {
    // Of a media type that is known, the form is not.
    let served = [JSON, YAML, PROTOBUF];
    if accepted.iter().any(|range| served.contains(&range.media_type)) {
        Refusal::form(&served)
    } else {
        Refusal::representation(&served)
    }
}
