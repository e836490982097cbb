//! One feed per watched kind: a list folded into the index page by page, then a watch from where
//! the list ended, for ever. Whatever goes wrong is waited out; the index keeps what it has.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use controller_core::index::Source;
use controller_core::key::{Kind, NamespacedName, ResourceVersion};
use tokio::time::Instant;

use crate::environment::Randomness;
use crate::metrics::Metrics;
use crate::reachability::Reachability;
use crate::shared_index::SharedIndex;
use crate::wire::{Identity, Undecodable, WatchEvent, Wire, WireError};

/// The wait after a first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(800);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A watch that lived this long was healthy: the next failure is a first one.
const HEALTHY: Duration = Duration::from_secs(120);
/// A watch that ends sooner than this and brought nothing is followed by a pause.
const SHORT_WATCH: Duration = Duration::from_secs(1);
/// The shortest time a watch is asked to last; at most twice that, so that the watches of many
/// replicas do not end together.
const SHORTEST_WATCH: Duration = Duration::from_secs(300);

/// How often it is looked whether a kind has been defined.
const DEFINITION_CHECK: Duration = Duration::from_secs(10);

/// Feeds all objects of one kind to the index.
pub struct Feed {
    /// The kind.
    pub kind: Kind,
    /// The way to the API server.
    pub wire: Wire,
    /// Where to.
    pub index: Arc<SharedIndex>,
    /// For jitter.
    pub randomness: Randomness,
    /// Says once that the API server is away, and once that it is back.
    pub reachability: Arc<Reachability>,
    /// Counts how long it is since anything was heard.
    pub metrics: Arc<Metrics>,
}

/// Why a watch came to its end.
enum Ended {
    /// In good order: it goes on from the version reached.
    At(ResourceVersion),
    /// The version is no longer in the server's history: a new list is needed.
    Expired,
}

impl Feed {
    /// Runs until it is dropped.
    pub async fn run(self) {
        let mut back_off = BackOff { wait: FIRST_WAIT, randomness: self.randomness.clone() };
        let mut from = None;
        loop {
            let started = Instant::now();
            let (watching, before) = (from.is_some(), from);
            match self.step(&mut from).await {
                // A server that ends every watch at once, with nothing in it, must not be asked in
                // a tight loop.
                Ok(()) if watching && from == before && started.elapsed() < SHORT_WATCH => {
                    back_off.wait(Duration::ZERO).await;
                }
                Ok(()) => back_off.reset(),
                Err(error) => {
                    if started.elapsed() > HEALTHY {
                        back_off.reset();
                    }
                    self.reachability.lost(self.kind, &error);
                    back_off.wait(error.retry_after().unwrap_or_default()).await;
                }
            }
        }
    }

    /// A list if there is no version to watch from, else one watch. `from` is left at the version
    /// to go on from, or empty where only a list helps.
    async fn step(&self, from: &mut Option<ResourceVersion>) -> Result<(), WireError> {
        let Some(version) = *from else {
            match self.list().await {
                Err(error) if self.is_undefined(&error) => self.await_definition().await,
                listed => *from = Some(listed?),
            }
            return Ok(());
        };
        *from = match self.watch(version, from).await? {
            Ended::At(version) => Some(version),
            Ended::Expired => None,
        };
        Ok(())
    }

    /// Whether an error means that the cluster does not have the kind. It may lack ours.
    fn is_undefined(&self, error: &WireError) -> bool {
        self.kind.is_custom() && error.is_not_found()
    }

    /// A cluster without a kind has no objects of it, until somebody defines it.
    async fn await_definition(&self) {
        self.reachability.found(self.kind);
        self.metrics.heard(self.kind);
        self.index.reset(self.kind, &HashSet::new(), ResourceVersion::default());
        tokio::time::sleep(DEFINITION_CHECK).await;
    }

    async fn list(&self) -> Result<ResourceVersion, WireError> {
        let mut listed = HashSet::new();
        let mut next: Option<String> = None;
        let mut version = None;
        loop {
            let page = self.wire.list(self.kind, next.as_deref()).await?;
            self.heard();
            // Later pages are read at the version of the first one.
            let list = *version.get_or_insert(page.resource_version);
            for (fact, resource_version) in page.items {
                listed.insert(fact.key());
                self.index.apply(fact, resource_version, Source::List(list));
            }
            for undecodable in page.undecodable {
                // What cannot be read still exists: what was known of it before stays.
                listed.insert(undecodable.key.clone());
                warn(&undecodable);
            }
            next = page.next;
            if next.is_none() {
                self.index.reset(self.kind, &listed, list);
                tracing::debug!(kind = self.kind.name(), objects = listed.len(), "Listed");
                return Ok(list);
            }
        }
    }

    async fn watch(
        &self,
        from: ResourceVersion,
        reached: &mut Option<ResourceVersion>,
    ) -> Result<Ended, WireError> {
        let lasting = SHORTEST_WATCH.mul_f64(1.0 + self.randomness.fraction());
        let mut watch = match self.wire.watch(self.kind, from, lasting).await {
            Err(error) if error.is_expired() || self.is_undefined(&error) => {
                return Ok(Ended::Expired);
            }
            opened => opened?,
        };
        self.heard();
        let mut at = from;
        let is_known = |identity: &Identity| {
            let Identity { key, uid, resource_version } = identity;
            self.index.with(|index| index.is_known(self.kind, key, uid, *resource_version))
        };
        while let Some(event) = watch.next(is_known).await? {
            self.metrics.heard(self.kind);
            match event {
                WatchEvent::Applied(fact, version) => {
                    self.index.apply(*fact, version, Source::Watch);
                    at = version;
                }
                WatchEvent::Deleted { key, uid, resource_version } => {
                    self.index.delete(self.kind, &key, Some(&uid), Source::Watch);
                    at = resource_version;
                }
                WatchEvent::Known(version) | WatchEvent::Bookmark(version) => at = version,
                WatchEvent::Undecodable(undecodable) => {
                    at = undecodable.resource_version.unwrap_or(at);
                    warn(&undecodable);
                }
                WatchEvent::Error(status) if status.code == http::StatusCode::GONE => {
                    return Ok(Ended::Expired);
                }
                WatchEvent::Error(status) => return Err(WireError::Status(status)),
            }
            *reached = Some(at);
        }
        Ok(Ended::At(at))
    }

    /// The API server has answered.
    fn heard(&self) {
        self.reachability.found(self.kind);
        self.metrics.heard(self.kind);
    }
}

/// Waits that double, with jitter so that many feeds do not come back together.
struct BackOff {
    wait: Duration,
    randomness: Randomness,
}

impl BackOff {
    fn reset(&mut self) {
        self.wait = FIRST_WAIT;
    }

    async fn wait(&mut self, at_least: Duration) {
        let jittered = self.wait.mul_f64(1.0 + self.randomness.fraction());
        tokio::time::sleep(jittered.max(at_least)).await;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }
}

fn warn(undecodable: &Undecodable) {
    let Undecodable { kind, key, error, .. } = undecodable;
    tracing::warn!(
        kind = kind.name(),
        object = %key_or_unnamed(key),
        err = %error,
        "Cannot read an object; what was known of it before stays in force"
    );
}

fn key_or_unnamed(key: &NamespacedName) -> String {
    if key.name.is_empty() { "(unnamed)".to_owned() } else { key.to_string() }
}
