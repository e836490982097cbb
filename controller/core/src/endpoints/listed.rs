//! A Pod as it is listed in Endpoints. Kept borrowed, so that comparing a Service's Pods with what is
//! already published allocates nothing.

use super::subsets::{Address, Entry, Readiness};
use crate::facts::{
    ClusterIp, EndpointAddress, IpFamily, Phase, Pod, PodAddress, Service, TargetRef,
};
use crate::key::Text;
use crate::pod_list::PodList;
use crate::ports::PortResolver;

/// The Pods that the Endpoints of a Service list.
pub struct Listing<'a> {
    resolver: PortResolver<'a>,
    listed: Vec<Listed<'a>>,
    /// Whether addresses without ports count: those of a headless Service that has none.
    portless: bool,
}

/// A Pod that is listed.
pub struct Listed<'a> {
    pod: &'a Pod,
    ip: &'a Text,
    order: u64,
    hostname: Option<&'a Text>,
    readiness: Readiness,
    /// Where the resolver keeps its ports.
    place: usize,
}

impl<'a> Listing<'a> {
    /// Those that are Running, or are to be published anyway, and have an address.
    pub fn new(service: &'a Service, pods: &'a PodList) -> Self {
        let mut resolver = PortResolver::new(service);
        let mut listed = Vec::with_capacity(pods.len());
        for pod in pods.iter() {
            if let Some(readiness) = readiness(service, pod)
                && let Some((ip, order)) = address(service, pod)
            {
                let in_subdomain = pod.planning.subdomain.as_ref() == Some(&service.key.name);
                let hostname = pod.planning.hostname.as_ref().filter(|_| in_subdomain);
                let place = resolver.resolve(&pod.planning.ports);
                listed.push(Listed { pod, ip, order, hostname, readiness, place });
            }
        }
        let portless = service.ports.is_empty() && service.cluster_ip == ClusterIp::Headless;
        Self { resolver, listed, portless }
    }

    /// Each with its ports.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_, Listed<'a>>> {
        self.listed.iter().filter_map(|listed| {
            let resolved = self.resolver.set(listed.place);
            let ports = resolved.map_or(&[][..], |resolved| resolved.set.ports());
            let counts = !ports.is_empty() || self.portless;
            counts.then_some(Entry { address: listed, readiness: listed.readiness, ports })
        })
    }
}

impl Address for Listed<'_> {
    fn ip(&self) -> &str {
        self.ip
    }

    fn order(&self) -> u64 {
        self.order
    }

    fn target(&self) -> Option<&str> {
        Some(&self.pod.planning.uid)
    }

    fn is(&self, published: &EndpointAddress) -> bool {
        let EndpointAddress { ip, hostname, node_name, target_ref } = published;
        let target = target_ref.as_ref();
        ip == self.ip
            && hostname.as_ref() == self.hostname
            && *node_name == self.pod.planning.node_name
            && target.is_some_and(|target| target.is_to_pod(&self.pod.key, &self.pod.planning.uid))
    }

    fn to_address(&self) -> EndpointAddress {
        EndpointAddress {
            ip: self.ip.clone(),
            hostname: self.hostname.cloned(),
            node_name: self.pod.planning.node_name.clone(),
            target_ref: Some(TargetRef::to_pod(&self.pod.key, &self.pod.planning.uid)),
        }
    }
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

/// The first address of the Service's first family that may be published, and its place in the order.
fn address<'a>(service: &Service, pod: &'a Pod) -> Option<(&'a Text, u64)> {
    let addresses = &pod.planning.addresses;
    let family = match (service.ip_families.first(), &service.cluster_ip) {
        (Some(first), _) => *first,
        (None, ClusterIp::Address(address)) => IpFamily::of(*address),
        // Stored before families were: whatever the Pod has first.
        (None, _) => addresses.first()?.family()?,
    };
    addresses.iter().find_map(|address| match address {
        PodAddress::Usable { family: of, text, order } if *of == family => Some((text, *order)),
        _ => None,
    })
}
