//! Slices in the index, and whom a change of one wakes.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Field, Index, Origin, Published, ServiceEntry, Source, Visit, When};
use crate::facts::{AddressType, EndpointSlice, IpFamily};
use crate::key::{Controller, Kind, NamespacedName};
use crate::{endpoint_slices, mirroring};

/// The controllers that write slices, by their managed-by label, and how soon each puts right what
/// somebody else did.
const WRITERS: [(Controller, &str, When); 2] = [
    (Controller::EndpointSlice, endpoint_slices::MANAGED_BY, When::AfterRepairDelay),
    (Controller::EndpointSliceMirroring, mirroring::MANAGED_BY, When::AfterBatch),
];

impl Index {
    pub(super) fn apply_slice(&mut self, mut slice: EndpointSlice, origin: Origin) -> Vec<Visit> {
        let key = slice.metadata.key.clone();
        let held = self.slice(&key).cloned();
        if !self.is_news(Kind::EndpointSlice, held.as_deref(), &slice, origin) {
            return Vec::new();
        }
        self.share_texts(&key.namespace, &mut slice.endpoints);
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
        if !self.is_gone(Kind::EndpointSlice, key, held.as_deref(), uid, origin) {
            return Vec::new();
        }
        self.put_slice(key, held.as_deref(), None, origin.seen);
        match origin.source {
            Source::Answer => Vec::new(),
            _ => self.slice_visits(held.as_deref(), None, origin),
        }
    }

    /// The slices that name a Service, as far as known.
    pub fn slices_of(&self, service: &NamespacedName) -> Vec<Arc<EndpointSlice>> {
        self.entry(service)
            .map(|entry| entry.slices.values().cloned().collect())
            .unwrap_or_default()
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
            entry.count_published(before, None, now);
        }
        if let Some(service) = &is_at {
            let entry = namespace.services.entry(service.name.clone()).or_default();
            let replaced = before.filter(|_| was_at == is_at);
            entry.count_published(replaced, after.as_deref(), now);
            if let Some(slice) = after {
                entry.slices.insert(key.name.clone(), slice);
            }
        }
        if let Some(service) = was_at {
            self.tidy(&service);
        }
    }

    pub(super) fn slice(&self, key: &NamespacedName) -> Option<&Arc<EndpointSlice>> {
        self.namespaces.get(&key.namespace)?.slices.get(&key.name)
    }

    /// Whom a change of a slice wakes: all its writers at the Services that lose or gain it by its
    /// label, else its own writer, if something in it matters. An edit of annotations, owners or
    /// finalizers alone waits for the next visit.
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
        let moved = before.is_some() && after.is_some() && was_at != is_at;
        let alike = publishes_alike(before, after);
        let field = match (before, after) {
            (None, _) => Field::Created,
            (_, None) => Field::Deleted,
            _ => Field::Edited,
        };
        let trigger = origin.trigger(Kind::EndpointSlice, slice.metadata.key.clone(), field);
        let mut services: Vec<NamespacedName> = was_at.into_iter().chain(is_at).collect();
        services.dedup();
        let mut visits = Vec::new();
        for (controller, managed_by, when) in WRITERS {
            let its = |slice: Option<&EndpointSlice>| {
                slice.is_some_and(|slice| slice.managed_by() == Some(managed_by))
            };
            // Before everything is listed every Service is going to be visited anyway.
            let ready = self.is_ready(controller);
            if ready && (moved || (!alike && (its(before) || its(after)))) {
                let visit = |key: &NamespacedName| Visit {
                    controller,
                    key: key.clone(),
                    when,
                    trigger: trigger.clone(),
                };
                visits.extend(services.iter().map(visit));
            }
        }
        visits
    }
}

impl ServiceEntry {
    /// Counts what consumers see as ready once a slice has changed.
    fn count_published(
        &mut self,
        before: Option<&EndpointSlice>,
        after: Option<&EndpointSlice>,
        now: Timestamp,
    ) {
        for family in [IpFamily::V4, IpFamily::V6] {
            let ready = |slice: Option<&EndpointSlice>| {
                let ours = slice.filter(|slice| {
                    slice.address_type == AddressType::Ip(family)
                        && slice.managed_by() == Some(endpoint_slices::MANAGED_BY)
                });
                ours.map_or(0, EndpointSlice::ready_endpoints)
            };
            let known = self.published.get(&family).map_or(0, |published| published.ready);
            let ready = (known + ready(after)).saturating_sub(ready(before));
            if ready != known {
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
