//! From an HTTP request to its answer, in less time than the API server waits.

use std::sync::Arc;
use std::time::Duration;

use controller_core::cluster_ip::admission::{Admission, Gift};
use http::{Method, Request as HttpRequest, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use rustls::pki_types::CertificateDer;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::PATH;
use super::chooser::Chooser;
use super::request::{Effect, NewService, Request};
use super::response;
use crate::metrics::{Metrics, Verdict};
use crate::serving::answer::{self, Answer};
use crate::serving::{Answers, Reloaded, Verifier};

/// The largest request that is read. API servers take objects of 3 MB, and a review holds one.
const LARGEST: usize = 4 << 20;
/// How many requests are read and answered at a time, so that large ones do not need all memory.
const AT_ONCE: usize = 64;
/// How long API servers wait where the request does not say.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The part of that in which we want to have answered.
const HASTE: f64 = 0.8;

/// Answers AdmissionReviews of Services.
pub struct Webhook {
    chooser: Chooser,
    callers: Option<Reloaded<Verifier>>,
    metrics: Arc<Metrics>,
    places: Semaphore,
}

impl Webhook {
    /// Chooses by one, for those that authorities stand behind; for everybody if there are none.
    pub fn new(
        chooser: Chooser,
        callers: Option<Reloaded<Verifier>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { chooser, callers, metrics, places: Semaphore::new(AT_ONCE) }
    }
}

impl Answers for Webhook {
    async fn answer(
        &self,
        request: HttpRequest<Incoming>,
        certificates: &[CertificateDer<'_>],
    ) -> Answer {
        if !self.knows(certificates) {
            return answer::unauthorized();
        }
        if (request.method(), request.uri().path()) != (&Method::POST, PATH) {
            return answer::not_found();
        }
        let started = Instant::now();
        let patience = patience(request.uri().query());
        let answered = tokio::time::timeout(patience, self.review(request, started, patience));
        let (verdict, answer) = answered.await.unwrap_or_else(|_| {
            let text = "the request did not arrive in time\n";
            (Verdict::Error, answer::text(StatusCode::REQUEST_TIMEOUT, text))
        });
        self.metrics.reviewed(verdict, started.elapsed());
        answer
    }
}

impl Webhook {
    fn knows(&self, certificates: &[CertificateDer<'_>]) -> bool {
        let believed = |callers: &Reloaded<Verifier>| {
            matches!(callers.current().subject(certificates), Ok(Some(_)))
        };
        self.callers.as_ref().is_none_or(believed)
    }

    async fn review(
        &self,
        request: HttpRequest<Incoming>,
        started: Instant,
        patience: Duration,
    ) -> (Verdict, Answer) {
        let error = |code, text: String| (Verdict::Error, answer::text(code, text));
        // Without a complete picture nothing is decided; failurePolicy says what comes of that.
        if !self.chooser.is_ready() {
            let text = "not everything has been listed yet\n".to_owned();
            return error(StatusCode::SERVICE_UNAVAILABLE, text);
        }
        // The semaphore is never closed.
        let _place = self.places.acquire().await.ok();
        let body = match Limited::new(request.into_body(), LARGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return error(StatusCode::PAYLOAD_TOO_LARGE, "too large\n".to_owned()),
        };
        let request = match Request::read(&body) {
            Ok(request) => request,
            Err(problem) => {
                let text = format!("this is no AdmissionReview: {problem}\n");
                return error(StatusCode::BAD_REQUEST, text);
            }
        };
        self.decide(&request, started + patience.mul_f64(HASTE)).await
    }

    async fn decide(&self, request: &Request, deadline: Instant) -> (Verdict, Answer) {
        let uid = &request.uid;
        let pass = (Verdict::Passed, response::allowed(uid));
        let Some(service) = &request.service else {
            return pass;
        };
        match self.chooser.judge(&service.fact).await {
            Admission::Pass => pass,
            Admission::Refuse(refused) => {
                (Verdict::Refused, response::refused(uid, &refused.to_string()))
            }
            // What the API server shows of a trial is no address that anybody could have.
            Admission::Give(_) if request.effect == Effect::Trial => pass,
            Admission::Give(gift) => self.give(uid, service, &gift, deadline).await,
        }
    }

    async fn give(
        &self,
        uid: &str,
        service: &NewService,
        gift: &Gift,
        deadline: Instant,
    ) -> (Verdict, Answer) {
        let chosen = self.chooser.choose(uid, service, gift);
        let chosen = tokio::time::timeout_at(deadline, chosen)
            .await
            .unwrap_or_else(|_| Err("the address could not be held in time; try again".to_owned()));
        let key = &service.fact.key;
        match chosen {
            Ok(chosen) => {
                tracing::debug!(service = %key, ?chosen.addresses, "Chose ClusterIPs");
                (Verdict::Given, response::allowed_with(uid, &chosen, &service.object))
            }
            Err(problem) if gift.is_bound() => {
                (Verdict::Refused, response::refused(uid, &format!("Service {key}: {problem}")))
            }
            Err(problem) => {
                tracing::debug!(service = %key, problem, "Left ClusterIPs to the API server");
                (Verdict::Left, response::allowed(uid))
            }
        }
    }
}

/// How long the API server waits for us: `?timeout=3s`.
fn patience(query: Option<&str>) -> Duration {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let given = pairs.find(|(name, _)| name == "timeout");
    let seconds = given.and_then(|(_, text)| text.strip_suffix('s')?.parse::<u64>().ok());
    seconds.map_or(TIMEOUT, |seconds| Duration::from_secs(seconds).min(Duration::from_secs(30)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_server_says_how_long_it_waits() {
        assert_eq!(patience(Some("timeout=3s")), Duration::from_secs(3));
        for odd in [None, Some(""), Some("timeout=soon"), Some("other=3s")] {
            assert_eq!(patience(odd), TIMEOUT, "{odd:?}");
        }
    }
}
