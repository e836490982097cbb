//! The slices that Endpoints call for: one per IP family and list of ports.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use super::Skipped;
use crate::endpoints::subsets::pack_subsets;
use crate::facts::{
    Conditions, Endpoint, EndpointAddress, EndpointSubset, Endpoints, IpFamily, PodAddress,
};
use crate::key::Text;
use crate::ports::PortSet;

/// What tells endpoints apart inside a slice: address, hostname, and the name of the target. The
/// target's uid does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    addresses: Vec<Text>,
    hostname: Text,
    namespace: Text,
    name: Text,
}

impl Identity {
    /// The identity of an endpoint.
    pub fn of(endpoint: &Endpoint) -> Self {
        let text = |text: Option<&Text>| text.cloned().unwrap_or_else(|| "".into());
        let target = endpoint.target_ref.as_ref();
        let mut addresses = endpoint.addresses.clone();
        addresses.sort();
        Self {
            addresses,
            hostname: text(endpoint.hostname.as_ref()),
            namespace: text(target.and_then(|target| target.namespace.as_ref())),
            name: text(target.and_then(|target| target.name.as_ref())),
        }
    }
}

/// Endpoints of one slice, ordered.
pub type Group = BTreeMap<Identity, Endpoint>;

/// What Endpoints call for.
#[derive(Default)]
pub struct Wanted {
    /// The endpoints by slice; none is without endpoints.
    pub groups: BTreeMap<(IpFamily, PortSet), Group>,
    /// The ports of all subsets, also of those without a usable address.
    pub ports: BTreeSet<PortSet>,
    /// What is left out.
    pub skipped: Skipped,
}

/// Works out the slices that Endpoints call for. Of each packed subset the first `max` usable
/// addresses are taken, ready ones first, both families counted together.
pub fn wanted(endpoints: &Endpoints, max: NonZeroUsize) -> Wanted {
    let mut wanted = Wanted::default();
    for subset in pack_subsets(&endpoints.subsets) {
        wanted.take(&subset, max.get());
    }
    wanted
}

impl Wanted {
    fn take(&mut self, subset: &EndpointSubset, max: usize) {
        let ports = PortSet::new(subset.ports.clone());
        let ready = subset.addresses.iter().map(|address| (address, true));
        let not_ready = subset.not_ready_addresses.iter().map(|address| (address, false));
        let mut taken = 0;
        for (address, ready) in ready.chain(not_ready) {
            if taken == max {
                break;
            }
            match PodAddress::parse(&address.ip) {
                PodAddress::Usable { family, text, .. } => {
                    let endpoint = endpoint(address, text, ready);
                    let group = self.groups.entry((family, ports.clone())).or_default();
                    group.insert(Identity::of(&endpoint), endpoint);
                    taken += 1;
                }
                PodAddress::Unusable { .. } => self.skipped.invalid += 1,
            }
        }
        self.skipped.total += subset.len() - taken;
        self.ports.insert(ports);
    }
}

/// Serving and terminating stay unsaid: hand-made Endpoints do not know.
fn endpoint(address: &EndpointAddress, ip: Text, ready: bool) -> Endpoint {
    Endpoint {
        addresses: vec![ip],
        conditions: Conditions { ready: Some(ready), serving: None, terminating: None },
        hostname: address.hostname.clone().filter(|hostname| !hostname.is_empty()),
        node_name: address.node_name.clone(),
        zone: None,
        target_ref: address.target_ref.clone(),
        hints: None,
    }
}
