//! A Pod as seen from its Service, for one IP family: the endpoint it should become, or the
//! reason why it becomes none. Kept borrowed, so that comparing a Pod with what is already
//! published allocates nothing.

use smallvec::SmallVec;

use crate::facts::{
    Cause, Conditions, Endpoint, IpFamily, Node, Phase, Pod, PodAddress, Service, TargetRef,
};
use crate::key::Text;
use crate::reason::Reason;

/// A selected Pod and its Node, if the Node exists.
#[derive(Clone, Copy)]
pub struct SelectedPod<'a> {
    /// The Pod.
    pub pod: &'a Pod,
    /// The Node named by `spec.nodeName`.
    pub node: Option<&'a Node>,
}

/// How a Pod stands towards the endpoints of a Service in one family.
pub enum Standing<'a> {
    /// It has run to its end or has no address: it plays no part at all.
    Ignored(Reason),
    /// It yields no endpoint, yet the slices for its ports are wanted.
    LeftOut(Reason),
    /// It becomes an endpoint.
    Wanted(Wanted<'a>),
}

/// Decides how a Pod stands. Terminating Pods are endpoints, too: consumers may fall back to them
/// when nothing else serves (KEP-1672).
pub fn standing<'a>(
    service: &Service,
    selected: SelectedPod<'a>,
    family: IpFamily,
) -> Standing<'a> {
    let pod = &selected.pod.planning;
    match pod.phase {
        Phase::Failed => return Standing::Ignored(Reason::PodFailed),
        Phase::Succeeded => return Standing::Ignored(Reason::PodSucceeded),
        Phase::Live => {}
    }
    if !pod.has_ip && pod.addresses.is_empty() {
        return Standing::Ignored(Reason::NoPodIP);
    }
    if selected.node.is_none() && !service.publish_not_ready_addresses {
        return Standing::LeftOut(Reason::NodeUnknown);
    }
    let mut usable = Addresses::new();
    let mut unusable = false;
    for address in &pod.addresses {
        match address {
            PodAddress::Usable { family: of, text, .. } if *of == family => usable.push(text),
            PodAddress::Unusable { family: of, .. } if of.is_none_or(|of| of == family) => {
                unusable = true;
            }
            _ => {}
        }
    }
    usable.sort();
    match (usable.is_empty(), unusable) {
        (false, _) => Standing::Wanted(Wanted::new(service, selected, usable)),
        (true, true) => Standing::LeftOut(Reason::AddressInvalid),
        (true, false) => Standing::LeftOut(Reason::FamilyMissing),
    }
}

/// The addresses of a Pod in one family: there is one, as a rule.
type Addresses<'a> = SmallVec<[&'a Text; 1]>;

/// The endpoint a Pod should become.
pub struct Wanted<'a> {
    /// The Pod.
    pub pod: &'a Pod,
    addresses: Addresses<'a>,
    conditions: Conditions,
    hostname: Option<&'a Text>,
    zone: Option<&'a Text>,
    node_is_ready: bool,
}

impl<'a> Wanted<'a> {
    fn new(service: &Service, selected: SelectedPod<'a>, addresses: Addresses<'a>) -> Self {
        let pod = &selected.pod.planning;
        let ready = service.publish_not_ready_addresses || (pod.ready && !pod.deleting);
        let in_subdomain = pod.subdomain.as_ref() == Some(&service.key.name);
        let node = selected.node;
        Self {
            pod: selected.pod,
            addresses,
            conditions: Conditions {
                ready: Some(ready),
                serving: Some(pod.ready),
                terminating: Some(pod.deleting),
            },
            hostname: pod.hostname.as_ref().filter(|_| in_subdomain),
            zone: node.and_then(|node| node.zone.as_ref()),
            node_is_ready: node.is_none_or(|node| node.ready),
        }
    }

    /// Whether a published endpoint stands for the same Pod: same addresses, hostname, and name
    /// of the Pod. The uid plays no part, so a Pod recreated under its name is changed in place.
    pub fn is_same_as(&self, endpoint: &Endpoint) -> bool {
        let named = endpoint.target_ref.as_ref().is_some_and(|target| {
            target.name.as_ref() == Some(&self.pod.key.name)
                && target.namespace.as_ref() == Some(&self.pod.key.namespace)
        });
        named
            && endpoint.addresses.iter().eq(self.addresses.iter().copied())
            && endpoint.hostname.as_ref() == self.hostname
    }

    /// Whether a published endpoint of the same Pod needs no change. Hints are not looked at, nor
    /// is the resourceVersion of the reference.
    pub fn is_published_by(&self, endpoint: &Endpoint) -> bool {
        endpoint.conditions == self.conditions
            && endpoint.node_name == self.pod.planning.node_name
            && endpoint.zone.as_ref() == self.zone
            && endpoint
                .target_ref
                .as_ref()
                .is_some_and(|target| target.is_to_pod(&self.pod.key, &self.pod.planning.uid))
    }

    /// The endpoint as it is to be written.
    pub fn to_endpoint(&self) -> Endpoint {
        Endpoint {
            addresses: self.addresses.iter().map(|text| (*text).clone()).collect(),
            conditions: self.conditions,
            hostname: self.hostname.cloned(),
            node_name: self.pod.planning.node_name.clone(),
            zone: self.zone.cloned(),
            target_ref: Some(TargetRef::to_pod(&self.pod.key, &self.pod.planning.uid)),
            hints: None,
        }
    }

    /// Why the endpoint looks as it does.
    pub fn reason(&self) -> Reason {
        let pod = &self.pod.planning;
        match (pod.deleting, pod.ready) {
            (true, true) => Reason::ServingTerminating,
            (true, false) => Reason::Terminating,
            (false, false) if self.conditions.ready == Some(true) => Reason::PublishedNotReady,
            (false, false) => Reason::NotReady,
            (false, true) if !self.node_is_ready => Reason::ReadyNodeNotReady,
            (false, true) => Reason::Ready,
        }
    }
}

/// What keeps a Pod from being ready. A Node that is not ready comes before all else, since then
/// nobody reports on the Pod.
pub fn cause(selected: SelectedPod<'_>) -> Option<Cause> {
    if selected.pod.planning.ready {
        return None;
    }
    let node_is_down = selected.node.is_some_and(|node| !node.ready);
    if node_is_down {
        return Some(Cause::NodeNotReady);
    }
    selected.pod.explaining.cause
}
