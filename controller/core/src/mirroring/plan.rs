//! The plan for one name: which mirrored slices to write, and which to remove.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::eligible::{Eligibility, eligible};
use super::wanted::{Group, Identity, Wanted, wanted};
use super::{Counts, Limits, MANAGED_BY, Plan, Skipped, Snapshot};
use crate::facts::endpoint_slice::{MANAGED_BY_LABEL, SERVICE_NAME_LABEL};
use crate::facts::object_meta::TRIGGER_TIME_ANNOTATION;
use crate::facts::{
    AddressType, Endpoint, EndpointSlice, Endpoints, IpFamily, Labels, ObjectMeta, OwnerReference,
    TargetRef,
};
use crate::key::{NamespacedName, ResourceVersion, Text};
use crate::ports::PortSet;
use crate::reason::Reason;
use crate::slice_plan::{Contents, SlicePlan};

/// What kubectl remembers of the object it applied; it is about the Endpoints, not about a slice.
const LAST_APPLIED_ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Decides what to write for one name. The same snapshot always yields the same plan, and a plan
/// carried out leaves nothing to plan.
pub fn plan(snapshot: &Snapshot, limits: &Limits) -> Plan {
    // A slice that somebody is deleting is as good as gone, however long a finalizer holds it.
    let ours = snapshot
        .slices
        .iter()
        .filter(|slice| slice.managed_by() == Some(MANAGED_BY) && !slice.metadata.deleting);
    match eligible(snapshot) {
        Eligibility::NotMirrored(reason) => Plan {
            slices: SlicePlan::default(),
            clean_up: ours.cloned().collect(),
            skipped: Skipped::default(),
            counts: None,
            reason,
        },
        Eligibility::Mirrored(endpoints) => {
            mirror(endpoints, ours.cloned(), limits.max_endpoints_per_subset)
        }
    }
}

fn mirror(
    endpoints: &Endpoints,
    existing: impl Iterator<Item = Arc<EndpointSlice>>,
    max: NonZeroUsize,
) -> Plan {
    let Wanted { groups, ports: wanted_ports, skipped } = wanted(endpoints, max);
    let mut existing = by_group(existing);
    let mirror = Mirror::of(endpoints);
    let mut create = Vec::new();
    let mut update = Vec::new();
    let mut delete = Vec::new();
    let mut counts = Counts::default();
    for ((family, ports), group) in &groups {
        let mut candidates =
            existing.remove(&(AddressType::Ip(*family), ports.clone())).unwrap_or_default();
        counts.want(group.len(), max);
        match nearest(&candidates, group) {
            None => {
                counts.added += group.len();
                create.push(mirror.new_slice(*family, ports, group));
            }
            Some(place) => {
                let kept = candidates.remove(place);
                compare(&kept, group, &mut counts);
                if !mirror.is_shown_by(&kept, group) {
                    update.push(mirror.rewritten(&kept, ports, group));
                }
                delete.extend(candidates);
            }
        }
    }
    for ((_, ports), slices) in existing {
        if wanted_ports.contains(&ports) {
            counts.removed += slices.iter().map(|slice| slice.endpoints.len()).sum::<usize>();
        }
        delete.extend(slices);
    }
    recycle(&mut create, &mut update, &mut delete);
    let mut slices = SlicePlan { create, update, delete, withheld: 0 };
    if endpoints.metadata.deleting {
        slices.withhold_creations();
    }
    let reason = match skipped {
        Skipped { total, invalid } if total > invalid => Reason::MirrorTruncated,
        Skipped { invalid, .. } if invalid > 0 => Reason::MirrorInvalidIP,
        _ => Reason::MirroredFrom,
    };
    Plan { slices, clean_up: Vec::new(), skipped, counts: Some(counts), reason }
}

/// Counts what changes for the readers of a slice that comes to hold a group.
fn compare(slice: &EndpointSlice, group: &Group, counts: &mut Counts) {
    let mut found = 0;
    for endpoint in &slice.endpoints {
        match group.get(&Identity::of(endpoint)) {
            None => counts.removed += 1,
            Some(wanted) => {
                found += 1;
                counts.updated += usize::from(!shows(endpoint, wanted));
            }
        }
    }
    // A slice of somebody's making may hold an endpoint twice.
    counts.added += group.len().saturating_sub(found);
}

fn by_group(
    slices: impl Iterator<Item = Arc<EndpointSlice>>,
) -> BTreeMap<(AddressType, PortSet), Vec<Arc<EndpointSlice>>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for slice in slices {
        let group = (slice.address_type.clone(), PortSet::new(slice.ports.clone()));
        groups.entry(group).or_default().push(slice);
    }
    groups
}

