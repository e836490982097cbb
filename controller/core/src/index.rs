//! The index: facts by key, and which keys to visit when one of them changes. Events only say
//! where to look; what to do is decided from all that is known by then.
//!
//! There is one way in for every kind: [`Index::apply`], [`Index::delete`], [`Index::reset`]. A
//! change that cannot alter any plan is stored and answers with no visits.

mod cluster_ips;
mod endpoints;
mod held;
mod pods;
mod services;
mod slices;
mod visit;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use foldhash::HashMap;
use jiff::Timestamp;

use crate::cluster_ip::admission::{self, Admission};
use crate::cluster_ip::ledger::Ledger;
use crate::facts::{EndpointSlice, Endpoints, Fact, IpFamily, Node, Pod, Service};
use crate::key::{Controller, Kind, NamespacedName, ResourceVersion, Text};
use crate::membership::Membership;
use crate::memory::Memory;
use crate::topology::Topology;
use crate::written::{Place, Written};
use crate::{cluster_ip, endpoint_slices, endpoints as endpoints_controller, mirroring};

use cluster_ips::ClusterIps;
pub use visit::{Field, Trigger, Visit, When};

/// Nodes by name.
pub type Nodes = ByName<Arc<Node>>;

/// Made for looking up one name after another; its order is nobody's.
type ByName<T> = HashMap<Text, T>;

/// Everything known of the cluster.
pub struct Index {
    /// The kinds that are watched.
    kinds: BTreeSet<Kind>,
    namespaces: ByName<Namespace>,
    nodes: Arc<Nodes>,
    topology: Topology,
    /// The Services that ask for topology mode: a change of the zones concerns them all.
    in_topology_mode: BTreeSet<NamespacedName>,
    cluster_ips: ClusterIps,
    written: Written,
    synced: BTreeSet<Kind>,
}

#[derive(Default)]
struct Namespace {
    pods: ByName<Arc<Pod>>,
    membership: Membership,
    services: ByName<ServiceEntry>,
    /// Slices by name; those that name a Service also stand in its entry.
    slices: ByName<Arc<EndpointSlice>>,
}

/// What belongs to the name of a Service, whether or not the Service exists.
#[derive(Default)]
struct ServiceEntry {
    service: Option<Arc<Service>>,
    slices: BTreeMap<Text, Arc<EndpointSlice>>,
    endpoints: Option<Arc<Endpoints>>,
    /// The uid of Endpoints whose Service is gone and which are to follow it.
    outlived: Option<Text>,
    /// What each controller keeps in mind.
    memories: BTreeMap<Controller, Arc<Memory>>,
    published: BTreeMap<IpFamily, Published>,
    match_ended: Option<Trigger>,
}

/// How many endpoints of a Service consumers can see as ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Endpoints that are ready, over all slices of ours.
    pub ready: usize,
    /// When the number last changed, by our clock.
    pub changed: Timestamp,
}

/// A fact and how we came to know it.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The object.
    pub fact: Fact,
    /// Its resourceVersion.
    pub resource_version: ResourceVersion,
    /// Who told us.
    pub source: Source,
    /// When we were told, by our clock.
    pub seen: Timestamp,
}

/// How a fact, or the absence of one, came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An event of a watch. It may be older than our own last write.
    Watch,
    /// An item of a consistent list, with the list's resourceVersion.
    List(ResourceVersion),
    /// The answer to a write of ours.
    Answer,
    /// A single consistent read, made to settle a doubt.
    LiveRead,
}

impl Default for Index {
    /// An index of every kind.
    fn default() -> Self {
        Self::of(Kind::ALL.into())
    }
}

impl Index {
    /// An empty index of some kinds.
    pub fn of(kinds: BTreeSet<Kind>) -> Self {
        Self {
            kinds,
            namespaces: HashMap::default(),
            nodes: Arc::default(),
            topology: Topology::default(),
            in_topology_mode: BTreeSet::new(),
            cluster_ips: ClusterIps::default(),
            written: Written::default(),
            synced: BTreeSet::new(),
        }
    }

