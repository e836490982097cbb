//! Pods in the index: which Services a change of one wakes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Field, Index, Origin, Visit, When};
use crate::facts::Pod;
use crate::facts::pod::Planning;
use crate::key::{Controller, Kind, NamespacedName, Text};
use crate::shared_text::share;

impl Index {
    pub(super) fn apply_pod(&mut self, mut pod: Pod, origin: Origin) -> Vec<Visit> {
        if let Some(name) = &mut pod.planning.node_name
            && let Some(node) = self.nodes.get(name)
        {
            share(name, &node.name);
        }
        let namespace = self.namespace_mut(&pod.key.namespace);
        let before = namespace.pods.get(&pod.key.name).cloned();
        if before.as_deref() == Some(&pod) {
            return Vec::new();
        }
        if let Some(before) = &before {
            pod.share_with(before);
        }
        pod.labels = match &before {
            Some(before) if before.labels == pod.labels => before.labels.clone(),
            _ => namespace.membership.shared(pod.labels),
        };
        let pod = Arc::new(pod);
        let services_of = |namespace: &super::Namespace, pod: &Pod| -> BTreeSet<Text> {
            namespace.membership.services(&pod.labels).cloned().collect()
        };
        let Some(before) = before else {
            namespace.pods.insert(pod.key.name.clone(), pod.clone());
            namespace.membership.insert(&pod);
            let services = services_of(namespace, &pod);
            return visits(&pod.key, services, Field::Created, origin);
        };
        let plans_alike = before.planning == pod.planning;
        let relabelled = before.labels != pod.labels;
        let left = if relabelled { services_of(namespace, &before) } else { BTreeSet::new() };
        if relabelled {
            namespace.membership.remove(&before);
        }
        namespace.pods.insert(pod.key.name.clone(), pod.clone());
        namespace.membership.insert(&pod);
        let services = match (plans_alike, relabelled) {
            (true, false) => return Vec::new(),
            (false, false) => services_of(namespace, &pod),
            (false, true) => &left | &services_of(namespace, &pod),
            // A Service that selects the Pod before and after sees no difference.
            (true, true) => &left ^ &services_of(namespace, &pod),
        };
        let field =
            if plans_alike { Field::Labels } else { changed(&before.planning, &pod.planning) };
        self.note_ended_matches(&pod.key, &left, field, origin);
        visits(&pod.key, services, field, origin)
    }

    pub(super) fn delete_pod(&mut self, key: &NamespacedName, origin: Origin) -> Vec<Visit> {
        let Some(namespace) = self.namespaces.get_mut(&key.namespace) else {
            return Vec::new();
        };
        let Some(pod) = namespace.pods.remove(&key.name) else {
            return Vec::new();
        };
        let services: BTreeSet<Text> =
            namespace.membership.services(&pod.labels).cloned().collect();
        namespace.membership.remove(&pod);
        self.note_ended_matches(key, &services, Field::Deleted, origin);
        self.tidy(key);
        visits(key, services, Field::Deleted, origin)
    }

    /// Remembers, for each Service that a Pod has left, whether it was the last one.
    fn note_ended_matches(
        &mut self,
        pod: &NamespacedName,
        left: &BTreeSet<Text>,
        field: Field,
        origin: Origin,
    ) {
        let Some(namespace) = self.namespaces.get_mut(&pod.namespace) else {
            return;
        };
        for service in left {
            if !namespace.membership.selects_any(service)
                && let Some(entry) = namespace.services.get_mut(service)
            {
                entry.match_ended = Some(origin.trigger(Kind::Pod, pod.clone(), field));
            }
        }
    }
}

fn visits(
    pod: &NamespacedName,
    services: BTreeSet<Text>,
    field: Field,
    origin: Origin,
) -> Vec<Visit> {
    let visit = |name: Text| {
        let key = NamespacedName::new(pod.namespace.clone(), name);
        let trigger = origin.trigger(Kind::Pod, pod.clone(), field);
        [Controller::EndpointSlice, Controller::Endpoints].map(|controller| Visit {
            controller,
            key: key.clone(),
            when: When::AfterBatch,
            trigger: trigger.clone(),
        })
    };
    services.into_iter().flat_map(visit).collect()
}

/// The change to name: the one users look for first.
fn changed(before: &Planning, after: &Planning) -> Field {
    if before.uid != after.uid {
        Field::Created
    } else if before.deleting != after.deleting {
        Field::DeletionTimestamp
    } else if before.phase != after.phase {
        Field::Phase
    } else if before.ready != after.ready {
        Field::Ready
    } else if before.addresses != after.addresses || before.has_ip != after.has_ip {
        Field::PodIPs
    } else if before.node_name != after.node_name {
        Field::NodeName
    } else if before.ports != after.ports {
        Field::Ports
    } else {
        Field::Other
    }
}
