//! What a cluster has from its first second: the range of Service addresses, and the Service
//! through which Pods reach the API server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};
use serde_json::{Value, json};

use crate::kinds::{Kinds, SERVICE, SERVICE_CIDR};
use crate::sandbox::Sandbox;
use crate::serve;
use crate::state::State;

/// Who gives Services their addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClusterIpAllocation {
    /// Nobody here: a Service without an address stays without, until a controller writes one.
    None,
    /// The server, as kube-apiserver does: the lowest free address, held by an IPAddress object.
    #[default]
    Server,
}

/// Who gives Services their addresses, and out of which range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Who.
    pub allocation: ClusterIpAllocation,
    /// Out of which range, unless a Service asks for the other family.
    pub range: IpNet,
    /// The range of the other family, if the cluster has two.
    pub second: Option<IpNet>,
}

impl Addresses {
    /// The families that the cluster has, the usual one first.
    pub fn families(&self) -> Vec<&'static str> {
        let ranges = std::iter::once(&self.range).chain(&self.second);
        ranges.map(|range| if range.addr().is_ipv4() { "IPv4" } else { "IPv6" }).collect()
    }

    /// The range of a family.
    pub(crate) fn range_of(&self, family: &str) -> Option<IpNet> {
        let ranges = std::iter::once(&self.range).chain(&self.second);
        ranges.copied().find(|range| range.addr().is_ipv4() == (family == "IPv4"))
    }
}

impl Default for Addresses {
    fn default() -> Self {
        let range = Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 16);
        Self { allocation: ClusterIpAllocation::default(), range: IpNet::V4(range), second: None }
    }
}

/// What a cluster is begun with.
#[derive(Clone, Copy, Debug)]
pub struct Bootstrap {
    /// Who gives Services their addresses, and out of which range.
    pub addresses: Addresses,
    /// Where the API server listens.
    pub api_server: SocketAddr,
}

impl Sandbox {
    /// Decides who gives Services their addresses, and out of which ranges.
    pub fn give_addresses(&self, addresses: Addresses) {
        self.state().addresses = addresses;
    }

    /// Puts in the ServiceCIDR `kubernetes` and the Service `default/kubernetes`, unless they are
    /// there already, with its Endpoints and its slice. Without this, a sandbox holds nothing but namespaces.
    pub fn bootstrap(&self, bootstrap: &Bootstrap) {
        self.give_addresses(bootstrap.addresses);
        let mut state = self.state();
        let range = bootstrap.addresses.range;
        let first = range.hosts().find(|address| *address != range.network());
        let known = state.store.get(&SERVICE, "default", "kubernetes").is_some();
        if let (Some(first), false) = (first, known) {
            let service = serve::put(&mut state, &SERVICE, service(first));
            serve::claim_address(&mut state, &service.value());
        }
        // As on the real server, the range is ready after its first address was taken.
        if state.store.get(&SERVICE_CIDR, "", "kubernetes").is_none() {
            serve::put(&mut state, &SERVICE_CIDR, service_cidr(&bootstrap.addresses));
        }
        published(&mut state, bootstrap.api_server);
        // As of a server that has just been started: nobody has seen what was before.
        state.store.forget_all_history();
        self.tell_watches(state);
    }
}

fn service_cidr(addresses: &Addresses) -> Value {
    let ranges = std::iter::once(&addresses.range).chain(&addresses.second);
    let cidrs: Vec<String> = ranges.map(IpNet::to_string).collect();
    let ready = json!({
        "type": "Ready", "status": "True", "reason": "",
        "message": "Kubernetes Service CIDR is ready",
    });
    json!({
        "metadata": {
            "name": "kubernetes",
            "finalizers": ["networking.k8s.io/service-cidr-finalizer"],
        },
        "spec": {"cidrs": cidrs},
        "status": {"conditions": [ready]},
    })
}

fn service(address: IpAddr) -> Value {
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    json!({
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": address, "clusterIPs": [address],
            "ipFamilies": [family], "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": 443}],
        },
    })
}

/// The server's own Endpoints and slice, which no controller writes.
fn published(state: &mut State, at: SocketAddr) {
    let port = json!({"name": "https", "port": at.port(), "protocol": "TCP"});
    let metadata = json!({
        "name": "kubernetes", "namespace": "default",
        "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
    });
    let subset = json!({"addresses": [{"ip": at.ip()}], "ports": [port]});
    let endpoints = json!({"metadata": metadata, "subsets": [subset]});
    let slice = json!({
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": if at.is_ipv4() { "IPv4" } else { "IPv6" },
        "endpoints": [{"addresses": [at.ip()], "conditions": {"ready": true}}],
        "ports": [port],
    });
    for (group, plural, object) in
        [("", "endpoints", endpoints), ("discovery.k8s.io", "endpointslices", slice)]
    {
        if let Some(kind) = Kinds::default().find(group, "v1", plural) {
            serve::put(state, kind, object);
        }
    }
}