    /// The kinds that are watched.
    pub fn kinds(&self) -> &BTreeSet<Kind> {
        &self.kinds
    }

    /// Takes in an object that exists.
    pub fn apply(&mut self, observation: Observation) -> Vec<Visit> {
        let Observation { fact, resource_version, source, seen } = observation;
        let origin = Origin { resource_version, source, seen };
        match fact {
            Fact::Service(service) => self.apply_service(service, origin),
            Fact::Pod(pod) => self.apply_pod(pod, origin),
            Fact::Node(node) => self.apply_node(node, origin),
            Fact::EndpointSlice(slice) => self.apply_slice(slice, origin),
            Fact::Endpoints(endpoints) => self.apply_endpoints(endpoints, origin),
            Fact::Namespace(namespace) => self.apply_namespace(namespace, origin),
            Fact::ServiceCidr(cidr) => self.apply_service_cidr(cidr, origin),
            Fact::IpAddress(claim) => self.apply_claim(claim, origin),
            Fact::ClusterIpPool(pool) => self.apply_pool(pool, origin),
            Fact::ClusterIpHold(hold) => self.apply_hold(hold, origin),
        }
    }

    /// Takes in that an object is gone. For what we write, `uid` tells which one is meant, where that
    /// is known; a different object under the same name stays.
    pub fn delete(
        &mut self,
        kind: Kind,
        key: &NamespacedName,
        uid: Option<&str>,
        source: Source,
        seen: Timestamp,
    ) -> Vec<Visit> {
        let origin = Origin { resource_version: ResourceVersion::default(), source, seen };
        match kind {
            Kind::Service => self.delete_service(key, uid, origin),
            Kind::Pod => self.delete_pod(key, origin),
            Kind::Node => self.delete_node(&key.name, origin),
            Kind::EndpointSlice => self.delete_slice(key, uid, origin),
            Kind::Endpoints => self.delete_endpoints(key, uid, origin),
            Kind::Namespace => self.delete_namespace(&key.name, origin),
            Kind::ServiceCidr => self.delete_service_cidr(&key.name, origin),
            Kind::IpAddress => self.delete_claim(key, uid, origin),
            Kind::ClusterIpPool => self.delete_pool(&key.name, origin),
            Kind::ClusterIpHold => self.delete_hold(key, uid, origin),
        }
    }

    /// Ends a list: whatever it did not hold is gone, and the kind is in sync from now on.
    pub fn reset(
        &mut self,
        kind: Kind,
        listed: &HashSet<NamespacedName>,
        list: ResourceVersion,
        seen: Timestamp,
    ) -> Vec<Visit> {
        let mut absent = self.keys(kind);
        absent.retain(|key| !listed.contains(key));
        absent.sort();
        let source = Source::List(list);
        self.written.listed(kind, list);
        let mut visits: Vec<Visit> =
            absent.iter().flat_map(|key| self.delete(kind, key, None, source, seen)).collect();
        if kind == Kind::Pod {
            self.share_all_texts();
        }
        let ready_before = self.is_ready(Controller::Endpoints);
        self.synced.insert(kind);
        if self.is_ready(Controller::Endpoints) && !ready_before {
            visits.extend(self.first_visits(seen));
        }
        visits
    }

    /// What only the first complete picture can tell: which Endpoints have lost their Service.
    fn first_visits(&mut self, seen: Timestamp) -> Vec<Visit> {
        let source = Source::LiveRead;
        let origin = Origin { resource_version: ResourceVersion::default(), source, seen };
        let visit = |key: NamespacedName| Visit {
            controller: Controller::Endpoints,
            when: When::Now,
            trigger: origin.trigger(Kind::Endpoints, key.clone(), Field::Created),
            key,
        };
        self.mark_leftover_endpoints().into_iter().map(visit).collect()
    }

