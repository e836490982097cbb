//! `/debug/flags/v`: how much is logged, changed while the process runs.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};

use crate::logging::Verbosity;
use crate::serving::answer::{self, Answer};

/// No number is longer.
const LONGEST_BODY: usize = 64;

/// Takes a number by PUT.
pub async fn answer<B>(verbosity: &Verbosity, request: Request<B>) -> Answer
where
    B: http_body::Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>,
{
    if request.method() != Method::PUT {
        return plain(StatusCode::NOT_ACCEPTABLE, "unsupported http method\n".to_owned());
    }
    let body = Limited::new(request.into_body(), LONGEST_BODY).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    match text.parse::<u32>() {
        Ok(level) => {
            verbosity.set(level);
            let told = format!("successfully set klog.logging.verbosity to {level}\n");
            plain(StatusCode::OK, told)
        }
        Err(_) => {
            let told = format!("strconv.ParseUint: parsing {text:?}: invalid syntax\n");
            plain(StatusCode::BAD_REQUEST, told)
        }
    }
}

fn plain(code: StatusCode, text: String) -> Answer {
    let mut answer = answer::with(code, "text/plain", text);
    answer::no_guessing(&mut answer);
    answer
}
