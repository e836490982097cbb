//! Slices in the index. Our own writes come in by their answers, at once; what the watch tells
//! later about them is either the same or older.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Field, Index, Origin, Published, ServiceEntry, Source, Visit, When};
use crate::endpoint_slices::MANAGED_BY;
use crate::facts::{AddressType, EndpointSlice};
use crate::key::{Kind, NamespacedName};

impl Index {
    pub(super) fn apply_slice(&mut self, slice: EndpointSlice, origin: Origin) -> Vec<Visit> {
        let key = slice.metadata.key.clone();
        let held = self.slice(&key).cloned();
        if !self.is_news(held.as_deref(), &slice, origin) {
            return Vec::new();
        }
        let slice = Arc::new(slice);
        self.put_slice(&key, held.as_deref(), Some(slice.clone()), origin.seen);
        match origin.source {
            Source::Answer => Vec::new(),
            _ => self.slice_visits(held.as_deref(), Some(&slice), origin),
        }
    }

    pub(super) fn delete_slice(
        &mut self,
        key: &NamespacedName,
        uid: Option<&str>,
        origin: Origin,
    ) -> Vec<Visit> {
        let held = self.slice(key).cloned();
        let another =
            held.as_ref().is_some_and(|held| uid.is_some_and(|uid| uid != &*held.metadata.uid));
        let uid = uid.or(held.as_ref().map(|held| &*held.metadata.uid));
        if let (Source::List(list), Some(uid)) = (origin.source, uid)
            && self.written.is_newer_than(uid, list)
        {
            return Vec::new();
        }
        match (origin.source, uid) {
            (Source::Answer, Some(uid)) => self.written.deletion(&uid.into(), key, origin.seen),
            (_, Some(uid)) => self.written.forget(uid),
            (_, None) => self.written.forget_key(key),
        }
        if another || held.is_none() {
            return Vec::new();
        }
        self.put_slice(key, held.as_deref(), None, origin.seen);
        match origin.source {
            Source::Answer => Vec::new(),
            _ => self.slice_visits(held.as_deref(), None, origin),
        }
    }

    /// The slices of ours that name a Service, as far as known.
    pub fn slices_of(&self, service: &NamespacedName) -> Vec<Arc<EndpointSlice>> {
        self.entry(service)
            .map(|entry| entry.slices.values().cloned().collect())
            .unwrap_or_default()
    }

    /// Whether an observation tells more than what is held, and settles what the watch owes us.
    fn is_news(
        &mut self,
        held: Option<&EndpointSlice>,
        slice: &EndpointSlice,
        origin: Origin,
    ) -> bool {
        let metadata = &slice.metadata;
        let version = metadata.resource_version;
        let held = held.filter(|held| held.metadata.uid == metadata.uid);
        let held_version = held.map(|held| held.metadata.resource_version);
        match origin.source {
            Source::Answer => {
                let shown = held_version.is_some_and(|held| held >= version);
                if !shown {
                    self.written.version(&metadata.uid, &metadata.key, version, origin.seen);
                }
                !shown
            }
            Source::LiveRead => {
                self.written.forget(&metadata.uid);
                held.is_none_or(|held| held != slice)
            }
            Source::Watch => {
                if self.written.is_deleted(&metadata.uid) {
                    return false;
                }
                self.written.shown(&metadata.uid, version);
                held_version.is_none_or(|held| held < version)
            }
            Source::List(list) => {
                let ours_is_newer = self.written.is_deleted(&metadata.uid)
                    || self.written.is_newer_than(&metadata.uid, list);
                if ours_is_newer {
                    return false;
                }
                self.written.forget(&metadata.uid);
                held.is_none_or(|held| held != slice)
            }
        }
    }

    /// Replaces a slice by name and in the entries of the Services it names.
    fn put_slice(
        &mut self,
        key: &NamespacedName,
        before: Option<&EndpointSlice>,
        after: Option<Arc<EndpointSlice>>,
        now: Timestamp,
    ) {
        let was_at = before.and_then(EndpointSlice::service);
        let is_at = after.as_deref().and_then(EndpointSlice::service);
        let namespace = self.namespace_mut(&key.namespace);
        match &after {
            Some(slice) => namespace.slices.insert(key.name.clone(), slice.clone()),
            None => namespace.slices.remove(&key.name),
        };
        if let Some(service) = &was_at
            && is_at != was_at
            && let Some(entry) = namespace.services.get_mut(&service.name)
        {
            entry.slices.remove(&key.name);
            entry.count_published(now);
        }
        if let Some(service) = &is_at {
            let entry = namespace.services.entry(service.name.clone()).or_default();
            if let Some(slice) = after {
                entry.slices.insert(key.name.clone(), slice);
            }
            entry.count_published(now);
        }
        if let Some(service) = was_at {
            self.tidy(&service);
        }
    }

    fn slice(&self, key: &NamespacedName) -> Option<&Arc<EndpointSlice>> {
        self.namespaces.get(&key.namespace)?.slices.get(&key.name)
    }

    /// Which Services a change of a slice wakes: those that lose or gain it by its label, whoever
    /// manages it, else the one it names if it is or was ours and something in it matters. An edit
    /// of annotations, owners or finalizers alone waits for the next visit.
    fn slice_visits(
        &self,
        before: Option<&EndpointSlice>,
        after: Option<&EndpointSlice>,
        origin: Origin,
    ) -> Vec<Visit> {
        let Some(slice) = after.or(before) else {
            return Vec::new();
        };
        let was_at = before.and_then(EndpointSlice::service);
        let is_at = after.and_then(EndpointSlice::service);
        let ours = |slice: Option<&EndpointSlice>| {
            slice.is_some_and(|slice| slice.managed_by() == Some(MANAGED_BY))
        };
        let moved = before.is_some() && after.is_some() && was_at != is_at;
        let matters = (ours(before) || ours(after)) && !publishes_alike(before, after);
        // Before the first sync every Service is going to be visited anyway.
        if !self.is_synced() || !(moved || matters) {
            return Vec::new();
        }
        let field = match (before, after) {
            (None, _) => Field::Created,
            (_, None) => Field::Deleted,
            _ => Field::Edited,
        };
        let trigger = origin.trigger(Kind::EndpointSlice, slice.metadata.key.clone(), field);
        let mut services: Vec<NamespacedName> = was_at.into_iter().chain(is_at).collect();
        services.dedup();
        let visit =
            |service| Visit { service, when: When::AfterRepairDelay, trigger: trigger.clone() };
        services.into_iter().map(visit).collect()
    }
}

impl ServiceEntry {
    fn count_published(&mut self, now: Timestamp) {
        for family in [crate::facts::IpFamily::V4, crate::facts::IpFamily::V6] {
            let of_family = self.slices.values().filter(|slice| {
                slice.address_type == AddressType::Ip(family)
                    && slice.managed_by() == Some(MANAGED_BY)
            });
            let ready = of_family.map(|slice| slice.ready_endpoints()).sum();
            let known = self.published.get(&family).map(|published| published.ready);
            if known.unwrap_or(0) != ready {
                self.published.insert(family, Published { ready, changed: now });
            }
        }
    }
}

fn publishes_alike(before: Option<&EndpointSlice>, after: Option<&EndpointSlice>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return false;
    };
    before.metadata.labels == after.metadata.labels
        && before.metadata.deleting == after.metadata.deleting
        && before.ports == after.ports
        && before.endpoints == after.endpoints
}
