//! `/flagz` and `/statusz`: how the process was started and what it is, for people; and for programs
//! that name the version of the form they understand (KEP-4828, KEP-4827).

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::{Timestamp, Unit};
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::serving::answer::{self, Answer};

const NAME: &str = "roster-controller-manager";
const WARNING: &str = "Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.";
const VERSIONS: [&str; 2] = ["v1beta1", "v1alpha1"];
/// The Kubernetes that we stand in for.
const EMULATED: &str = "1.36";
const PATHS: [&str; 6] = ["/configz", "/flagz", "/healthz", "/livez", "/metrics", "/readyz"];

/// All flags and their values.
pub fn flagz(config: &Config, headers: &HeaderMap) -> Answer {
    match Form::wanted(headers, "Flagz") {
        Some(Form::Text) => {
            let lines = config.flags.iter().map(|(name, value)| format!("{name}={value}\n"));
            page("flagz", &lines.collect::<String>())
        }
        Some(Form::Object(version, format)) => {
            let mut object = object("Flagz", version);
            object.insert("flags".to_owned(), json!(config.flags));
            format.answer("Flagz", version, &Value::Object(object))
        }
        None => answer::not_acceptable(),
    }
}

/// Since when it runs, and which version it is.
pub fn statusz(started: Timestamp, headers: &HeaderMap) -> Answer {
    let up = Timestamp::now().duration_since(started).as_secs().max(0);
    match Form::wanted(headers, "Statusz") {
        Some(Form::Text) => {
            let (hours, minutes, seconds) = (up / 3600, up / 60 % 60, up % 60);
            let lines = [
                format!("Started: {}", started.strftime("%a %b %e %H:%M:%S UTC %Y")),
                format!("Up: {hours} hr {minutes:02} min {seconds:02} sec"),
                format!("Binary version: {}", env!("CARGO_PKG_VERSION")),
                format!("Emulation version: {EMULATED}"),
                format!("Paths: {}", PATHS.join(" ")),
            ];
            page("statusz", &format!("{}\n", lines.join("\n")))
        }
        Some(Form::Object(version, format)) => {
            let mut object = object("Statusz", version);
            let second = started.round(Unit::Second).unwrap_or(started);
            object.insert("startTime".to_owned(), json!(second.to_string()));
            object.insert("uptimeSeconds".to_owned(), json!(up));
            object.insert("binaryVersion".to_owned(), json!(env!("CARGO_PKG_VERSION")));
            object.insert("emulationVersion".to_owned(), json!(EMULATED));
            object.insert("paths".to_owned(), json!(PATHS));
            format.answer("Statusz", version, &Value::Object(object))
        }
        None => answer::not_acceptable(),
    }
}

fn page(title: &str, lines: &str) -> Answer {
    answer::text(StatusCode::OK, format!("\n{NAME} {title}\n{WARNING}\n\n{lines}"))
}

fn object(kind: &str, version: &str) -> Map<String, Value> {
    let head = [
        ("kind", json!(kind)),
        ("apiVersion", json!(format!("config.k8s.io/{version}"))),
        ("metadata", json!({"name": NAME})),
    ];
    head.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// How a page is to look.
#[derive(Debug, PartialEq)]
enum Form {
    Text,
    /// An object of this version.
    Object(&'static str, Format),
}

/// How an object is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Json,
    Yaml,
}

impl Format {
    /// The type says again which object it is.
    fn answer(self, kind: &str, version: &str, object: &Value) -> Answer {
        let (media, text) = match self {
            Format::Json => ("application/json", Some(object.to_string())),
            Format::Yaml => ("application/yaml", serde_saphyr::to_string(object).ok()),
        };
        let content_type = format!("{media};g=config.k8s.io;v={version};as={kind}");
        match (text, HeaderValue::try_from(content_type)) {
            (Some(text), Ok(content_type)) => {
                let mut answer = answer::with(StatusCode::OK, media, text);
                answer.headers_mut().insert(CONTENT_TYPE, content_type);
                answer
            }
            _ => answer::not_acceptable(),
        }
    }
}

impl Form {
    /// The first form that the client takes and there is. An object has to be asked for with group,
    /// version and kind.
    fn wanted(headers: &HeaderMap, kind: &str) -> Option<Self> {
        let Some(accepted) = headers.get(ACCEPT) else {
            return Some(Form::Text);
        };
        accepted.to_str().ok()?.split(',').find_map(|form| Self::read(form, kind))
    }

    fn read(form: &str, kind: &str) -> Option<Self> {
        let mut parts = form.split(';').map(str::trim);
        let format = match parts.next()? {
            "text/plain" | "text/*" | "*/*" => return Some(Form::Text),
            "application/json" => Format::Json,
            "application/yaml" => Format::Yaml,
            _ => return None,
        };
        let parameters: Vec<&str> = parts.collect();
        let asks = |wanted: &str| parameters.contains(&wanted);
        if !asks("g=config.k8s.io") || !asks(&format!("as={kind}")) {
            return None;
        }
        let version = VERSIONS.into_iter().find(|version| asks(&format!("v={version}")))?;
        Some(Form::Object(version, format))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_for_those_who_name_its_version_and_text_for_the_others() {
        let json = "application/json;v=v1beta1;g=config.k8s.io;as=Flagz";
        let cases = [
            ("*/*", Some(Form::Text)),
            ("text/html, */*;q=0.8", Some(Form::Text)),
            (json, Some(Form::Object("v1beta1", Format::Json))),
            (
                "application/json; as=Flagz; g=config.k8s.io; v=v1alpha1",
                Some(Form::Object("v1alpha1", Format::Json)),
            ),
            ("application/json", None),
            ("application/json;v=v2;g=config.k8s.io;as=Flagz", None),
            ("application/json;v=v1beta1;g=config.k8s.io;as=Statusz", None),
            ("text/html", None),
        ];
        for (accepted, wanted) in cases {
            let value = HeaderValue::from_static(accepted);
            let headers = HeaderMap::from_iter([(ACCEPT, value)]);
            assert_eq!(Form::wanted(&headers, "Flagz"), wanted, "{accepted}");
        }
        assert_eq!(Form::wanted(&HeaderMap::new(), "Flagz"), Some(Form::Text));
    }
}
