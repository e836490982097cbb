//! Events do not stay: they go an hour after they were last written, and the oldest go when there are
//! very many.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::kinds::EVENT;
use crate::object::Object;
use crate::state::State;
use crate::store::{Key, Store};

/// How long an Event stays: as long as in kube-apiserver.
const LIFE: SignedDuration = SignedDuration::from_hours(1);
/// How many there may be. kube-apiserver has no such bound, but a disk.
const MOST: usize = 10_000;

/// When Events were written.
#[derive(Default)]
pub struct Expiry {
    /// Up to which revision it is known.
    revision: u64,
    written: VecDeque<Written>,
}

/// An Event as it was written at a moment.
struct Written {
    at: Timestamp,
    revision: u64,
    key: Key,
}

/// Removes the Events whose time is over.
pub fn expire(state: &mut State) {
    let now = state.time();
    for key in state.expiry.due(&state.store, now) {
        state.store.remove(&EVENT, &key);
    }
}

impl Expiry {
    fn due(&mut self, store: &Store, now: Timestamp) -> Vec<Key> {
        self.follow(store, now);
        let mut due = Vec::new();
        while let Some(oldest) = self.written.front() {
            let (namespace, name) = &oldest.key;
            let event = store.get(&EVENT, namespace, name);
            let is_current = event.is_some_and(|event| event.resource_version == oldest.revision);
            let is_over = now.duration_since(oldest.at) >= LIFE || self.written.len() > MOST;
            if is_current && !is_over {
                break;
            }
            if let Some(oldest) = self.written.pop_front().filter(|_| is_current) {
                due.push(oldest.key);
            }
        }
        due
    }

    /// Takes in what was written; all of it has just been if that is not known any more.
    fn follow(&mut self, store: &Store, now: Timestamp) {
        let written = |event: &Object| Written {
            at: now,
            revision: event.resource_version,
            key: event.key(),
        };
        match store.changes(&EVENT, self.revision) {
            Ok(changes) => {
                let written = changes.filter_map(|change| change.after.as_deref().map(written));
                self.written.extend(written);
            }
            Err(_) => self.written = store.objects(&EVENT).map(|event| written(event)).collect(),
        }
        self.revision = store.revision();
    }
}