    /// A visit of everything by everybody: of each Service, and of each name that something was
    /// published under. For whoever begins to work on what was gathered before.
    pub fn all_visits(&self, seen: Timestamp) -> Vec<Visit> {
        let source = Source::LiveRead;
        let origin = Origin { resource_version: ResourceVersion::default(), source, seen };
        let named = |(namespace, content): (&Text, &Namespace)| -> Vec<NamespacedName> {
            let names = content.services.keys().cloned();
            names.map(|name| NamespacedName::new(namespace.clone(), name)).collect()
        };
        let mut keys: Vec<NamespacedName> = self.namespaces.iter().flat_map(named).collect();
        keys.extend(self.cluster_ips.ledger.names().cloned());
        keys.sort();
        keys.dedup();
        let visits = |key: NamespacedName| {
            Controller::ALL.map(|controller| Visit {
                controller,
                when: When::Now,
                trigger: origin.trigger(Kind::Service, key.clone(), Field::Other),
                key: key.clone(),
            })
        };
        keys.into_iter().flat_map(visits).collect()
    }

    /// The kinds that have been listed.
    pub fn synced(&self) -> &BTreeSet<Kind> {
        &self.synced
    }

    /// Whether all that a controller depends on has been listed. Until then an absence means
    /// nothing to it. A kind that cannot be listed keeps only those waiting that need it.
    pub fn is_ready(&self, controller: Controller) -> bool {
        controller.kinds().iter().all(|kind| self.synced.contains(kind))
    }

    /// What the EndpointSlice controller plans from.
    pub fn endpoint_slices(&self, key: &NamespacedName) -> endpoint_slices::Snapshot {
        let namespace = self.namespaces.get(&key.namespace);
        let entry = namespace.and_then(|namespace| namespace.services.get(&key.name));
        let pods = namespace.map(|namespace| namespace.membership.selected(&key.name));
        endpoint_slices::Snapshot {
            key: key.clone(),
            service: entry.and_then(|entry| entry.service.clone()),
            pods: pods.unwrap_or_default(),
            nodes: self.nodes.clone(),
            slices: entry.map(|entry| entry.slices.values().cloned().collect()).unwrap_or_default(),
            zones: self.topology.zones().clone(),
            memory: entry.and_then(|entry| entry.memory(Controller::EndpointSlice)),
        }
    }

    /// What the Endpoints controller plans from.
    pub fn endpoints(&self, key: &NamespacedName) -> endpoints_controller::Snapshot {
        let namespace = self.namespaces.get(&key.namespace);
        let entry = namespace.and_then(|namespace| namespace.services.get(&key.name));
        let pods = namespace.map(|namespace| namespace.membership.selected(&key.name));
        endpoints_controller::Snapshot {
            key: key.clone(),
            service: entry.and_then(|entry| entry.service.clone()),
            pods: pods.unwrap_or_default(),
            endpoints: entry.and_then(|entry| entry.endpoints.clone()),
            outlived: entry.and_then(|entry| entry.outlived.clone()),
            memory: entry.and_then(|entry| entry.memory(Controller::Endpoints)),
        }
    }

    /// What the mirroring controller plans from.
    pub fn mirroring(&self, key: &NamespacedName) -> mirroring::Snapshot {
        let entry = self.entry(key);
        mirroring::Snapshot {
            key: key.clone(),
            endpoints: entry.and_then(|entry| entry.endpoints.clone()),
            service: entry.and_then(|entry| entry.service.clone()),
            slices: self.slices_of(key),
        }
    }

    /// What the ClusterIP controller plans from.
    pub fn cluster_ip(&self, key: &NamespacedName) -> cluster_ip::Snapshot {
        let labels = self.cluster_ips.namespace_labels.get(&key.namespace).cloned();
        self.cluster_ips.ledger.snapshot(key, labels.unwrap_or_default())
    }

    /// What a Service that is about to be created may be given. Nothing is known of its namespace
    /// for a moment after that was created: then the answer is nothing.
    pub fn admission(&self, service: &Service) -> Option<Admission> {
        let labels = self.cluster_ips.namespace_labels.get(&service.key.namespace)?;
        Some(admission::admit(&self.cluster_ips.ledger, service, labels))
    }

