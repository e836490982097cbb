//! Services in the index.

use std::sync::Arc;

use super::{Field, Index, Origin, Visit, When};
use crate::facts::Service;
use crate::key::{Kind, NamespacedName};

impl Index {
    pub(super) fn apply_service(&mut self, service: Service, origin: Origin) -> Vec<Visit> {
        let key = service.key.clone();
        let namespace = self.namespace_mut(&key.namespace);
        let entry = namespace.services.entry(key.name.clone()).or_default();
        let field = match entry.service.as_deref() {
            None => Field::Created,
            Some(before) if *before == service => return Vec::new(),
            Some(before) => changed(before, &service),
        };
        if field == Field::Created {
            // What was published for an older Service of the name says nothing about this one.
            entry.trigger_times = None;
            entry.match_ended = None;
        }
        let selected = namespace.membership.selects_any(&key.name);
        namespace.membership.select(&key.name, service.selector.as_ref());
        let trigger = origin.trigger(Kind::Service, key.clone(), field);
        if selected && !namespace.membership.selects_any(&key.name) {
            entry.match_ended = Some(trigger.clone());
        }
        entry.service = Some(Arc::new(service));
        vec![Visit { service: key, when: When::Now, trigger }]
    }

    pub(super) fn delete_service(&mut self, key: &NamespacedName, origin: Origin) -> Vec<Visit> {
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
        entry.trigger_times = None;
        entry.match_ended = None;
        self.tidy(key);
        let trigger = origin.trigger(Kind::Service, key.clone(), Field::Deleted);
        vec![Visit { service: key.clone(), when: When::Now, trigger }]
    }
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
