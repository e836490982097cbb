//! The Service as a whole: what its Pods and ports add up to. Reasons that need a clock or a live
//! read (a roll-out in progress, a workload scaled to zero) are not told apart here.

use std::cmp::Reverse;

use super::{Plan, PodEntry, Snapshot};
use crate::facts::{Service, ServicePort, TargetPort};
use crate::ports::ResolvedPorts;
use crate::reason::Reason;

/// Reasons that only ever stand beside another one.
const NOTES: [Reason; 2] = [Reason::PortsMixed, Reason::HeadlessNoPorts];

/// Why a Service without a selector gets nothing from us.
pub(super) fn without_selector(snapshot: &Snapshot) -> Reason {
    if snapshot.slices.is_empty() { Reason::SelectorAbsentEmpty } else { Reason::SelectorAbsent }
}

/// All that holds of a Service with a selector, the reason to tell first in front.
pub(super) fn of(
    service: &Service,
    snapshot: &Snapshot,
    plan: &Plan,
    sets: &[ResolvedPorts],
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if service.deleting {
        reasons.push(Reason::ServiceDeleting);
    }
    reasons.extend(of_pods(&plan.pods));
    reasons.extend(of_families(plan));
    reasons.extend(of_ports(service, snapshot, plan, sets));
    if !reasons.iter().any(|reason| !NOTES.contains(reason)) {
        reasons.push(Reason::Healthy);
    }
    reasons.sort_by_key(|reason| {
        let stage = reason.stage();
        (NOTES.contains(reason), Reverse(reason.severity()), stage, *reason)
    });
    reasons.dedup();
    reasons
}

fn of_pods(entries: &[PodEntry]) -> Option<Reason> {
    use Reason::*;
    let live: Vec<&PodEntry> =
        entries.iter().filter(|entry| !matches!(entry.reason, PodFailed | PodSucceeded)).collect();
    let all = |these: &[Reason]| live.iter().all(|entry| these.contains(&entry.reason));
    let any = |these: &[Reason]| live.iter().any(|entry| these.contains(&entry.reason));
    if entries.is_empty() {
        return Some(NoPodsMatch);
    }
    if live.is_empty() {
        return Some(AllPodsTerminal);
    }
    if live.iter().all(|entry| entry.pod.planning.deleting) {
        return Some(TerminatingOnly);
    }
    if all(&[NoPodIP, AddressInvalid, NodeUnknown]) {
        return Some(NoUsableAddress);
    }
    if all(&[FamilyMissing]) {
        return Some(NoPodOfFamily);
    }
    let published = |entry: &&&PodEntry| {
        !matches!(entry.reason, NoPodIP | AddressInvalid | NodeUnknown | FamilyMissing)
    };
    let serves = |entry: &&PodEntry| entry.pod.planning.ready && !entry.pod.planning.deleting;
    if !live.iter().filter(published).any(serves) {
        let as_asked = any(&[PublishedNotReady]);
        return Some(if as_asked { NotReadyPublished } else { NoneReady });
    }
    let short = [NoPodIP, AddressInvalid, NodeUnknown, NotReady, ReadyNodeNotReady];
    any(&short).then_some(Degraded)
}

/// A dual-stack Service whose one family has nothing to offer.
fn of_families(plan: &Plan) -> Option<Reason> {
    let desired = |family: &super::FamilyPlan| family.counts.desired_endpoints;
    let some = plan.families.iter().any(|family| desired(family) > 0);
    let none = plan.families.iter().any(|family| desired(family) == 0);
    (some && none).then_some(Reason::FamilyEmpty)
}

fn of_ports(
    service: &Service,
    snapshot: &Snapshot,
    plan: &Plan,
    sets: &[ResolvedPorts],
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if service.ports.is_empty() {
        reasons.push(Reason::HeadlessNoPorts);
        return reasons;
    }
    let asked = service.ports.len();
    let lacking = plan
        .pods
        .iter()
        .any(|entry| matches!(entry.reason, Reason::NoPortResolved | Reason::PortMissing));
    if lacking {
        let none = sets.iter().all(|ports| ports.resolved == 0);
        reasons.push(if none { Reason::NoPortsResolved } else { Reason::PortsPartlyResolved });
    }
    let complete = |ports: &&ResolvedPorts| ports.resolved == asked;
    let mut complete = sets.iter().filter(complete).map(|ports| &ports.set);
    let first = complete.next();
    if complete.any(|set| Some(set) != first) {
        reasons.push(Reason::PortsMixed);
    }
    if service.ports.iter().any(|port| is_undeclared(port, snapshot)) {
        reasons.push(Reason::TargetPortUndeclared);
    }
    reasons
}

/// Whether every Pod declares ports of a port's protocol, and none the number it targets.
fn is_undeclared(port: &ServicePort, snapshot: &Snapshot) -> bool {
    let TargetPort::Number(number) = port.target_port else {
        return false;
    };
    !snapshot.pods.is_empty()
        && snapshot.pods.iter().all(|selected| {
            let ports = &selected.pod.planning.ports;
            let mut same = ports.iter().filter(|declared| declared.protocol == port.protocol);
            let first = same.next();
            first.is_some_and(|first| first.number != number)
                && same.all(|declared| declared.number != number)
        })
}
