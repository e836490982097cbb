//! `/metrics` and `/metrics/slis`.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::metrics::{CONTENT_TYPE, Metrics};
use crate::serving::answer::{self, Answer};

const PROCESS_START: HeaderName = HeaderName::from_static("process-start-time-unix");

/// All metrics, always in the text format, whatever else a client would take.
pub fn all(metrics: &Metrics, headers: &HeaderMap) -> Answer {
    let mut answer = page(metrics.render(), headers);
    if let Some(started) = metrics.process_started() {
        answer.headers_mut().insert(PROCESS_START, HeaderValue::from(started));
    }
    answer
}

/// How health checks went.
pub fn slis(metrics: &Metrics, headers: &HeaderMap) -> Answer {
    page(metrics.render_slis(), headers)
}

fn page(text: String, headers: &HeaderMap) -> Answer {
    match zipped(&text, headers) {
        Some(zipped) => {
            let mut answer = answer::with(StatusCode::OK, CONTENT_TYPE, zipped);
            answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            answer
        }
        None => answer::with(StatusCode::OK, CONTENT_TYPE, text),
    }
}

/// Scrapers take gzip, and the text is a tenth of its size then.
fn zipped(text: &str, headers: &HeaderMap) -> Option<Vec<u8>> {
    let accepted = headers.get(ACCEPT_ENCODING)?.to_str().ok()?;
    let takes_gzip = |coding: &str| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim() == "gzip" && weight.replace(' ', "") != "q=0"
    };
    if !accepted.split(',').any(takes_gzip) {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_zipped_for_whoever_takes_it() {
        let cases = [
            ("gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0", false),
            ("identity", false),
        ];
        for (accepted, wanted) in cases {
            let value = HeaderValue::from_static(accepted);
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value)]);
            assert_eq!(zipped("text", &headers).is_some(), wanted, "{accepted}");
        }
        assert_eq!(zipped("text", &HeaderMap::new()), None);
    }
}
