//! The plan for one Service's Endpoints.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::capacity::{Capacity, cut};
use super::listed::{Listed, Listing};
use super::subsets::{Packed, pack, say_the_same};
use super::{MANAGED_BY, Plan, Snapshot, Write};
use crate::facts::endpoint_slice::HEADLESS_LABEL;
use crate::facts::endpoints::{MANAGED_BY_LABEL, OVER_CAPACITY_ANNOTATION};
use crate::facts::{Endpoints, Labels, ObjectMeta, Service};
use crate::key::{ResourceVersion, Text};
use crate::memory::Memory;
use crate::reason::Reason;
use crate::trigger_time;

/// The value of the over-capacity annotation.
const TRUNCATED: &str = "truncated";

/// Decides what to write for one Service. The same snapshot always yields the same plan, and a
/// plan carried out leaves nothing to plan.
pub fn plan(snapshot: &Snapshot) -> Plan {
    let idle = |reason| Plan { write: None, reason, memory: snapshot.memory.clone() };
    let Some(service) = snapshot.service.as_deref() else {
        return without_service(snapshot);
    };
    if service.external_name {
        return idle(Reason::ExternalName);
    }
    if service.selector.is_none() {
        return idle(Reason::SelectorAbsent);
    }
    let times = trigger_time::advance(snapshot.memory.as_deref(), service, &snapshot.pods);
    let listing = Listing::new(service, &snapshot.pods);
    let mut wanted = pack(listing.entries());
    let capacity = cut(&mut wanted);
    let reason = match capacity {
        Capacity::Within => Reason::InSync,
        Capacity::Exceeded => Reason::Truncated,
    };
    let current = snapshot.endpoints.as_deref();
    let write = match current {
        Some(current) if says(current, service, &wanted, capacity) => None,
        _ => {
            let published = current.map_or(&[][..], |current| &current.subsets);
            let subsets = wanted.iter().map(|subset| subset.to_subset(published)).collect();
            let mut endpoints = Endpoints { metadata: metadata(service, current), subsets };
            annotate(&mut endpoints.metadata.annotations, capacity);
            trigger_time::stamp(&mut endpoints.metadata.annotations, times.trigger_time);
            Some(if current.is_some() {
                Write::Update(endpoints)
            } else {
                Write::Create(endpoints)
            })
        }
    };
    let reason = if write.is_some() { Reason::Behind } else { reason };
    Plan { write, reason, memory: Some(Memory::of_times(times.remembered)) }
}

/// Endpoints follow their Service. Some that never had one are somebody's own, and may be waiting
/// for theirs.
fn without_service(snapshot: &Snapshot) -> Plan {
    let leftover = snapshot.endpoints.as_ref().filter(|endpoints| {
        snapshot.outlived.as_ref() == Some(&endpoints.metadata.uid) && !endpoints.metadata.deleting
    });
    let reason = match (&snapshot.endpoints, leftover) {
        (Some(_), None) => Reason::EndpointsOrphaned,
        _ => Reason::ServiceNotFound,
    };
    Plan { write: leftover.cloned().map(Write::Remove), reason, memory: None }
}

/// Whether Endpoints already say what they should, in whatever order and grouping.
fn says(
    current: &Endpoints,
    service: &Service,
    wanted: &[Packed<'_, Listed<'_>>],
    capacity: Capacity,
) -> bool {
    let annotation = current.metadata.annotations.get(OVER_CAPACITY_ANNOTATION);
    let annotated = match capacity {
        Capacity::Within => annotation.is_none(),
        Capacity::Exceeded => annotation.is_some_and(|value| &**value == TRUNCATED),
    };
    annotated
        && agree_but_for_headless(&current.metadata.labels, &labels(service))
        && say_the_same(&current.subsets, wanted)
}

/// The headless label alone is not worth a write; kube-controller-manager does not look at it.
fn agree_but_for_headless(one: &Labels, other: &Labels) -> bool {
    let telling = |labels: &Labels| -> Vec<(Text, Text)> {
        let telling = labels.iter().filter(|(key, _)| &***key != HEADLESS_LABEL);
        telling.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    telling(one) == telling(other)
}

/// The Service's own labels, but for the two that are ours to say.
fn labels(service: &Service) -> Labels {
    let mut labels: BTreeMap<Text, Text> = (*service.labels).clone();
    labels.remove(HEADLESS_LABEL);
    if service.is_headless() {
        labels.insert(HEADLESS_LABEL.into(), "".into());
    }
    labels.insert(MANAGED_BY_LABEL.into(), MANAGED_BY.into());
    Arc::new(labels)
}

/// Everything of the current object stays but its labels. A new one has no owner: it goes with its
/// Service by name.
fn metadata(service: &Service, current: Option<&Endpoints>) -> ObjectMeta {
    let labels = labels(service);
    match current {
        Some(current) => ObjectMeta { labels, ..current.metadata.clone() },
        None => ObjectMeta {
            key: service.key.clone(),
            generate_name: None,
            uid: "".into(),
            resource_version: ResourceVersion::default(),
            deleting: false,
            labels,
            annotations: Labels::default(),
            owner_references: Vec::new(),
            finalizers: Vec::new(),
        },
    }
}

fn annotate(annotations: &mut Labels, capacity: Capacity) {
    match capacity {
        Capacity::Exceeded => {
            Arc::make_mut(annotations).insert(OVER_CAPACITY_ANNOTATION.into(), TRUNCATED.into());
        }
        Capacity::Within if annotations.contains_key(OVER_CAPACITY_ANNOTATION) => {
            Arc::make_mut(annotations).remove(OVER_CAPACITY_ANNOTATION);
        }
        Capacity::Within => {}
    }
}
