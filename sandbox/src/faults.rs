//! What goes wrong on command. Rules are matched in the order in which they were added, each as
//! often as it says; watches of a kind can be held, closed, and made to lose their history.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::refusal::Refusal;
use crate::request::{Ask, Verb};

/// A rule: which requests go wrong, how often, and how.
#[derive(Clone, Debug)]
pub struct Fault {
    verb: Verb,
    plural: &'static str,
    times: usize,
    action: Action,
}

/// How a request goes wrong.
#[derive(Clone, Debug)]
pub enum Action {
    /// It takes this long, and then succeeds.
    Delay(Duration),
    /// It takes effect at once, and is answered this much later.
    AnswerLate(Duration),
    /// It is refused and has no effect.
    Refuse(Refused),
    /// It takes effect, and then the answer says that it was refused.
    RefuseAfterwards(Refused),
    /// It takes effect, and the connection breaks before the answer.
    Cut,
    /// The connection breaks before it takes effect.
    CutBefore,
    /// It succeeds, and the answer is no JSON.
    Garble,
    /// It is a list, and shows what was there at a revision, as a server does that lags behind.
    AsOf(u64),
}

/// A refusal made up for a test.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The HTTP status.
    pub code: StatusCode,
    /// The API's word for it.
    pub reason: &'static str,
    /// What the message says.
    pub message: String,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
}

impl Fault {
    /// A fault of the next request of this kind.
    pub fn of(verb: Verb, plural: &'static str, action: Action) -> Self {
        Self { verb, plural, times: 1, action }
    }

    /// So many in a row.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    fn matches(&self, ask: &Ask) -> bool {
        self.verb == ask.verb && self.plural == ask.kind.plural && self.times > 0
    }
}

impl Action {
    /// Is refused with a code and a reason, and has no effect.
    pub fn refuse(code: u16, reason: &'static str) -> Self {
        Action::Refuse(Refused::with(code, reason))
    }
}

impl Refused {
    /// A refusal with a code and a reason.
    pub fn with(code: u16, reason: &'static str) -> Self {
        let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message =
            format!("{} (a fault made for a test)", code.canonical_reason().unwrap_or(""));
        Self { code, reason, message, retry_after: None }
    }

    pub(crate) fn refusal(&self) -> Refusal {
        Refusal::new(self.code, self.reason, self.message.clone())
    }
}

/// What the watches of a kind do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchState {
    /// Nothing is sent.
    pub held: bool,
    /// How many times all watches were closed.
    pub closed: usize,
}

/// What the watches of a kind wait for. They are woken in the order in which they began to wait.
#[derive(Default)]
pub struct Signals {
    /// There is a change, or the state is another.
    pub news: Notify,
    state: Mutex<WatchState>,
}

impl Signals {
    /// What the watches do now.
    pub fn state(&self) -> WatchState {
        *self.state.lock()
    }

    fn change(&self, change: impl FnOnce(&mut WatchState)) {
        change(&mut self.state.lock());
        self.news.notify_waiters();
    }
}

/// Everything that goes wrong.
#[derive(Default)]
pub struct Faults {
    rules: Mutex<Vec<Fault>>,
    signals: Mutex<BTreeMap<&'static str, Arc<Signals>>>,
}

impl Faults {
    /// Adds a rule.
    pub fn add(&self, fault: Fault) {
        self.rules.lock().push(fault);
    }

    /// Drops all rules that have not fired as often as they say.
    pub fn clear(&self) {
        self.rules.lock().clear();
    }

    /// Sends nothing more to the watches of a kind, until they are released.
    pub fn hold_watches(&self, plural: &'static str) {
        self.signal(plural, |state| state.held = true);
    }

    /// Sends what was held.
    pub fn release_watches(&self, plural: &'static str) {
        self.signal(plural, |state| state.held = false);
    }

    /// Ends all watches of a kind, in good order.
    pub fn close_watches(&self, plural: &'static str) {
        self.signal(plural, |state| state.closed += 1);
    }

    /// Ends all watches.
    pub(crate) fn close_all_watches(&self) {
        for signals in self.signals.lock().values() {
            signals.change(|state| state.closed += 1);
        }
    }

    pub(crate) fn of(&self, ask: &Ask) -> Option<Action> {
        let mut rules = self.rules.lock();
        let fault = rules.iter_mut().find(|fault| fault.matches(ask))?;
        fault.times -= 1;
        Some(fault.action.clone())
    }

    /// What the watches of a kind wait for.
    pub(crate) fn signals(&self, collection: &'static str) -> Arc<Signals> {
        self.signals.lock().entry(collection).or_default().clone()
    }

    fn signal(&self, plural: &'static str, change: impl FnOnce(&mut WatchState)) {
        self.signals(plural).change(change);
    }
}