    /// What does not fit together between Services, claims, ranges and pools.
    pub fn audit_cluster_ips(&self, now: Timestamp) -> Vec<cluster_ip::audit::Finding> {
        cluster_ip::audit::audit(&self.cluster_ips.ledger, &self.cluster_ips.namespace_labels, now)
    }

    /// How each pool fares, in the order of the pools.
    pub fn pool_statuses(&self) -> Vec<cluster_ip::pool_status::PoolStatus> {
        let ClusterIps { ledger, namespace_labels } = &self.cluster_ips;
        cluster_ip::pool_status::pool_statuses(ledger, namespace_labels)
    }

    /// Who has each address.
    pub fn ledger(&self) -> &Ledger {
        &self.cluster_ips.ledger
    }

    /// The same, for whoever picks addresses.
    pub fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.cluster_ips.ledger
    }

    /// Remembers what a visit leaves in mind. Its times count as published even if a write fails, as
    /// they do for kube-controller-manager: a retry carries no time.
    pub fn remember(&mut self, controller: Controller, key: &NamespacedName, memory: Arc<Memory>) {
        if let Some(entry) = self.entry_mut(key)
            && entry.service.is_some()
        {
            entry.memories.insert(controller, memory);
        }
    }

    /// A Service, if it exists.
    pub fn service(&self, key: &NamespacedName) -> Option<Arc<Service>> {
        self.entry(key)?.service.clone()
    }

    /// How many endpoints of a Service are published as ready, by family.
    pub fn published(&self, key: &NamespacedName) -> BTreeMap<IpFamily, Published> {
        self.entry(key).map(|entry| entry.published.clone()).unwrap_or_default()
    }

    /// What made a Service select no Pod any more, the last time it came to that.
    pub fn match_ended(&self, key: &NamespacedName) -> Option<&Trigger> {
        self.entry(key)?.match_ended.as_ref()
    }

    /// The keys of all Services, ordered.
    pub fn services(&self) -> Vec<NamespacedName> {
        let mut keys = self.keys(Kind::Service);
        keys.sort();
        keys
    }

    /// The objects for which the watch has owed us the echo of a write since before a time. A live
    /// read has to tell what became of them.
    pub fn overdue(&self, before: Timestamp) -> BTreeSet<Place> {
        self.written.overdue(before)
    }

    fn apply_node(&mut self, node: Node, origin: Origin) -> Vec<Visit> {
        let name = node.name.clone();
        let node = Arc::new(node);
        let before = Arc::make_mut(&mut self.nodes).insert(name.clone(), node.clone());
        self.node_visits(&name, before.as_deref(), Some(&node), origin)
    }

    fn delete_node(&mut self, name: &Text, origin: Origin) -> Vec<Visit> {
        match Arc::make_mut(&mut self.nodes).remove(name) {
            Some(before) => self.node_visits(name, Some(&before), None, origin),
            None => Vec::new(),
        }
    }

    /// Zones and missing Nodes change endpoints, so a Node wakes the Services with Pods on it
    /// (kubernetes/kubernetes#117245); and what moves the shares of zones wakes every Service that
    /// is shared out by them (kubernetes/kubernetes#114215). Before everything is listed every
    /// Service is going to be visited anyway.
    fn node_visits(
        &mut self,
        name: &Text,
        before: Option<&Node>,
        after: Option<&Node>,
        origin: Origin,
    ) -> Vec<Visit> {
        let shares_moved = self.topology.replace(before, after);
        if !self.is_ready(Controller::EndpointSlice) {
            return Vec::new();
        }
        let field = match (before, after) {
            (None, _) => Field::Created,
            (_, None) => Field::Deleted,
            (Some(before), Some(after)) if !before.endpoints_like(after) => Field::Zone,
            _ => Field::Other,
        };
        let mut services = BTreeSet::new();
        if field != Field::Other {
            services.extend(self.services_on(name));
        }
        if shares_moved {
            services.extend(self.in_topology_mode.iter().cloned());
        }
        let trigger = origin.trigger(Kind::Node, NamespacedName::cluster(name.clone()), field);
        let visit = |key| Visit {
            controller: Controller::EndpointSlice,
            key,
            when: When::AfterBatch,
            trigger: trigger.clone(),
        };
        services.into_iter().map(visit).collect()
    }

    fn services_on(&self, node: &Text) -> impl Iterator<Item = NamespacedName> {
        self.namespaces.iter().flat_map(move |(namespace, content)| {
            let on_node = content.membership.services_on(node).into_iter();
            on_node.map(|name| NamespacedName::new(namespace.clone(), name))
        })
    }

    fn keys(&self, kind: Kind) -> Vec<NamespacedName> {
        fn of<'a>(namespace: &Text, names: impl Iterator<Item = &'a Text>) -> Vec<NamespacedName> {
            names.map(|name| NamespacedName::new(namespace.clone(), name.clone())).collect()
        }
        let of_kind = |(namespace, content): (&Text, &Namespace)| match kind {
            Kind::Service => {
                let existing = content.services.iter().filter(|(_, entry)| entry.service.is_some());
                of(namespace, existing.map(|(name, _)| name))
            }
            Kind::Pod => of(namespace, content.pods.keys()),
            Kind::Endpoints => {
                let named = content.services.iter().filter(|(_, entry)| entry.endpoints.is_some());
                of(namespace, named.map(|(name, _)| name))
            }
            Kind::EndpointSlice => of(namespace, content.slices.keys()),
            _ => Vec::new(),
        };
        match kind {
            Kind::Node => self.nodes.keys().cloned().map(NamespacedName::cluster).collect(),
            Kind::Namespace
            | Kind::ServiceCidr
            | Kind::IpAddress
            | Kind::ClusterIpPool
            | Kind::ClusterIpHold => self.cluster_ips.keys(kind),
            _ => self.namespaces.iter().flat_map(of_kind).collect(),
        }
    }

    fn namespace_mut(&mut self, namespace: &Text) -> &mut Namespace {
        self.namespaces.entry(namespace.clone()).or_default()
    }

    fn entry(&self, key: &NamespacedName) -> Option<&ServiceEntry> {
        self.namespaces.get(&key.namespace)?.services.get(&key.name)
    }

    fn entry_mut(&mut self, key: &NamespacedName) -> Option<&mut ServiceEntry> {
        self.namespaces.get_mut(&key.namespace)?.services.get_mut(&key.name)
    }

    /// Drops what holds nothing any more, so that names of the past cost nothing.
    fn tidy(&mut self, key: &NamespacedName) {
        let Some(namespace) = self.namespaces.get_mut(&key.namespace) else {
            return;
        };
        if namespace.services.get(&key.name).is_some_and(ServiceEntry::is_empty) {
            namespace.services.remove(&key.name);
        }
        if namespace.is_empty() {
            self.namespaces.remove(&key.namespace);
        }
    }
}

impl Namespace {
    fn is_empty(&self) -> bool {
        self.pods.is_empty()
            && self.services.is_empty()
            && self.slices.is_empty()
            && self.membership.is_empty()
    }
}

impl ServiceEntry {
    fn is_empty(&self) -> bool {
        self.service.is_none() && self.slices.is_empty() && self.endpoints.is_none()
    }

    fn memory(&self, controller: Controller) -> Option<Arc<Memory>> {
        self.memories.get(&controller).cloned()
    }
}

/// Where a change comes from, apart from the object itself.
#[derive(Clone, Copy)]
struct Origin {
    resource_version: ResourceVersion,
    source: Source,
    seen: Timestamp,
}

impl Origin {
    fn trigger(self, kind: Kind, key: NamespacedName, field: Field) -> Trigger {
        Trigger { kind, key, field, resource_version: self.resource_version, seen: self.seen }
    }
}
