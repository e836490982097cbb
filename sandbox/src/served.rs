//! What was asked of the server so far.

use std::collections::VecDeque;

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::request::Verb;

/// How many answered requests are remembered.
const REMEMBERED: usize = 100_000;

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

/// The last requests that were answered.
#[derive(Default)]
pub struct Log(Mutex<VecDeque<Served>>);

impl Log {
    /// Adds a request; the oldest of very many is forgotten.
    pub fn add(&self, served: Served) {
        let mut requests = self.0.lock();
        requests.push_back(served);
        if requests.len() > REMEMBERED {
            requests.pop_front();
        }
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> Vec<Served> {
        self.0.lock().iter().cloned().collect()
    }
}
