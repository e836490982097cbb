//! One feed per watched kind: a list folded into the index as it arrives, then a watch from where
//! the list ended, for ever. Whatever goes wrong is waited out; the index keeps what it has.

mod back_off;
mod listing;

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
use crate::wire::{Identity, Undecodable, Watch, WatchEvent, Wire, WireError};

use back_off::BackOff;
use listing::Listing;

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

impl Feed {
    /// Runs until it is dropped.
    pub async fn run(self) {
        let mut back_off = BackOff::new(self.randomness.clone());
        let mut from = None;
        loop {
            let (started, before) = (Instant::now(), from);
            let stepped = self.step(&mut from).await;
            let stuck = before.is_some() && from == before;
            match stepped {
                // A server that ends every watch at once, with nothing in it, must not be asked in
                // a tight loop.
                Ok(()) if stuck && started.elapsed() < SHORT_WATCH => {
                    back_off.wait(Duration::ZERO).await;
                }
                Ok(()) => back_off.reset(),
                Err(error) => {
                    if started.elapsed() > HEALTHY {
                        back_off.reset();
                    }
                    // Whatever follows that version would be read in vain again. A list goes around it.
                    if stuck && error.is_unreadable() {
                        from = None;
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
        match *from {
            None => self.list(from).await,
            Some(version) => self.watch(version, from).await,
        }
    }

    /// A list that is streamed and goes on as a watch. Where the server does not have such lists,
    /// or this one comes to nothing, it is asked for page by page.
    async fn list(&self, from: &mut Option<ResourceVersion>) -> Result<(), WireError> {
        let mut stream = match self.wire.stream(self.kind, self.lasting()).await {
            Err(error) if self.is_undefined(&error) => {
                self.await_definition().await;
                return Ok(());
            }
            Err(error) if error.is_not_supported() => return self.list_pages(from).await,
            stream => stream?,
        };
        self.heard();
        match self.take_in(&mut stream).await {
            Some(listed) => {
                *from = Some(listed);
                self.follow(stream, from).await
            }
            None => self.list_pages(from).await,
        }
    }

    /// The list at the beginning of a stream. Nothing comes back if the stream ends, breaks or falls
    /// silent before it is complete: the server may be too old to know what was asked for.
    async fn take_in(&self, stream: &mut Watch) -> Option<ResourceVersion> {
        let mut listing = Listing::new(self);
        loop {
            match stream.next(|_| false).await {
                Ok(Some(WatchEvent::Listed(version))) => {
                    listing.complete(version);
                    return Some(version);
                }
                Ok(Some(event)) => listing.take_in(event)?,
                Ok(None) => return None,
                Err(error) => {
                    tracing::debug!(kind = self.kind.name(), err = %error, "A streaming list broke off");
                    return None;
                }
            }
        }
    }

    async fn list_pages(&self, from: &mut Option<ResourceVersion>) -> Result<(), WireError> {
        let mut listing = Listing::new(self);
        let (mut next, mut version): (Option<String>, _) = (None, None);
        loop {
            let page = self.wire.list(self.kind, next.as_deref()).await?;
            self.heard();
            // Later pages are read at the version of the first one.
            let list = *version.get_or_insert(page.resource_version);
            next = page.next.clone();
            listing.take_in_page(page, list);
            if next.is_none() {
                listing.complete(list);
                *from = Some(list);
                return Ok(());
            }
        }
    }

    async fn watch(
        &self,
        version: ResourceVersion,
        from: &mut Option<ResourceVersion>,
    ) -> Result<(), WireError> {
        let watch = match self.wire.watch(self.kind, version, self.lasting()).await {
            Err(error) if error.demands_a_list() || self.is_undefined(&error) => {
                *from = None;
                return Ok(());
            }
            watch => watch?,
        };
        self.heard();
        self.follow(watch, from).await
    }

    /// Takes in changes until the watch ends.
    async fn follow(
        &self,
        mut watch: Watch,
        from: &mut Option<ResourceVersion>,
    ) -> Result<(), WireError> {
        let is_known = |identity: &Identity| {
            let Identity { key, uid, resource_version } = identity;
            self.index.with(|index| index.is_known(self.kind, key, uid, *resource_version))
        };
        while let Some(event) = watch.next(is_known).await? {
            self.metrics.heard(self.kind);
            let version = event.version();
            // Versions only grow, unless the server's store has been put back to an older state.
            if version.is_some() && version < *from {
                *from = None;
                return Ok(());
            }
            match event {
                WatchEvent::Applied(fact, version) => {
                    self.index.apply(*fact, version, Source::Watch);
                }
                WatchEvent::Deleted { key, uid, .. } => {
                    self.index.delete(self.kind, &key, Some(&uid), Source::Watch);
                }
                WatchEvent::Known(_) | WatchEvent::Bookmark(_) | WatchEvent::Listed(_) => {}
                WatchEvent::Undecodable(undecodable) => warn(&undecodable),
                WatchEvent::Error(status) if status.demands_a_list() => {
                    *from = None;
                    return Ok(());
                }
                WatchEvent::Error(status) => return Err(WireError::Status(status)),
            }
            *from = version.or(*from);
        }
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

    /// How long a watch is asked to last.
    fn lasting(&self) -> Duration {
        SHORTEST_WATCH.mul_f64(1.0 + self.randomness.fraction())
    }

    /// The API server has answered.
    fn heard(&self) {
        self.reachability.found(self.kind);
        self.metrics.heard(self.kind);
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
