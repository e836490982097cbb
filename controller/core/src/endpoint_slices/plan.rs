//! The plan for one Service: family by family, port set by port set.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::hints::{self, Hints};
use super::labels::{self, MANAGED_BY};
use super::pack::{Packing, pack};
use super::{Counts, FamilyPlan, Limits, Plan, PodVerdict, SliceEntry, Snapshot, verdict};
use crate::endpoint::{self, SelectedPod, Standing, Wanted};
use crate::facts::{
    AddressType, Endpoint, EndpointPort, EndpointSlice, IpFamily, Labels, ObjectMeta, Pod, Service,
};
use crate::key::{NamespacedName, ResourceVersion};
use crate::memory::Memory;
use crate::ports::{PortResolver, PortSet, ResolvedPorts};
use crate::reason::Reason;
use crate::slice_plan::{Change, SlicePlan, Sorted};
use crate::trigger_time;

/// Decides what to write for one Service. The same snapshot always yields the same plan, and a
/// plan carried out leaves nothing to plan.
pub fn plan(snapshot: &Snapshot, limits: &Limits) -> Plan {
    let Some(service) = snapshot.service.as_deref() else {
        // Slices of a Service that is gone go by garbage collection, through their owner.
        return idle(snapshot, Reason::ServiceNotFound, Reason::OwnerGone);
    };
    if service.external_name {
        return idle(snapshot, Reason::ExternalName, Reason::LeftOver);
    }
    if service.selector.is_none() {
        let reason = verdict::without_selector(snapshot);
        return idle(snapshot, reason, Reason::LeftOver);
    }
    Planner::new(snapshot, service, limits).plan()
}

/// A plan that writes nothing.
fn idle(snapshot: &Snapshot, service: Reason, ours: Reason) -> Plan {
    let entries = snapshot.slices.iter().map(|slice| {
        let reason = if is_ours(slice) { ours } else { Reason::Foreign };
        slice_entry(slice, reason)
    });
    Plan {
        families: Vec::new(),
        strays: Vec::new(),
        errors: Vec::new(),
        slices: entries.collect(),
        service: vec![service],
        notices: Vec::new(),
        memory: snapshot.memory.clone(),
    }
}

struct Planner<'a> {
    snapshot: &'a Snapshot,
    service: &'a Service,
    max: usize,
    labels: Labels,
    trigger_time: Option<Timestamp>,
    plan: Plan,
}

/// How the Pods of one family stand.
struct Judged<'a> {
    /// In the order of the snapshot.
    verdicts: Vec<PodVerdict>,
    groups: Vec<Group<'a>>,
}

/// The Pods of one family, by the ports they serve.
struct Group<'a> {
    ports: ResolvedPorts,
    wanted: Vec<Wanted<'a>>,
}

impl<'a> Planner<'a> {
    fn new(snapshot: &'a Snapshot, service: &'a Service, limits: &Limits) -> Self {
        let times = trigger_time::advance(snapshot.memory.as_deref(), service, &snapshot.pods);
        Self {
            snapshot,
            service,
            max: limits.max_endpoints_per_slice.get(),
            labels: labels::wanted(service),
            trigger_time: times.trigger_time,
            plan: Plan {
                families: Vec::new(),
                strays: Vec::new(),
                errors: Vec::new(),
                slices: Vec::new(),
                service: Vec::new(),
                notices: Vec::new(),
                memory: Some(Memory::of_times(times.remembered)),
            },
        }
    }

    fn plan(mut self) -> Plan {
        let families = self.service.families();
        let mut by_family = self.sort_slices(&families);
        let mut sets = Vec::new();
        for family in families {
            let existing = by_family.remove(&family).unwrap_or_default();
            let Judged { verdicts, groups } = self.groups(family);
            let family_plan = self.family(family, &groups, existing);
            self.plan.families.push(FamilyPlan { pods: verdicts, ..family_plan });
            sets.extend(groups.into_iter().map(|group| group.ports));
        }
        self.plan.service = verdict::of(self.service, self.snapshot, &self.plan, &sets);
        self.tell_of_hints();
        self.plan
    }

    /// Splits the slices: ours by family, ours of other address types, and those to leave alone.
    fn sort_slices(
        &mut self,
        families: &[IpFamily],
    ) -> BTreeMap<IpFamily, Vec<Arc<EndpointSlice>>> {
        let mut by_family: BTreeMap<IpFamily, Vec<Arc<EndpointSlice>>> = BTreeMap::new();
        for slice in &self.snapshot.slices {
            let entry = |reason| slice_entry(slice, reason);
            match &slice.address_type {
                _ if !is_ours(slice) => self.plan.slices.push(entry(Reason::Foreign)),
                _ if slice.metadata.deleting => self.plan.slices.push(entry(Reason::HeldDeleting)),
                AddressType::Ip(family) if families.contains(family) => {
                    by_family.entry(*family).or_default().push(slice.clone());
                }
                _ => {
                    self.plan.slices.push(entry(Reason::LeftOver));
                    self.plan.strays.push(slice.clone());
                }
            }
        }
        by_family
    }

