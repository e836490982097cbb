//! Services in the index.

use std::sync::Arc;

use super::{Field, Index, Origin, Trigger, Visit, When};
use crate::facts::{HintMode, Service};
use crate::key::{Controller, Kind, NamespacedName};

impl Index {
    pub(super) fn apply_service(&mut self, service: Service, origin: Origin) -> Vec<Visit> {
        let key = service.key.clone();
        let service = Arc::new(service);
        let Some(mut others) = self.enter_service(&service, origin) else {
            return Vec::new();
        };
        let namespace = self.namespace_mut(&key.namespace);
        let entry = namespace.services.entry(key.name.clone()).or_default();
        let field = match entry.service.as_deref() {
            None => Field::Created,
            Some(before) if *before == *service => return Vec::new(),
            Some(before) => changed(before, &service),
        };
        if field == Field::Created {
            // What was published for an older Service of the name says nothing about this one.
            entry.memories.clear();
            entry.match_ended = None;
            entry.outlived = None;
        }
        let selected = namespace.membership.selects_any(&key.name);
        namespace.membership.select(&key.name, service.selector.as_ref());
        let trigger = origin.trigger(Kind::Service, key.clone(), field);
        if selected && !namespace.membership.selects_any(&key.name) {
            entry.match_ended = Some(trigger.clone());
        }
        let in_topology_mode = service.hint_mode() == HintMode::Topology;
        entry.service = Some(service);
        if in_topology_mode {
            self.in_topology_mode.insert(key.clone());
        } else {
            self.in_topology_mode.remove(&key);
        }
        others.extend(visits(&key, &trigger));
        others
    }

    pub(super) fn delete_service(
        &mut self,
        key: &NamespacedName,
        uid: Option<&str>,
        origin: Origin,
    ) -> Vec<Visit> {
        let Some(mut others) = self.strike_service(key, uid, origin) else {
            return Vec::new();
        };
        self.in_topology_mode.remove(key);
        let Some(namespace) = self.namespaces.get_mut(&key.namespace) else {
            return Vec::new();
        };
        namespace.membership.select(&key.name, None);
        let Some(entry) = namespace.services.get_mut(&key.name) else {
            return Vec::new();
        };
        if entry.service.take().is_none() {
            return Vec::new();
        }
        entry.memories.clear();
        entry.match_ended = None;
        // Endpoints go with their Service, whoever made them.
        entry.outlived = entry.endpoints.as_ref().map(|endpoints| endpoints.metadata.uid.clone());
        self.tidy(key);
        let trigger = origin.trigger(Kind::Service, key.clone(), Field::Deleted);
        others.extend(visits(key, &trigger));
        others
    }
}

/// A Service concerns every controller: its selector decides which of them has work to do.
fn visits(key: &NamespacedName, trigger: &Trigger) -> Vec<Visit> {
    let visit = |controller| Visit {
        controller,
        key: key.clone(),
        when: When::Now,
        trigger: trigger.clone(),
    };
    Controller::ALL.map(visit).into()
}

fn changed(before: &Service, after: &Service) -> Field {
    if before.uid != after.uid {
        Field::Created
    } else if before.deleting != after.deleting {
        Field::DeletionTimestamp
    } else if before.selector != after.selector {
        Field::Selector
    } else if before.ports != after.ports {
        Field::Ports
    } else if before.labels != after.labels {
        Field::Labels
    } else {
        Field::Other
    }
}
