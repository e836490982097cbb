//! Objects that we write and therefore hold whole: slices and Endpoints. Our own writes come in by
//! their answers, at once; what the watch tells later about them is either the same or older.

use std::sync::Arc;

use super::{Index, Origin, Source};
use crate::facts::{EndpointSubset, Object};
use crate::key::{Kind, NamespacedName, ResourceVersion, Text};
use crate::shared_text::Published;

/// An object in one of its versions.
pub(super) trait Versioned: PartialEq {
    /// Namespace and name.
    fn key(&self) -> NamespacedName;
    /// `metadata.uid`.
    fn uid(&self) -> &Text;
    /// `metadata.resourceVersion`.
    fn resource_version(&self) -> ResourceVersion;
}

impl<T: Object + PartialEq> Versioned for T {
    fn key(&self) -> NamespacedName {
        self.metadata().key.clone()
    }

    fn uid(&self) -> &Text {
        &self.metadata().uid
    }

    fn resource_version(&self) -> ResourceVersion {
        self.metadata().resource_version
    }
}

impl Index {
    /// Lets what is published take over the texts of the Pods that it tells of.
    pub(super) fn share_texts<'a, T: Published + 'a>(
        &self,
        namespace: &Text,
        published: impl IntoIterator<Item = &'a mut T>,
    ) {
        let Some(namespace) = self.namespaces.get(namespace) else {
            return;
        };
        for one in published {
            let Some(pod) = one.pod().and_then(|name| namespace.pods.get(name)) else {
                continue;
            };
            let node = pod.planning.node_name.as_ref().and_then(|name| self.nodes.get(name));
            one.share_with(pod, node.and_then(|node| node.zone.as_ref()));
        }
    }

    /// The same for all that is published, once the Pods are known: they are listed last, as a rule.
    pub(super) fn share_all_texts(&mut self) {
        let slices = self.namespaces.values().flat_map(|namespace| namespace.slices.values());
        for mut slice in slices.cloned().collect::<Vec<_>>() {
            let key = slice.metadata.key.clone();
            self.share_texts(&key.namespace, &mut Arc::make_mut(&mut slice).endpoints);
            let service = slice.service();
            let namespace = self.namespace_mut(&key.namespace);
            namespace.slices.insert(key.name.clone(), slice.clone());
            if let Some(entry) = service.and_then(|key| namespace.services.get_mut(&key.name)) {
                entry.slices.insert(key.name, slice);
            }
        }
        let entries = self.namespaces.values().flat_map(|namespace| namespace.services.values());
        let endpoints = entries.filter_map(|entry| entry.endpoints.clone());
        for mut endpoints in endpoints.collect::<Vec<_>>() {
            let key = endpoints.metadata.key.clone();
            self.share_in_subsets(&key.namespace, &mut Arc::make_mut(&mut endpoints).subsets);
            if let Some(entry) = self.entry_mut(&key) {
                entry.endpoints = Some(endpoints);
            }
        }
    }

    pub(super) fn share_in_subsets(&self, namespace: &Text, subsets: &mut [EndpointSubset]) {
        for subset in subsets {
            self.share_texts(namespace, subset.addresses.iter_mut());
            self.share_texts(namespace, subset.not_ready_addresses.iter_mut());
        }
    }

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
            _ => None,
        };
        let known = held.is_some_and(|held| &*held.uid == uid && held.resource_version >= version);
        if known {
            self.written.shown(kind, uid, version);
        }
        known
    }

    /// Whether an observation tells more than what is held, and settles what the watch owes us.
    pub(super) fn is_news<T: Versioned>(
        &mut self,
        kind: Kind,
        held: Option<&T>,
        seen: &T,
        origin: Origin,
    ) -> bool {
        let (uid, version) = (seen.uid(), seen.resource_version());
        let held = held.filter(|held| held.uid() == uid);
        let held_version = held.map(T::resource_version);
        match origin.source {
            Source::Answer => {
                // An answer may be late: what it tells has been shown before, and maybe that the
                // object was deleted after it.
                let shown = match held_version {
                    Some(held) => held >= version,
                    None => self.written.has_shown(kind, version),
                };
                if !shown {
                    self.written.version(uid, (kind, seen.key()), version, origin.seen);
                }
                !shown
            }
            Source::LiveRead => {
                self.written.forget(uid);
                held.is_none_or(|held| held != seen)
            }
            Source::Watch => {
                self.written.shown(kind, uid, version);
                if self.written.is_deleted(uid) {
                    return false;
                }
                held_version.is_none_or(|held| held < version)
            }
            Source::List(list) => {
                let ours_is_newer =
                    self.written.is_deleted(uid) || self.written.is_newer_than(uid, list);
                if ours_is_newer {
                    return false;
                }
                self.written.forget(uid);
                held.is_none_or(|held| held != seen)
            }
        }
    }

    /// Whether the object held under a name is the one that is said to be gone, and settles what
    /// the watch owes us. Without a uid any object of the name is meant.
    pub(super) fn is_gone<T: Versioned>(
        &mut self,
        kind: Kind,
        key: &NamespacedName,
        held: Option<&T>,
        uid: Option<&str>,
        origin: Origin,
    ) -> bool {
        let held = held.map(T::uid);
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
