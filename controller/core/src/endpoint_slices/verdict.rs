//! The Service as a whole: what its Pods and ports add up to. Reasons that need a clock or a live
//! read (a roll-out in progress, a workload scaled to zero) are not told apart here.

use std::cmp::Reverse;

use super::{Plan, Snapshot};
use crate::facts::{Pod, Service, ServicePort, TargetPort};
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
    reasons.extend(of_pods(snapshot, plan));
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

/// How many Pods stand how, over all families.
#[derive(Default)]
struct Tally {
    all: usize,
    /// All but those that have run to their end. Only they are counted below.
    live: usize,
    deleting: usize,
    /// Without an address that may be published.
    unusable: usize,
    family_missing: usize,
    serving: usize,
    published_not_ready: usize,
    /// Out of service for a reason that may pass.
    short: usize,
}

impl Tally {
    fn count(&mut self, pod: &Pod, reason: Reason) {
        use Reason::*;
        self.all += 1;
        if matches!(reason, PodFailed | PodSucceeded) {
            return;
        }
        self.live += 1;
        self.deleting += usize::from(pod.planning.deleting);
        match reason {
            NoPodIP | AddressInvalid | NodeUnknown => {
                self.unusable += 1;
                self.short += 1;
                return;
            }
            FamilyMissing => {
                self.family_missing += 1;
                return;
            }
            PublishedNotReady => self.published_not_ready += 1,
            NotReady | ReadyNodeNotReady => self.short += 1,
            _ => {}
        }
        self.serving += usize::from(pod.planning.ready && !pod.planning.deleting);
    }
}

fn of_pods(snapshot: &Snapshot, plan: &Plan) -> Option<Reason> {
    let mut tally = Tally::default();
    for family in &plan.families {
        let verdicts = snapshot.pods.iter().zip(&family.pods);
        verdicts.for_each(|(pod, verdict)| tally.count(pod, verdict.reason));
    }
    match tally {
        Tally { all: 0, .. } => Some(Reason::NoPodsMatch),
        Tally { live: 0, .. } => Some(Reason::AllPodsTerminal),
        Tally { live, deleting, .. } if deleting == live => Some(Reason::TerminatingOnly),
        Tally { live, unusable, .. } if unusable == live => Some(Reason::NoUsableAddress),
        Tally { live, family_missing, .. } if family_missing == live => Some(Reason::NoPodOfFamily),
        Tally { serving: 0, published_not_ready: 0, .. } => Some(Reason::NoneReady),
        Tally { serving: 0, .. } => Some(Reason::NotReadyPublished),
        Tally { short: 0, .. } => None,
        _ => Some(Reason::Degraded),
    }
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
    let mut verdicts = plan.families.iter().flat_map(|family| &family.pods);
    let lacking = verdicts
        .any(|verdict| matches!(verdict.reason, Reason::NoPortResolved | Reason::PortMissing));
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
        && snapshot.pods.iter().all(|pod| {
            let ports = &pod.planning.ports;
            let mut same = ports.iter().filter(|declared| declared.protocol == port.protocol);
            let first = same.next();
            first.is_some_and(|first| first.number != number)
                && same.all(|declared| declared.number != number)
        })
}
