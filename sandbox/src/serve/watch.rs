//! Watches: each reads the history at its own pace, so that a slow one costs the others nothing
//! and is told to list again when what it missed is forgotten.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::table::Header;
use super::{Reply, form, options, read};
use crate::faults::{Signals, WatchState};
use crate::kinds::Kind;
use crate::negotiate::Form;
use crate::object::Object;
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::sandbox::{Answer, Cut, Server};
use crate::selector::Selector;
use crate::state::State;
use crate::store::Change;

/// How often a watch that wants bookmarks gets one.
const BOOKMARK: Duration = Duration::from_secs(60);
/// How long before its end a watch that wants bookmarks gets the last.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a watch lasts that does not say.
const LONGEST: Duration = Duration::from_secs(1800);
/// How many changes a watch takes in at a time. What waits for a slow watcher is no more than this.
const AT_ONCE: usize = 100;

/// A watch that is about to begin.
pub struct Start {
    namespace: String,
    selector: Selector,
    from: u64,
    lasting: Duration,
    bookmarks: bool,
    first: VecDeque<Pending>,
    writer: Writer,
    ended: bool,
}

/// What is still to be shown.
enum Pending {
    /// An object that was there when the watch began; it is written out when its turn comes.
    Object(Arc<Object>),
    /// The end of those objects.
    Mark(Value),
    /// Anything else, as it is sent.
    Line(Bytes),
}

/// Reads what kind of watch is asked for, and what it shows first.
pub fn start(state: &State, ask: &Ask) -> Result<Reply, Refusal> {
    let store = &state.store;
    let lasting = ask.parameter("timeoutSeconds").parse().map_or(LONGEST, Duration::from_secs);
    options::of_watch(ask)?;
    let initial = options::is_streaming_list(ask);
    let bookmarks = ask.parameter("allowWatchBookmarks") == "true";
    let mut start = Start {
        namespace: ask.namespace.clone(),
        selector: read::selector(ask)?,
        from: store.revision(),
        lasting,
        bookmarks,
        first: VecDeque::new(),
        writer: Writer { form: ask.form, kind: ask.kind, header: Header::Shown },
        ended: false,
    };
    let from = options::revision_of_watch(ask)?;
    if initial && let Err(refusal) = options::not_in_the_future(store, from) {
        // A stream that has been opened can only say so in the stream.
        start.first.push_back(Pending::Line(error(&refusal)));
        start.ended = true;
        return Ok(Reply::Watch(start));
    }
    let from = from.filter(|from| *from > 0 && !initial);
    match from {
        Some(from) => start.from = from,
        None => {
            let chosen = store
                .objects(ask.kind)
                .filter(|object| read::concerns(ask, object) && start.selector.matches(object));
            start.first = chosen.cloned().map(Pending::Object).collect();
            if initial && bookmarks {
                start.first.push_back(Pending::Mark(json!({"k8s.io/initial-events-end": "true"})));
            }
        }
    }
    Ok(Reply::Watch(start))
}

/// The stream of a watch.
pub fn body(server: Arc<Server>, kind: &'static Kind, start: Start) -> Answer {
    let signals = server.faults.signals(kind.collection());
    let closed = signals.state().closed;
    let now = Instant::now();
    let watching = Watching {
        server,
        kind,
        writer: start.writer,
        namespace: start.namespace,
        selector: start.selector,
        begun_at: start.from,
        cursor: start.from,
        pending: start.first,
        ended: start.ended,
        until: now + start.lasting,
        next_bookmark: start.bookmarks.then(|| next_bookmark(now, now + start.lasting)),
        signals,
        closed,
    };
    let events = stream::unfold(watching, async |mut watching| {
        let line = watching.next().await?;
        Some((Ok::<_, Cut>(Frame::data(line)), watching))
    });
    StreamBody::new(events).boxed_unsync()
}

/// In a minute, or so short before the end that the watcher can go on from there.
fn next_bookmark(now: Instant, until: Instant) -> Instant {
    let last = until.checked_sub(FAREWELL).filter(|last| *last > now);
    last.unwrap_or(until).min(now + BOOKMARK)
}

struct Watching {
    server: Arc<Server>,
    kind: &'static Kind,
    writer: Writer,
    namespace: String,
    selector: Selector,
    /// The revision of the objects that were there when it began.
    begun_at: u64,
    /// Everything up to this revision has been shown or is pending.
    cursor: u64,
    pending: VecDeque<Pending>,
    /// Nothing follows what is pending.
    ended: bool,
    until: Instant,
    next_bookmark: Option<Instant>,
    signals: Arc<Signals>,
    closed: usize,
}