/// Of several slices for one group, the one that shares the most endpoints with it, so that the
/// fewest are published anew.
fn nearest(candidates: &[Arc<EndpointSlice>], group: &Group) -> Option<usize> {
    let shared = |slice: &EndpointSlice| {
        slice
            .endpoints
            .iter()
            .filter(|endpoint| group.contains_key(&Identity::of(endpoint)))
            .count()
    };
    let places = candidates.iter().enumerate();
    // The first of equals.
    places.rev().max_by_key(|(_, slice)| shared(slice)).map(|(place, _)| place)
}

/// A superfluous slice becomes the new one that shares the most addresses with it: the name stays,
/// consumers see one event, and as few addresses as possible move from slice to slice.
fn recycle(
    create: &mut Vec<EndpointSlice>,
    update: &mut Vec<EndpointSlice>,
    delete: &mut Vec<Arc<EndpointSlice>>,
) {
    let mut contents = Contents::new(std::mem::take(create));
    for slice in std::mem::take(delete) {
        match contents.take_nearest(&slice) {
            Some(content) => {
                let metadata = ObjectMeta {
                    labels: content.metadata.labels,
                    annotations: content.metadata.annotations,
                    owner_references: content.metadata.owner_references,
                    ..slice.metadata.clone()
                };
                update.push(EndpointSlice { metadata, ..content });
            }
            None => delete.push(slice),
        }
    }
    *create = contents.rest();
}

/// What all slices of some Endpoints have in common.
struct Mirror {
    key: NamespacedName,
    labels: Labels,
    annotations: Labels,
    owner: OwnerReference,
}

impl Mirror {
    fn of(endpoints: &Endpoints) -> Self {
        let metadata = &endpoints.metadata;
        let mut labels: BTreeMap<Text, Text> = (*metadata.labels).clone();
        labels.insert(SERVICE_NAME_LABEL.into(), metadata.key.name.clone());
        labels.insert(MANAGED_BY_LABEL.into(), MANAGED_BY.into());
        let mut annotations: BTreeMap<Text, Text> = (*metadata.annotations).clone();
        annotations.remove(TRIGGER_TIME_ANNOTATION);
        annotations.remove(LAST_APPLIED_ANNOTATION);
        Self {
            key: metadata.key.clone(),
            labels: Arc::new(labels),
            annotations: Arc::new(annotations),
            owner: OwnerReference {
                api_version: "v1".into(),
                kind: "Endpoints".into(),
                name: metadata.key.name.clone(),
                uid: metadata.uid.clone(),
                controller: Some(true),
                block_owner_deletion: Some(true),
            },
        }
    }

    /// Whether a slice needs no change. Hints, finalizers, further owners and the order of
    /// endpoints and ports are not looked at.
    fn is_shown_by(&self, slice: &EndpointSlice, group: &Group) -> bool {
        let metadata = &slice.metadata;
        let owned = metadata
            .owner_references
            .iter()
            .any(|owner| owner.uid == self.owner.uid && owner.kind == self.owner.kind);
        let same = |endpoint: &Endpoint| {
            group.get(&Identity::of(endpoint)).is_some_and(|wanted| shows(endpoint, wanted))
        };
        owned
            && metadata.labels == self.labels
            && metadata.annotations == self.annotations
            && slice.endpoints.len() == group.len()
            && slice.endpoints.iter().all(same)
    }

    fn new_slice(&self, family: IpFamily, ports: &PortSet, group: &Group) -> EndpointSlice {
        EndpointSlice {
            metadata: ObjectMeta {
                key: NamespacedName::new(self.key.namespace.clone(), ""),
                generate_name: Some(format!("{}-", self.key.name).into()),
                uid: "".into(),
                resource_version: ResourceVersion::default(),
                deleting: false,
                labels: self.labels.clone(),
                annotations: self.annotations.clone(),
                owner_references: vec![self.owner.clone()],
                finalizers: Vec::new(),
            },
            address_type: AddressType::Ip(family),
            ports: ports.ports().to_vec(),
            endpoints: group.values().cloned().collect(),
        }
    }

    /// A slice with the content it should have. What a finalizer waits for is not ours to end.
    fn rewritten(&self, slice: &EndpointSlice, ports: &PortSet, group: &Group) -> EndpointSlice {
        EndpointSlice {
            metadata: ObjectMeta {
                labels: self.labels.clone(),
                annotations: self.annotations.clone(),
                owner_references: vec![self.owner.clone()],
                ..slice.metadata.clone()
            },
            address_type: slice.address_type.clone(),
            ports: ports.ports().to_vec(),
            endpoints: group.values().cloned().collect(),
        }
    }
}

/// Whether a published endpoint says what the wanted one of the same identity says.
fn shows(published: &Endpoint, wanted: &Endpoint) -> bool {
    let target = |endpoint: &Endpoint| endpoint.target_ref.as_ref().map(TargetRef::without_version);
    published.conditions == wanted.conditions
        && published.node_name == wanted.node_name
        && published.zone == wanted.zone
        && target(published) == target(wanted)
}
