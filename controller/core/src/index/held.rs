//! Objects that we write and therefore hold whole: slices and Endpoints. Our own writes come in by
//! their answers, at once; what the watch tells later about them is either the same or older.

use super::{Index, Origin, Source};
use crate::facts::Object;
use crate::key::{Kind, NamespacedName, ResourceVersion};

impl Index {
    /// Whether an object that we write is held at a version or a later one. The watch then has
    /// nothing to tell of it that would be news, and has paid what it owed us.
    pub fn is_known(
        &mut self,
        kind: Kind,
        key: &NamespacedName,
        uid: &str,
        version: ResourceVersion,
    ) -> bool {
        let held = match kind {
            Kind::EndpointSlice => self.slice(key).map(|slice| &slice.metadata),
            Kind::Endpoints => self
                .entry(key)
                .and_then(|entry| entry.endpoints.as_ref())
                .map(|endpoints| &endpoints.metadata),
            Kind::Service | Kind::Pod | Kind::Node => None,
        };
        let known = held.is_some_and(|held| &*held.uid == uid && held.resource_version >= version);
        if known {
            self.written.shown(kind, uid, version);
        }
        known
    }

    /// Whether an observation tells more than what is held, and settles what the watch owes us.
    pub(super) fn is_news<T: Object + PartialEq>(
        &mut self,
        kind: Kind,
        held: Option<&T>,
        seen: &T,
        origin: Origin,
    ) -> bool {
        let metadata = seen.metadata();
        let version = metadata.resource_version;
        let held = held.filter(|held| held.metadata().uid == metadata.uid);
        let held_version = held.map(|held| held.metadata().resource_version);
        match origin.source {
            Source::Answer => {
                // An answer may be late: what it tells has been shown before, and maybe that the
                // object was deleted after it.
                let shown = match held_version {
                    Some(held) => held >= version,
                    None => self.written.has_shown(kind, version),
                };
                if !shown {
                    let place = (kind, metadata.key.clone());
                    self.written.version(&metadata.uid, place, version, origin.seen);
                }
                !shown
            }
            Source::LiveRead => {
                self.written.forget(&metadata.uid);
                held.is_none_or(|held| held != seen)
            }
            Source::Watch => {
                self.written.shown(kind, &metadata.uid, version);
                if self.written.is_deleted(&metadata.uid) {
                    return false;
                }
                held_version.is_none_or(|held| held < version)
            }
            Source::List(list) => {
                let ours_is_newer = self.written.is_deleted(&metadata.uid)
                    || self.written.is_newer_than(&metadata.uid, list);
                if ours_is_newer {
                    return false;
                }
                self.written.forget(&metadata.uid);
                held.is_none_or(|held| held != seen)
            }
        }
    }

    /// Whether the object held under a name is the one that is said to be gone, and settles what
    /// the watch owes us. Without a uid any object of the name is meant.
    pub(super) fn is_gone<T: Object>(
        &mut self,
        kind: Kind,
        key: &NamespacedName,
        held: Option<&T>,
        uid: Option<&str>,
        origin: Origin,
    ) -> bool {
        let held = held.map(|held| &held.metadata().uid);
        let another = held.is_some_and(|held| uid.is_some_and(|uid| uid != &**held));
        let gone = uid.or(held.map(|held| &**held));
        if let (Source::List(list), Some(gone)) = (origin.source, gone)
            && self.written.is_newer_than(gone, list)
        {
            return false;
        }
        let place = (kind, key.clone());
        match (origin.source, gone) {
            (Source::Answer, Some(gone)) => self.written.deletion(&gone.into(), place, origin.seen),
            (_, Some(gone)) => self.written.forget(gone),
            (_, None) => self.written.forget_place(&place),
        }
        held.is_some() && !another
    }
}
