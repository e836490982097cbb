//! The server as a tower service.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::faults::{Action, Faults, Refused};
use crate::kinds::{KINDS, Kind};
use crate::refusal::Refusal;
use crate::request::{Ask, Verb};
use crate::serve::{self, Reply};
use crate::store::Store;

/// The largest body that is read.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What a sandbox is made with.
pub struct Settings {
    /// Tells the time.
    pub clock: Clock,
    /// For uids and generated names.
    pub seed: u64,
    /// How many changes of each kind watches can go back.
    pub history: usize,
}

/// An API server in memory. Clones are the same server.
#[derive(Clone)]
pub struct Sandbox(Arc<Server>);

/// The body of an answer.
pub type Answer = UnsyncBoxBody<Bytes, Cut>;

/// The connection broke, on command.
#[derive(Debug)]
pub struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the connection broke (a fault made for a test)")
    }
}

impl std::error::Error for Cut {}

/// What all requests share.
pub struct Server {
    /// The objects.
    pub state: Mutex<State>,
    /// What goes wrong.
    pub faults: Faults,
    clock: Clock,
    requests: Mutex<Vec<Served>>,
}

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// When it came, by the sandbox's clock.
    pub at: Timestamp,
    /// What it did.
    pub verb: Verb,
    /// To which kind: `endpointslices`.
    pub plural: &'static str,
    /// To which object: `namespace/name`, as far as the request said.
    pub place: String,
    /// The HTTP status, unless the connection broke.
    pub code: Option<u16>,
}

impl std::fmt::Display for Served {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { verb, plural, place, code, .. } = self;
        let outcome = code.map_or("cut".to_owned(), |code| code.to_string());
        write!(formatter, "{verb} {plural} {place} {outcome}")
    }
}

/// The objects, and what the world gives.
pub struct State {
    /// The objects.
    pub store: Store,
    clock: Clock,
    randomness: StdRng,
}

impl State {
    /// The time, in whole seconds as the API writes it.
    pub fn now(&self) -> String {
        (self.clock)().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The time, so many seconds on.
    pub fn in_seconds(&self, seconds: i64) -> String {
        let later = (self.clock)() + jiff::SignedDuration::from_secs(seconds);
        later.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// A new uid: a random UUID.
    pub fn uid(&mut self) -> String {
        let random: u128 = self.randomness.random();
        // Version 4, variant 1.
        let uuid = random & !(0xf000_u128 << 64) & !(0xc000_u128 << 48)
            | 0x4000_u128 << 64
            | 0x8000_u128 << 48;
        let hex = format!("{uuid:032x}");
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
        parts.map(|part| hex.get(part).unwrap_or("").to_owned()).join("-")
    }

    /// The end of a generated name.
    pub fn suffix(&mut self) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let mut letter = || {
            let place = self.randomness.random_range(0..LETTERS.len());
            char::from(LETTERS.get(place).copied().unwrap_or(b'x'))
        };
        (0..5).map(|_| letter()).collect()
    }
}

impl Sandbox {
    /// A server with nothing in it but the namespaces every cluster has.
    pub fn new(settings: Settings) -> Self {
        let mut state = State {
            store: Store::new(settings.history),
            clock: settings.clock.clone(),
            randomness: StdRng::seed_from_u64(settings.seed),
        };
        serve::found(&mut state);
        Self(Arc::new(Server {
            state: Mutex::new(state),
            faults: Faults::default(),
            clock: settings.clock,
            requests: Mutex::default(),
        }))
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Served> {
        self.0.requests.lock().clone()
    }

    /// Forgets the history of a kind and ends its watches, so that they have to list again.
    pub fn expire(&self, plural: &'static str) {
        self.0.state.lock().store.forget_history(plural);
        self.0.faults.close_watches(plural);
    }

    /// Stores an object as it is, with no rule applied: for what only an older server would have
    /// let in.
    pub fn smuggle(&self, plural: &'static str, object: serde_json::Value) {
        let kind: Option<&Kind> = KINDS.iter().find(|kind| kind.plural == plural);
        if let Some(kind) = kind {
            let mut state = self.0.state.lock();
            state.store.put(kind, object);
            self.tell_watches(state);
        }
    }

    async fn answer<B>(self, request: Request<B>) -> Result<Response<Answer>, Cut>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
            let message = format!("Request entity too large: limit is {LARGEST_BODY}");
            let code = StatusCode::PAYLOAD_TOO_LARGE;
            return Ok(refused(&Refusal::new(code, "RequestEntityTooLarge", message)));
        };
        let ask = match Ask::read(&parts, body.to_bytes()) {
            Ok(ask) => ask,
            Err(refusal) => return Ok(refused(&refusal)),
        };
        let at = (self.0.clock)();
        let fault = self.0.faults.of(&ask);
        let answer = self.act(&ask, fault).await;
        let code = answer.as_ref().ok().map(|response| response.status().as_u16());
        self.0.requests.lock().push(Served {
            at,
            verb: ask.verb,
            plural: ask.kind.plural,
            place: ask.place(),
            code,
        });
        answer
    }

    async fn act(&self, ask: &Ask, fault: Option<Action>) -> Result<Response<Answer>, Cut> {
        match fault {
            None => Ok(self.serve(ask)),
            Some(Action::Delay(time)) => {
                tokio::time::sleep(time).await;
                Ok(self.serve(ask))
            }
            Some(Action::AnswerLate(time)) => {
                let answer = self.serve(ask);
                tokio::time::sleep(time).await;
                Ok(answer)
            }
            Some(Action::Refuse(made_up)) => Ok(made_up_refusal(&made_up)),
            Some(Action::RefuseAfterwards(made_up)) => {
                self.serve(ask);
                Ok(made_up_refusal(&made_up))
            }
            Some(Action::Cut) => {
                self.serve(ask);
                Err(Cut)
            }
            Some(Action::CutBefore) => Err(Cut),
            Some(Action::Garble) => {
                let status = self.serve(ask).status();
                Ok(respond(status, full(b"{\"kind\":".to_vec())))
            }
        }
    }

    fn tell_watches(&self, mut state: MutexGuard<'_, State>) {
        let touched = state.store.take_touched();
        drop(state);
        for plural in touched {
            self.0.faults.signals(plural).news.notify_waiters();
        }
    }

    fn serve(&self, ask: &Ask) -> Response<Answer> {
        let mut state = self.0.state.lock();
        let reply = serve::serve(&mut state, ask);
        self.tell_watches(state);
        match reply {
            Ok(Reply::Object(code, object)) => respond(code, full(object.alone(ask.kind))),
            Ok(Reply::Json(code, body)) => respond(code, full(body)),
            Ok(Reply::Watch(start)) => {
                respond(StatusCode::OK, serve::watch::body(self.0.clone(), ask.kind, start))
            }
            Err(refusal) => refused(&refusal),
        }
    }
}

impl<B> tower::Service<Request<B>> for Sandbox
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Answer>;
    type Error = Cut;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}

fn respond(code: StatusCode, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn refused(refusal: &Refusal) -> Response<Answer> {
    respond(refusal.code, full(json!(refusal.status()).to_string().into_bytes()))
}

fn made_up_refusal(made_up: &Refused) -> Response<Answer> {
    let mut response = refused(&made_up.refusal());
    if let Some(seconds) = made_up.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn full(body: Vec<u8>) -> Answer {
    Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync()
}
