//! The server as a tower service.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use crate::answer;
use crate::encode::Encoding;
use crate::faults::{Action, Faults};
use crate::kinds::Kind;
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::serve::{self, Reply, discovery, form};
use crate::served::{Log, Served};
use crate::state::State;
use crate::tokens::Requester;

/// The largest body that is read.
const LARGEST_BODY: usize = 3 * 1024 * 1024;
/// How long a request waits for a revision that is still to come.
const REVISION_MAY_TAKE: Duration = Duration::from_secs(3);

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
    /// Tells the time.
    pub clock: Clock,
    requests: Log,
}

impl Sandbox {
    /// A server with nothing in it but the namespaces every cluster has.
    pub fn new(settings: Settings) -> Self {
        let mut state = State::new(&settings);
        serve::found(&mut state);
        Self(Arc::new(Server {
            state: Mutex::new(state),
            faults: Faults::default(),
            clock: settings.clock,
            requests: Log::default(),
        }))
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// The revision of the last write.
    pub fn revision(&self) -> u64 {
        self.0.state.lock().store.revision()
    }

    /// Every request so far; the oldest of very many are forgotten.
    pub fn requests(&self) -> Vec<Served> {
        self.0.requests.all()
    }

    /// Forgets the history of a kind and ends its watches, so that they have to list again.
    pub fn expire(&self, plural: &'static str) {
        self.0.state.lock().store.forget_history(plural);
        self.0.faults.close_watches(plural);
    }

    /// Is done with the next change of one of these kinds.
    pub(crate) fn news(&self, kinds: &[&Kind]) -> BoxFuture<'static, ()> {
        let signals = kinds.iter().map(|kind| self.0.faults.signals(kind.collection()));
        let waiting = signals.map(|signals| {
            // From here on no news is missed, even before it is waited for.
            let mut news = Box::pin(async move {
                let mut news = std::pin::pin!(signals.news.notified());
                news.as_mut().enable();
                news.await;
            });
            let _ = futures::FutureExt::now_or_never(&mut news);
            news
        });
        let any = futures::future::select_all(waiting);
        Box::pin(async move {
            any.await;
        })
    }

    /// Ends all watches, in good order.
    pub fn close_watches(&self) {
        self.0.faults.close_all_watches();
    }

    /// Stores an object as it is, with no rule applied: for what only an older server would have
    /// let in.
    pub fn smuggle(&self, plural: &'static str, object: serde_json::Value) {
        let mut state = self.0.state.lock();
        let kind = state.kinds.all().find(|kind| kind.plural == plural);
        if let Some(kind) = kind {
            state.store.put(kind, object);
            self.tell_watches(state);
        }
    }

    /// The objects, locked. Watches learn of changes only from [`Self::tell_watches`].
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }

    /// Who a token stands for, if it was given out here.
    pub(crate) fn authenticate(&self, token: &str) -> Option<Requester> {
        serve::review::authenticate(&self.state(), token).map(|(requester, _)| requester)
    }

    async fn answer<B>(self, request: Request<B>) -> Result<Response<Answer>, Cut>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let encoding = Encoding::wanted(&parts);
        encoding.write(self.answer_in_json(parts, body).await?).await
    }

    async fn answer_in_json<B>(self, parts: Parts, body: B) -> Result<Response<Answer>, Cut>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let kinds = self.state().kinds.clone();
        if let Some(page) = discovery::page(&parts, &kinds) {
            return Ok(answer::page(page, &parts.headers));
        }
        let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
            let message = format!("Request entity too large: limit is {LARGEST_BODY}");
            let code = StatusCode::PAYLOAD_TOO_LARGE;
            return Ok(answer::refused(&Refusal::new(code, "RequestEntityTooLarge", message)));
        };
        let ask = match Ask::read(&parts, body.to_bytes(), &kinds) {
            Ok(ask) => ask,
            Err(refusal) => return Ok(answer::refused(&refusal)),
        };
        let at = (self.0.clock)();
        let fault = self.0.faults.of(&ask);
        let answer = self.act(&ask, fault).await;
        let code = answer.as_ref().ok().map(|response| response.status().as_u16());
        self.0.requests.add(Served {
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
            None => {
                self.until_current(ask).await;
                Ok(self.serve(ask))
            }
            Some(Action::Delay(time)) => {
                tokio::time::sleep(time).await;
                Ok(self.serve(ask))
            }
            Some(Action::AnswerLate(time)) => {
                let answer = self.serve(ask);
                tokio::time::sleep(time).await;
                Ok(answer)
            }
            Some(Action::Refuse(made_up)) => Ok(answer::made_up(&made_up)),
            Some(Action::RefuseAfterwards(made_up)) => {
                self.serve(ask);
                Ok(answer::made_up(&made_up))
            }
            Some(Action::Cut) => {
                self.serve(ask);
                Err(Cut)
            }
            Some(Action::CutBefore) => Err(Cut),
            Some(Action::AsOf(revision)) => Ok(self.serve(&ask.at_revision(revision))),
            Some(Action::Garble) => {
                let status = self.serve(ask).status();
                Ok(answer::json(status, b"{\"kind\":".to_vec()))
            }
        }
    }

    /// Waits for the revision that a request needs, which may still come, but not for ever.
    async fn until_current(&self, ask: &Ask) {
        let Some(revision) = serve::revision_needed(ask) else {
            return;
        };
        let deadline = tokio::time::Instant::now() + REVISION_MAY_TAKE;
        loop {
            let kinds: Vec<&Kind> = self.state().kinds.all().collect();
            let news = self.news(&kinds);
            if self.state().store.revision() >= revision
                || tokio::time::timeout_at(deadline, news).await.is_err()
            {
                return;
            }
        }
    }

    /// Unlocks the objects, and wakes the watches of what was changed.
    pub(crate) fn tell_watches(&self, mut state: MutexGuard<'_, State>) {
        let touched = state.store.take_touched();
        drop(state);
        for plural in touched {
            self.0.faults.signals(plural).news.notify_waiters();
        }
    }

    /// Answers a request, with no fault.
    pub(crate) fn serve(&self, ask: &Ask) -> Response<Answer> {
        let mut state = self.0.state.lock();
        let reply = serve::serve(&mut state, ask);
        let now = (self.0.clock)();
        let warnings = std::mem::take(&mut state.warnings);
        self.tell_watches(state);
        let response = match reply {
            Ok(Reply::Object(code, object)) => {
                answer::json(code, form::one(ask.form, ask.kind, &object, now))
            }
            Ok(Reply::Json(code, body)) => answer::json(code, body),
            Ok(Reply::Watch(start)) => {
                let body = serve::watch::body(self.0.clone(), ask.kind, start);
                answer::respond(StatusCode::OK, answer::JSON, body)
            }
            Err(refusal) => answer::refused(&refusal),
        };
        answer::warning(response, warnings)
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
