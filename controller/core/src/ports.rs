//! Which ports a Pod serves for a Service, and the sets of ports that slices are grouped by.

use std::collections::BTreeMap;

use crate::facts::{ContainerKind, ContainerPort, EndpointPort, Service, ServicePort, TargetPort};
use crate::go_hash::{OrNil, go_hash};

/// The ports of a slice in the order in which kube-controller-manager writes them since 1.35:
/// ascending by a hash of each port (kubernetes/kubernetes#133511). Two slices belong to the same
/// set exactly if their sorted ports are equal, so the order also is the identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSet(Vec<EndpointPort>);

impl PortSet {
    /// Sorts ports into their set.
    pub fn new(mut ports: Vec<EndpointPort>) -> Self {
        ports.sort_by_cached_key(port_hash);
        Self(ports)
    }

    /// The ports, sorted.
    pub fn ports(&self) -> &[EndpointPort] {
        &self.0
    }
}

/// Resolves the target ports of one Service on many Pods. Pods of one workload declare the same
/// ports, so each distinct outcome is worked out once.
pub struct PortResolver<'a> {
    ports: &'a [ServicePort],
    named: bool,
    known: BTreeMap<Vec<Option<i32>>, usize>,
    sets: Vec<ResolvedPorts>,
}

/// What a Service's ports come to on some Pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedPorts {
    /// The ports of the slices that hold these Pods.
    pub set: PortSet,
    /// How many of the Service's ports resolved.
    pub resolved: usize,
}

impl<'a> PortResolver<'a> {
    /// Prepares the ports of a Service.
    pub fn new(service: &'a Service) -> Self {
        let named = |port: &ServicePort| matches!(port.target_port, TargetPort::Name(_));
        Self {
            ports: &service.ports,
            named: service.ports.iter().any(named),
            known: BTreeMap::new(),
            sets: Vec::new(),
        }
    }

    /// The place in [`PortResolver::into_sets`] of the ports that a Pod with these container ports serves.
    pub fn resolve(&mut self, container_ports: &[ContainerPort]) -> usize {
        if !self.named && !self.sets.is_empty() {
            return 0;
        }
        let numbers: Vec<Option<i32>> =
            self.ports.iter().map(|port| target_number(port, container_ports)).collect();
        if let Some(place) = self.known.get(&numbers) {
            return *place;
        }
        let place = self.sets.len();
        self.sets.push(self.resolved(&numbers));
        self.known.insert(numbers, place);
        place
    }

    /// The outcome at a place that [`PortResolver::resolve`] gave.
    pub fn set(&self, place: usize) -> Option<&ResolvedPorts> {
        self.sets.get(place)
    }

    /// All outcomes met, in the order in which they were met.
    pub fn into_sets(self) -> Vec<ResolvedPorts> {
        self.sets
    }

    fn resolved(&self, numbers: &[Option<i32>]) -> ResolvedPorts {
        let ports: Vec<EndpointPort> = self
            .ports
            .iter()
            .zip(numbers)
            .filter_map(|(port, number)| Some(endpoint_port(port, (*number)?)))
            .collect();
        ResolvedPorts { resolved: ports.len(), set: PortSet::new(ports) }
    }
}

/// The number behind a Service port's target on a Pod. A name is looked up among the containers,
/// then among the sidecars; ordinary init containers have ended before the Pod serves.
fn target_number(port: &ServicePort, container_ports: &[ContainerPort]) -> Option<i32> {
    let name = match &port.target_port {
        TargetPort::Number(number) => return Some(*number),
        TargetPort::Name(name) => name,
    };
    let find = |kind: ContainerKind| {
        container_ports.iter().find(|candidate| {
            candidate.container == kind
                && candidate.name == *name
                && candidate.protocol == port.protocol
        })
    };
    find(ContainerKind::Main).or_else(|| find(ContainerKind::Sidecar)).map(|found| found.number)
}

fn endpoint_port(port: &ServicePort, number: i32) -> EndpointPort {
    EndpointPort {
        name: Some(port.name.clone()),
        protocol: Some(port.protocol.clone()),
        port: Some(number),
        app_protocol: port.app_protocol.clone(),
    }
}

/// The number that ports are ordered by: the hash of the port as Go prints it with types.
fn port_hash(port: &EndpointPort) -> u128 {
    let name = OrNil(port.name.as_deref());
    let protocol = OrNil(port.protocol.as_deref());
    let app_protocol = OrNil(port.app_protocol.as_deref());
    let number = port.port.map(|number| number.to_string());
    let number = OrNil(number.as_deref());
    go_hash(format_args!(
        "(v1.EndpointPort){{Name:(*string){name} Protocol:(*v1.Protocol){protocol} Port:(*int32){number} AppProtocol:(*string){app_protocol}}}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, protocol: &str, number: i32, app_protocol: Option<&str>) -> EndpointPort {
        EndpointPort {
            name: Some(name.into()),
            protocol: Some(protocol.into()),
            port: Some(number),
            app_protocol: app_protocol.map(Into::into),
        }
    }

    fn names(ports: Vec<EndpointPort>) -> Vec<String> {
        let names = |port: &EndpointPort| port.name.as_deref().unwrap_or("").to_owned();
        PortSet::new(ports).ports().iter().map(names).collect()
    }

    #[test]
    fn hashes_are_those_of_kube_controller_manager() {
        let vectors = [
            (port("udp-example", "UDP", 161, None), 0x0cea_804f),
            (port("dns", "UDP", 53, None), 0x1caf_2163),
            (port("https", "TCP", 443, None), 0x5085_2f61),
            (port("http", "TCP", 8080, Some("http")), 0x517a_7f9d),
            (port("", "TCP", 80, None), 0x73b5_2e07),
            (port("tcp-example", "TCP", 80, None), 0x7747_f733),
            (port("sctp-example", "SCTP", 3456, None), 0x9919_d8d3),
            (port("http", "TCP", 80, None), 0xb6c4_d325),
            (port("metrics", "TCP", 9090, None), 0xdb53_9259),
            (port("ws", "TCP", 82, Some("kubernetes.io/ws")), 0xbb3c_88cc),
        ];
        for (port, leading) in vectors {
            assert_eq!(port_hash(&port) >> 96, leading, "{port:?}");
        }
    }

    #[test]
    fn ports_are_written_in_the_order_of_their_hashes() {
        let many = (0..8)
            .map(|n| port(&format!("p{n}"), "TCP", 2000 + n, None))
            .chain([port("x", "TCP", 1000, None)])
            .collect();
        let expected = ["p2", "p6", "p4", "p1", "p7", "p3", "p5", "p0", "x"];
        assert_eq!(names(many), expected);
    }

    #[test]
    fn the_order_of_ports_in_a_slice_does_not_matter() {
        let one = vec![port("http", "TCP", 80, None), port("https", "TCP", 443, None)];
        let other = one.iter().rev().cloned().collect();
        assert_eq!(PortSet::new(one), PortSet::new(other));
    }
}
