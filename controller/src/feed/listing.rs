//! A list on its way into the index, in whatever way it comes. Each object goes in as it arrives;
//! what is kept until the end are names, to know then what is gone.

use std::collections::HashSet;

use controller_core::facts::Fact;
use controller_core::index::Source;
use controller_core::key::{NamespacedName, ResourceVersion};

use super::{Feed, warn};
use crate::wire::{Page, Undecodable, WatchEvent};

/// A list of which a part has come.
pub struct Listing<'a> {
    feed: &'a Feed,
    listed: HashSet<NamespacedName>,
}

impl<'a> Listing<'a> {
    pub fn new(feed: &'a Feed) -> Self {
        Self { feed, listed: HashSet::new() }
    }

    /// Takes in a page of a list at a version.
    pub fn take_in_page(&mut self, page: Page, list: ResourceVersion) {
        for (fact, version) in page.items {
            self.exists(fact, version, list);
        }
        page.undecodable.iter().for_each(|undecodable| self.set_aside(undecodable));
    }

    /// Takes in an event of a streaming list. Nothing comes back if it has no place in one: the
    /// server does not stream lists, or has given up.
    ///
    /// The version of the list is told at its end. Until then, what we have written of an object is
    /// newer than the list if it is newer than the object in it.
    pub fn take_in(&mut self, event: WatchEvent) -> Option<()> {
        match event {
            WatchEvent::Applied(fact, version) => self.exists(*fact, version, version),
            WatchEvent::Undecodable(undecodable) => self.set_aside(&undecodable),
            WatchEvent::Deleted { key, uid, .. } => {
                self.feed.index.delete(self.feed.kind, &key, Some(&uid), Source::Watch);
                self.listed.remove(&key);
            }
            WatchEvent::Known(_)
            | WatchEvent::Bookmark(_)
            | WatchEvent::Listed(_)
            | WatchEvent::Error(_) => return None,
        }
        Some(())
    }

    /// Everything has come: what has not is gone.
    pub fn complete(self, list: ResourceVersion) {
        let Self { feed, listed } = self;
        feed.index.reset(feed.kind, &listed, list);
        tracing::debug!(kind = feed.kind.name(), objects = listed.len(), "Listed");
    }

    fn exists(&mut self, fact: Fact, version: ResourceVersion, list: ResourceVersion) {
        self.listed.insert(fact.key());
        self.feed.index.apply(fact, version, Source::List(list));
    }

    /// What cannot be read still exists: what was known of it before stays.
    fn set_aside(&mut self, undecodable: &Undecodable) {
        self.listed.insert(undecodable.key.clone());
        warn(undecodable);
    }
}
