//! How an answer is written out: in YAML for who asks for that, and packed if it is large and the
//! client unpacks. Watches are neither.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::request::Parts;
use http::{HeaderValue, Response, header};
use http_body::Body;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::answer::full;
use crate::negotiate::{JSON, Language, YAML};
use crate::sandbox::{Answer, Cut};

/// What is no longer than this is not worth packing.
const LARGE: usize = 128 << 10;

/// How a client wants to have its answer.
pub struct Encoding {
    language: Language,
    unpacks: bool,
}

impl Encoding {
    /// What a request asks for.
    pub fn wanted(parts: &Parts) -> Self {
        let accepted = parts.headers.get(header::ACCEPT_ENCODING);
        let accepted = accepted.and_then(|value| value.to_str().ok()).unwrap_or("");
        // As kube-apiserver reads it: with no regard to weights.
        let unpacks = accepted.split(',').any(|name| name.trim() == "gzip");
        Self { language: Language::wanted(parts), unpacks }
    }

    /// Writes an answer out.
    ///
    /// # Errors
    /// If the connection is to break.
    pub async fn write(&self, response: Response<Answer>) -> Result<Response<Answer>, Cut> {
        // A stream has no length.
        let Some(length) = response.body().size_hint().exact() else {
            return Ok(response);
        };
        if self.language == Language::Json && !(self.unpacks && length > LARGE as u64) {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let mut body: Vec<u8> = body.collect().await?.to_bytes().into();
        let is_json = parts.headers.get(header::CONTENT_TYPE).is_some_and(|found| found == JSON);
        if is_json
            && self.language == Language::Yaml
            && let Some(yaml) = in_yaml(&body)
        {
            body = yaml;
            parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(YAML));
        }
        // What has a tag is kept by the client, and is sent as it is.
        if self.unpacks
            && body.len() > LARGE
            && !parts.headers.contains_key(header::ETAG)
            && let Ok(packed) = packed(&body)
        {
            body = packed;
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        Ok(Response::from_parts(parts, full(body)))
    }
}

fn in_yaml(json: &[u8]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(json).ok()?;
    value.sort_all_objects();
    serde_saphyr::to_string(&value).ok().map(String::into_bytes)
}

fn packed(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(body)?;
    packer.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test fails by panicking
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_looks_like_something_else_is_still_a_text_in_yaml() {
        let texts = [
            "",
            "80",
            "1e3",
            "0x1f",
            "true",
            "no",
            "y",
            "null",
            "~",
            "2026-01-02T03:04:05Z",
            "- a",
            "a: b",
            "#",
            "'",
            "\"",
            "{",
            "two\nlines\n",
            " edges ",
            "\t",
            "é",
            "a\u{0}b",
            ".inf",
        ];
        let value = json!({"texts": texts, "map": {"80": 80, "true": true, "": null, "f": 0.5}});
        let yaml = in_yaml(value.to_string().as_bytes()).unwrap();
        let read: Value = serde_saphyr::from_str(std::str::from_utf8(&yaml).unwrap()).unwrap();
        assert_eq!(read, value);
    }
}
