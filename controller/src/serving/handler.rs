//! What happens to a request: who asks is found out first, then whether they may, and only then
//! whether there is such a page. A stranger learns nothing but that.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Incoming;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use super::answer::{self, Answer};
use super::authentication::Authenticator;
use super::authorization::{Authorizer, Decision};
use super::listener::Answers;
use super::pages::Pages;
use super::user::User;
use crate::metrics::Metrics;

/// Answers requests.
pub struct Handler {
    /// Knows who asks.
    pub authenticator: Authenticator,
    /// Knows what they may read.
    pub authorizer: Authorizer,
    /// What there is to read.
    pub pages: Pages,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

impl Answers for Handler {
    async fn answer(
        &self,
        request: Request<Incoming>,
        certificates: &[CertificateDer<'_>],
    ) -> Answer {
        let is_head = request.method() == Method::HEAD;
        let mut answer = match self.admit(&request, certificates).await {
            Ok(()) => self.pages.answer(request).await,
            Err(refusal) => *refusal,
        };
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        if is_head {
            without_body(&mut answer);
        }
        answer
    }
}

impl Handler {
    async fn admit<B>(
        &self,
        request: &Request<B>,
        certificates: &[CertificateDer<'_>],
    ) -> Result<(), Box<Answer>> {
        let user = self.authenticate(request, certificates).await?;
        let verb = request.method().as_str().to_ascii_lowercase();
        let path = request.uri().path();
        let started = Instant::now();
        let decision = self.authorizer.decide(&user, &verb, path).await;
        self.metrics.authorized(&decision, started.elapsed());
        match decision {
            Ok(Decision::Allowed) => Ok(()),
            Ok(Decision::NoOpinion(reason) | Decision::Denied(reason)) => {
                let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
                let User { name, .. } = &user;
                let message = format!("User {name:?} cannot {verb} path {path:?}");
                let message = format!("forbidden: {}{reason}", without_markup(&message));
                Err(Box::new(answer::forbidden(&message)))
            }
            Err(error) => {
                let uri = request.uri().path_and_query().map_or(path, |uri| uri.as_str());
                tracing::error!(
                    err = format!("{error:#}"),
                    "Failed to make webhook authorizer request"
                );
                let text = format!("Internal Server Error: {uri:?}: {error:#}");
                let text = format!("{}\n", without_markup(&text));
                Err(Box::new(answer::text(StatusCode::INTERNAL_SERVER_ERROR, text)))
            }
        }
    }

    async fn authenticate<B>(
        &self,
        request: &Request<B>,
        certificates: &[CertificateDer<'_>],
    ) -> Result<User, Box<Answer>> {
        let started = Instant::now();
        let found = self.authenticator.authenticate(request.headers(), certificates).await;
        self.metrics.authenticated(found.as_ref().ok(), started.elapsed());
        found.map_err(|error| {
            tracing::error!(err = format!("{error:#}"), "Unable to authenticate the request");
            Box::new(answer::unauthorized())
        })
    }
}

/// What somebody sent is not to be taken for HTML when it comes back.
fn without_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The headers stay as they would be with the body.
fn without_body(answer: &mut Answer) {
    let length = answer.body().size_hint().exact().unwrap_or_default();
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    *answer.body_mut() = Full::default();
}