impl Watching {
    async fn next(&mut self) -> Option<Bytes> {
        let signals = self.signals.clone();
        loop {
            let mut news = pin!(signals.news.notified());
            // From here on no news is missed.
            news.as_mut().enable();
            let WatchState { held, closed } = signals.state();
            if closed != self.closed {
                return None;
            }
            if !held {
                if let Some(pending) = self.pending.pop_front() {
                    return Some(self.written(pending));
                }
                if self.ended {
                    return None;
                }
                if self.collect() == Found::Something {
                    continue;
                }
            }
            let bookmark = self.next_bookmark.filter(|_| !held).unwrap_or(self.until);
            tokio::select! {
                biased;
                () = news => {}
                () = tokio::time::sleep_until(bookmark.min(self.until)) => {
                    if Instant::now() >= self.until {
                        return None;
                    }
                    self.next_bookmark = Some(next_bookmark(Instant::now(), self.until));
                    let bookmark = self.writer.bookmark(self.cursor, None);
                    self.pending.push_back(Pending::Line(bookmark));
                }
            }
        }
    }

    fn written(&mut self, pending: Pending) -> Bytes {
        match pending {
            Pending::Object(object) => {
                let now = (self.server.clock)();
                self.writer.event("ADDED", &object, now)
            }
            Pending::Mark(annotations) => self.writer.bookmark(self.begun_at, Some(annotations)),
            Pending::Line(line) => line,
        }
    }

    /// Takes in some of what has changed since the cursor.
    fn collect(&mut self) -> Found {
        let server = self.server.clone();
        let state = server.state.lock();
        let changes: Vec<Change> = match state.store.changes(self.kind, self.cursor) {
            Ok(changes) => changes.take(AT_ONCE).cloned().collect(),
            Err(forgotten) => {
                let refusal = Refusal::watch_expired(self.cursor, forgotten.oldest);
                self.pending.push_back(Pending::Line(error(&refusal)));
                self.ended = true;
                return Found::Something;
            }
        };
        self.cursor = match changes.last() {
            Some(last) if changes.len() == AT_ONCE => last.revision,
            _ => state.store.revision(),
        };
        drop(state);
        let now = (server.clock)();
        changes.iter().for_each(|change| self.show(change, now));
        if changes.is_empty() { Found::Nothing } else { Found::Something }
    }

    /// Shows a change as it looks through the selector. What leaves it is shown as deleted, as it
    /// was before, at the revision of the change.
    fn show(&mut self, change: &Change, now: Timestamp) {
        let passes = |object: &&Arc<Object>| {
            (self.namespace.is_empty() || self.namespace == object.namespace)
                && self.selector.matches(object)
        };
        let before = change.before.as_ref().filter(passes);
        let after = change.after.as_ref().filter(passes);
        let line = match (before, after) {
            (None, Some(after)) => self.writer.event("ADDED", after, now),
            (Some(_), Some(after)) => self.writer.event("MODIFIED", after, now),
            (Some(before), None) => self.writer.event("DELETED", &before.at(change.revision), now),
            (None, None) => return,
        };
        self.pending.push_back(Pending::Line(line));
    }
}

/// Whether there was any change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Something,
    Nothing,
}

/// Writes the lines of one stream in the form it was asked for.
struct Writer {
    form: Form,
    kind: &'static Kind,
    header: Header,
}

impl Writer {
    fn event(&mut self, what: &str, object: &Object, now: Timestamp) -> Bytes {
        let mut line = format!("{{\"type\":\"{what}\",\"object\":").into_bytes();
        line.extend(form::in_stream(self.form, self.kind, object, now, self.header));
        line.extend_from_slice(b"}\n");
        self.header = Header::Omitted;
        line.into()
    }

    fn bookmark(&mut self, revision: u64, annotations: Option<Value>) -> Bytes {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if let (Some(fields), Some(annotations)) = (metadata.as_object_mut(), annotations) {
            fields.insert("annotations".to_owned(), annotations);
        }
        let object = form::mark(self.form, self.kind, &metadata, self.header);
        self.header = Header::Omitted;
        format!("{}\n", json!({"type": "BOOKMARK", "object": object})).into()
    }
}

fn error(refusal: &Refusal) -> Bytes {
    format!("{}\n", json!({"type": "ERROR", "object": refusal.status()})).into()
}