    /// Judges every Pod, and groups those that count by the ports they serve.
    fn groups(&mut self, family: IpFamily) -> Judged<'a> {
        let mut resolver = PortResolver::new(self.service);
        let mut wanted: Vec<Vec<Wanted<'a>>> = Vec::new();
        let snapshot = self.snapshot;
        let count = snapshot.pods.len();
        let mut verdicts = Vec::with_capacity(count);
        let mut places = Vec::with_capacity(count);
        for pod in snapshot.pods.iter() {
            let node = pod.planning.node_name.as_ref().and_then(|name| snapshot.nodes.get(name));
            let selected = SelectedPod { pod, node: node.map(|node| &**node) };
            let standing = endpoint::standing(self.service, selected, family);
            // A Pod that counts makes slices for its ports wanted, even if it yields no endpoint.
            let place = match standing {
                Standing::Ignored(_) => None,
                _ => Some(resolver.resolve(&pod.planning.ports)),
            };
            if let Some(place) = place
                && place >= wanted.len()
            {
                wanted.resize_with(place + 1, Vec::new);
            }
            let (reason, serves) = match standing {
                Standing::Ignored(reason) => (reason, None),
                Standing::LeftOut(reason) => {
                    self.note_unknown_node(pod, reason);
                    (reason, None)
                }
                Standing::Wanted(endpoint) => {
                    let reason = endpoint.reason();
                    if let Some(group) = place.and_then(|place| wanted.get_mut(place)) {
                        group.push(endpoint);
                    }
                    (reason, place)
                }
            };
            places.push(serves);
            verdicts.push(PodVerdict { reason, cause: endpoint::cause(selected) });
        }
        let sets = resolver.into_sets();
        self.note_missing_ports(&mut verdicts, &places, &sets);
        let groups = sets.into_iter().zip(wanted);
        let groups = groups.map(|(ports, wanted)| Group { ports, wanted }).collect();
        Judged { verdicts, groups }
    }

    /// A Pod on a Node that does not exist fails the visit, so that it is tried again.
    fn note_unknown_node(&mut self, pod: &Pod, reason: Reason) {
        if reason == Reason::NodeUnknown {
            self.plan.errors.push(format!(
                "skipping Pod {} for Service {}: Node {} Not Found",
                pod.key.name,
                self.service.key,
                pod.planning.node_name.as_deref().unwrap_or(""),
            ));
        }
    }

    /// A Pod that is published without some or all ports says so, whatever its state.
    fn note_missing_ports(
        &self,
        verdicts: &mut [PodVerdict],
        places: &[Option<usize>],
        sets: &[ResolvedPorts],
    ) {
        let asked = self.service.ports.len();
        if sets.iter().all(|ports| ports.resolved == asked) {
            return;
        }
        for (verdict, place) in verdicts.iter_mut().zip(places) {
            match place.and_then(|place| sets.get(place)) {
                Some(ports) if ports.resolved == asked => {}
                Some(ports) if ports.resolved == 0 => verdict.reason = Reason::NoPortResolved,
                Some(_) => verdict.reason = Reason::PortMissing,
                None => {}
            }
        }
    }

    fn family(
        &mut self,
        family: IpFamily,
        groups: &[Group<'_>],
        existing: Vec<Arc<EndpointSlice>>,
    ) -> FamilyPlan {
        let mut sorted = Sorted::default();
        let mut counts = Counts::default();
        let mut kept = Vec::new();
        let mut by_ports = self.by_ports(existing, &mut sorted);
        for group in groups {
            let existing = by_ports.remove(&group.ports.set).unwrap_or_default();
            let packing = pack(&group.wanted, existing, &self.labels, self.max);
            counts.desired_endpoints += group.wanted.len();
            counts.desired_slices += group.wanted.len().div_ceil(self.max);
            self.take(packing, family, &group.ports.set, &mut sorted, &mut counts, &mut kept);
        }
        sorted.delete.extend(by_ports.into_values().flatten());
        if kept.is_empty() && sorted.update.is_empty() && sorted.create.is_empty() {
            self.keep_or_make_placeholder(family, &mut sorted, &mut kept);
        }
        let mode = self.service.hint_mode();
        let hints = Hints::new(&mut sorted, &mut kept).set(mode, &self.snapshot.zones);
        sorted.recycle();
        kept.extend(sorted.settled());
        counts.slices = kept.len() + sorted.update.len() + sorted.create.len();
        counts.desired_slices = counts.desired_slices.max(1);
        let slices = self.written(sorted, &kept);
        FamilyPlan { family, slices, counts, hints, pods: Vec::new() }
    }

    /// Tells what has changed about topology aware hints since users were last told.
    fn tell_of_hints(&mut self) {
        let known = self.snapshot.memory.as_ref().map(|memory| &memory.hints_told);
        let outcomes = self.plan.families.iter().map(|family| (family.family, &family.hints));
        let telling = hints::telling(self.service, outcomes, known.unwrap_or(&BTreeMap::new()));
        self.plan.notices = telling.notices;
        if let Some(memory) = &mut self.plan.memory {
            Arc::make_mut(memory).hints_told = telling.told;
        }
    }

    /// Our slices by port set. Those of an older Service of the same name are discarded: they are
    /// about to be collected, so nothing may be built on them (kubernetes/kubernetes#94720).
    fn by_ports(
        &self,
        existing: Vec<Arc<EndpointSlice>>,
        sorted: &mut Sorted,
    ) -> BTreeMap<PortSet, Vec<Arc<EndpointSlice>>> {
        let mut by_ports: BTreeMap<PortSet, Vec<Arc<EndpointSlice>>> = BTreeMap::new();
        for slice in existing {
            if labels::is_owned(&slice, self.service) {
                let set = PortSet::new(slice.ports.clone());
                by_ports.entry(set).or_default().push(slice);
            } else {
                sorted.discard.push(slice);
            }
        }
        by_ports
    }

    fn take(
        &self,
        packing: Packing,
        family: IpFamily,
        ports: &PortSet,
        sorted: &mut Sorted,
        counts: &mut Counts,
        kept: &mut Vec<Arc<EndpointSlice>>,
    ) {
        let new = |endpoints| self.new_slice(family, ports.ports(), endpoints);
        sorted.create.extend(packing.create.into_iter().map(new));
        sorted.delete.extend(packing.delete);
        let updates = packing.update.into_iter();
        sorted.update.extend(updates.map(|(before, endpoints)| {
            let metadata = ObjectMeta { labels: self.labels.clone(), ..before.metadata.clone() };
            let (address_type, ports) = (before.address_type.clone(), before.ports.clone());
            let after = EndpointSlice { metadata, address_type, ports, endpoints };
            Change { before, after }
        }));
        kept.extend(packing.unchanged);
        counts.added += packing.added;
        counts.removed += packing.removed;
    }

    /// A family never is without a slice: consumers take its absence for "not known yet". An empty
    /// slice of ours that will do is kept, else one is made.
    fn keep_or_make_placeholder(
        &self,
        family: IpFamily,
        sorted: &mut Sorted,
        kept: &mut Vec<Arc<EndpointSlice>>,
    ) {
        let will_do = |slice: &Arc<EndpointSlice>| {
            slice.ports.is_empty()
                && slice.endpoints.is_empty()
                && labels::agree(&slice.metadata.labels, &self.labels)
        };
        match sorted.delete.iter().position(will_do) {
            Some(place) => kept.push(sorted.delete.remove(place)),
            None => sorted.create.push(self.new_slice(family, &[], Vec::new())),
        }
    }

    /// Puts the writes together and notes how every slice stands.
    fn written(&mut self, mut sorted: Sorted, kept: &[Arc<EndpointSlice>]) -> SlicePlan {
        let behind = sorted.update.iter().map(|change| &change.before).chain(&sorted.delete);
        let gone = sorted.discard.iter().map(|slice| slice_entry(slice, Reason::OwnerGone));
        let settled = kept.iter().map(|slice| slice_entry(slice, self.in_sync(slice)));
        let settled: Vec<SliceEntry> = settled.collect();
        self.plan.slices.extend(settled);
        self.plan.slices.extend(behind.map(|slice| slice_entry(slice, Reason::Behind)));
        self.plan.slices.extend(gone);
        let deleting = self.service.deleting;
        let mut plan = std::mem::take(&mut sorted).into_plan(self.trigger_time);
        if deleting {
            plan.withhold_creations();
        }
        plan
    }

    fn in_sync(&self, slice: &EndpointSlice) -> Reason {
        if slice.endpoints.is_empty() {
            Reason::Placeholder
        } else if slice.ports.is_empty() && !self.service.ports.is_empty() {
            Reason::NoPorts
        } else {
            Reason::InSync
        }
    }

    fn new_slice(
        &self,
        family: IpFamily,
        ports: &[EndpointPort],
        endpoints: Vec<Endpoint>,
    ) -> EndpointSlice {
        let service = &self.service.key;
        EndpointSlice {
            metadata: ObjectMeta {
                key: NamespacedName::new(service.namespace.clone(), ""),
                generate_name: Some(format!("{}-", service.name).into()),
                uid: "".into(),
                resource_version: ResourceVersion::default(),
                deleting: false,
                labels: self.labels.clone(),
                annotations: Labels::default(),
                owner_references: vec![labels::owner_reference(self.service)],
                finalizers: Vec::new(),
            },
            address_type: AddressType::Ip(family),
            ports: ports.to_vec(),
            endpoints,
        }
    }
}

fn is_ours(slice: &EndpointSlice) -> bool {
    slice.managed_by() == Some(MANAGED_BY)
}

fn slice_entry(slice: &EndpointSlice, reason: Reason) -> SliceEntry {
    SliceEntry {
        name: slice.metadata.key.name.clone(),
        resource_version: slice.metadata.resource_version,
        reason,
    }
}
