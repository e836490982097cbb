//! The plan for one Service's Endpoints.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::capacity::{Capacity, cut};
use super::subsets::{Entry, Readiness, pack, say_the_same};
use super::{MANAGED_BY, Plan, Snapshot, Write};
use crate::facts::endpoint_slice::HEADLESS_LABEL;
use crate::facts::endpoints::{MANAGED_BY_LABEL, OVER_CAPACITY_ANNOTATION};
use crate::facts::{
    ClusterIp, EndpointAddress, EndpointSubset, Endpoints, IpFamily, Labels, ObjectMeta, Phase,
    Pod, PodAddress, Service, TargetRef,
};
use crate::key::{ResourceVersion, Text};
use crate::memory::Memory;
use crate::ports::PortResolver;
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
    let pods = snapshot.pods.iter().map(|pod| &**pod);
    let times = trigger_time::advance(snapshot.memory.as_deref(), service, pods);
    let mut wanted = subsets(service, &snapshot.pods);
    let capacity = cut(&mut wanted);
    let reason = match capacity {
        Capacity::Within => Reason::InSync,
        Capacity::Exceeded => Reason::Truncated,
    };
    let current = snapshot.endpoints.as_deref();
    let write = match current {
        Some(current) if says(current, service, &wanted, capacity) => None,
        _ => {
            let mut endpoints = Endpoints { metadata: metadata(service, current), subsets: wanted };
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

/// What the Endpoints of a Service should hold, uncut.
fn subsets(service: &Service, pods: &[Arc<Pod>]) -> Vec<EndpointSubset> {
    let mut resolver = PortResolver::new(service);
    let mut found: Vec<(EndpointAddress, Readiness, usize)> = Vec::with_capacity(pods.len());
    for pod in pods {
        if let Some(readiness) = readiness(service, pod)
            && let Some(ip) = address(service, pod)
        {
            let place = resolver.resolve(&pod.planning.ports);
            found.push((endpoint_address(service, pod, ip), readiness, place));
        }
    }
    let portless = service.ports.is_empty() && service.cluster_ip == ClusterIp::Headless;
    let entries = found.iter().filter_map(|(address, readiness, place)| {
        let ports = resolver.set(*place).map_or(&[][..], |resolved| resolved.set.ports());
        let counts = !ports.is_empty() || portless;
        counts.then_some(Entry { address, readiness: *readiness, ports })
    });
    pack(entries)
}

/// Whether a Pod is listed, and as what. Unlike in slices, a Pod that is going away is not.
fn readiness(service: &Service, pod: &Pod) -> Option<Readiness> {
    let anyway = service.publish_not_ready_addresses;
    let pod = &pod.planning;
    if pod.phase != Phase::Live || (pod.deleting && !anyway) {
        return None;
    }
    Some(if pod.ready || anyway { Readiness::Ready } else { Readiness::NotReady })
}

/// The first address of the Service's first family that may be published.
fn address<'a>(service: &Service, pod: &'a Pod) -> Option<&'a Text> {
    let addresses = &pod.planning.addresses;
    let family = match (service.ip_families.first(), &service.cluster_ip) {
        (Some(first), _) => *first,
        (None, ClusterIp::Address(address)) => IpFamily::of(*address),
        // Stored before families were: whatever the Pod has first.
        (None, _) => addresses.first()?.family()?,
    };
    addresses.iter().find_map(|address| match address {
        PodAddress::Usable { family: of, text } if *of == family => Some(text),
        _ => None,
    })
}

fn endpoint_address(service: &Service, pod: &Pod, ip: &Text) -> EndpointAddress {
    let in_subdomain = pod.planning.subdomain.as_ref() == Some(&service.key.name);
    EndpointAddress {
        ip: ip.clone(),
        hostname: pod.planning.hostname.clone().filter(|_| in_subdomain),
        node_name: pod.planning.node_name.clone(),
        target_ref: Some(TargetRef {
            kind: Some("Pod".into()),
            namespace: Some(pod.key.namespace.clone()),
            name: Some(pod.key.name.clone()),
            uid: Some(pod.planning.uid.clone()),
            rest: None,
        }),
    }
}

/// Whether Endpoints already say what they should, in whatever order and grouping.
fn says(
    current: &Endpoints,
    service: &Service,
    wanted: &[EndpointSubset],
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
