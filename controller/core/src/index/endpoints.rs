//! Endpoints in the index, and whom a change of one wakes: the controller that wrote them, if it
//! was somebody else who changed them, and the one that mirrors them.

use std::sync::Arc;

use super::{Field, Index, Origin, Source, Visit, When};
use crate::facts::{EndpointSubset, Endpoints};
use crate::key::{Controller, Kind, NamespacedName};
use crate::mirroring::MANAGED_BY;

impl Index {
    pub(super) fn apply_endpoints(
        &mut self,
        mut endpoints: Endpoints,
        origin: Origin,
    ) -> Vec<Visit> {
        let key = endpoints.metadata.key.clone();
        let held = self.entry(&key).and_then(|entry| entry.endpoints.clone());
        if !self.is_news(Kind::Endpoints, held.as_deref(), &endpoints, origin) {
            return Vec::new();
        }
        self.share_in_subsets(&key.namespace, &mut endpoints.subsets);
        let endpoints = Arc::new(endpoints);
        let namespace = self.namespace_mut(&key.namespace);
        let entry = namespace.services.entry(key.name.clone()).or_default();
        entry.endpoints = Some(endpoints.clone());
        self.endpoints_visits(&key, held.as_deref(), Some(&endpoints), origin)
    }

    pub(super) fn delete_endpoints(
        &mut self,
        key: &NamespacedName,
        uid: Option<&str>,
        origin: Origin,
    ) -> Vec<Visit> {
        let held = self.entry(key).and_then(|entry| entry.endpoints.clone());
        if !self.is_gone(Kind::Endpoints, key, held.as_deref(), uid, origin) {
            return Vec::new();
        }
        if let Some(entry) = self.entry_mut(key) {
            entry.endpoints = None;
            entry.outlived = None;
        }
        let visits = self.endpoints_visits(key, held.as_deref(), None, origin);
        self.tidy(key);
        visits
    }

    /// Marks the Endpoints that have no Service when everything has been listed for the first time:
    /// whatever Service they belonged to is gone. Locks of old components are no endpoints.
    pub(super) fn mark_leftover_endpoints(&mut self) -> Vec<NamespacedName> {
        let mut marked = Vec::new();
        for (namespace, content) in &mut self.namespaces {
            for (name, entry) in &mut content.services {
                if let (None, Some(endpoints)) = (&entry.service, &entry.endpoints)
                    && !endpoints.is_lock()
                {
                    entry.outlived = Some(endpoints.metadata.uid.clone());
                    marked.push(NamespacedName::new(namespace.clone(), name.clone()));
                }
            }
        }
        marked.sort();
        marked
    }

    fn endpoints_visits(
        &self,
        key: &NamespacedName,
        before: Option<&Endpoints>,
        after: Option<&Endpoints>,
        origin: Origin,
    ) -> Vec<Visit> {
        let field = match (before, after) {
            (None, _) => Field::Created,
            (_, None) => Field::Deleted,
            _ => Field::Edited,
        };
        let visit = |controller, when| Visit {
            controller,
            key: key.clone(),
            when,
            trigger: origin.trigger(Kind::Endpoints, key.clone(), field),
        };
        // Mirroring follows whoever wrote them, us included, unless a selector stands in between.
        let mirrored = self.entry(key).is_none_or(|entry| {
            let selecting =
                entry.service.as_ref().is_some_and(|service| service.selector.is_some());
            let mirrors = entry.slices.values().any(|slice| slice.managed_by() == Some(MANAGED_BY));
            !selecting || mirrors
        });
        let mut visits = Vec::new();
        if mirrored {
            visits.push(visit(Controller::EndpointSliceMirroring, When::Now));
        }
        if self.is_ready(Controller::Endpoints)
            && origin.source != Source::Answer
            && !publish_alike(before, after)
        {
            let when = if after.is_none() { When::Now } else { When::AfterRepairDelay };
            visits.push(visit(Controller::Endpoints, when));
        }
        visits
    }
}

fn publish_alike(before: Option<&Endpoints>, after: Option<&Endpoints>) -> bool {
    fn published(endpoints: &Endpoints) -> (&[EndpointSubset], &crate::facts::Labels) {
        (&endpoints.subsets, &endpoints.metadata.labels)
    }
    before.map(published) == after.map(published)
}
