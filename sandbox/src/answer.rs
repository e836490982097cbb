//! Answers as HTTP responses.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};

use crate::faults::Refused;
use crate::refusal::Refusal;
use crate::sandbox::Answer;
use crate::serve::discovery::Page;

/// The media type of objects.
pub const JSON: &str = "application/json";

/// An answer with a body.
pub fn respond(code: StatusCode, media_type: &'static str, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// An answer in JSON.
pub fn json(code: StatusCode, body: Vec<u8>) -> Response<Answer> {
    respond(code, JSON, full(body))
}

/// An answer that warns: `299 - "text"`, once for each text.
pub fn warning(mut response: Response<Answer>, warnings: Vec<String>) -> Response<Answer> {
    for text in warnings {
        let quoted = serde_json::Value::from(text).to_string();
        if let Ok(value) = HeaderValue::from_str(&format!("299 - {quoted}")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}

/// A refusal.
pub fn refused(refusal: &Refusal) -> Response<Answer> {
    json(refusal.code, refusal.status().to_string().into_bytes())
}

/// A refusal made up for a test.
pub fn made_up(made_up: &Refused) -> Response<Answer> {
    let mut response = refused(&made_up.refusal());
    if let Some(seconds) = made_up.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A page beside the objects; without its body if the client has it already.
pub fn page(page: Page, asked: &HeaderMap) -> Response<Answer> {
    let tag = page.etag.and_then(|tag| HeaderValue::from_str(&tag).ok());
    let known = tag.is_some() && asked.get(header::IF_NONE_MATCH) == tag.as_ref();
    let mut response = if known {
        respond(StatusCode::NOT_MODIFIED, page.media_type, full(Vec::new()))
    } else {
        respond(page.code, page.media_type, full(page.body.into_bytes()))
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(tag) = tag {
        headers.insert(header::ETAG, tag);
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
    }
    response
}

/// A body that is there already.
pub fn full(body: Vec<u8>) -> Answer {
    Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync()
}
