//! A cluster in a line: facts in an index, and a store that carries plans out, so that a test can
//! make one change and compare everything that is written.

#![allow(dead_code, missing_docs)] // each test file uses its part

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use controller_core::endpoint_slices::{self, Limits, Plan};
use controller_core::facts::pod::{Explaining, Planning};
use controller_core::facts::{
    AddressType, Addresses, ClusterIp, ContainerKind, ContainerPort, Endpoint, EndpointAddress,
    EndpointPort, EndpointSlice, EndpointSubset, Endpoints, Fact, IpFamily, Labels, Node,
    ObjectMeta, OwnerReference, Phase, Pod, PodAddress, Service, ServicePort, TargetPort,
    TargetRef, TopologyMode,
};
use controller_core::index::{Index, Observation, Source, Visit, When};
use controller_core::key::{Controller, Kind, NamespacedName, ResourceVersion};
use controller_core::{endpoints, mirroring};
use jiff::Timestamp;

pub const OURS: &str = "endpointslice-controller.k8s.io";

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

pub fn map(pairs: &[(&str, &str)]) -> Labels {
    Arc::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
}

/// Service `test/foo` on port 80 for Pods with `app=foo`.
pub fn foo() -> Service {
    Service {
        key: NamespacedName::new("test", "foo"),
        uid: "foo-uid".into(),
        created: Some(at(1000)),
        deleting: false,
        labels: map(&[]),
        external_name: false,
        selector: Some(map(&[("app", "foo")])),
        cluster_ip: ClusterIp::Address("10.0.0.10".parse().unwrap()),
        cluster_ips: Vec::new(),
        ip_family_policy: None,
        ip_families: vec![IpFamily::V4],
        ports: vec![port("http", TargetPort::Number(80))],
        publish_not_ready_addresses: false,
        topology_mode: TopologyMode::Off,
        traffic_distribution: None,
    }
}

pub fn port(name: &str, target_port: TargetPort) -> ServicePort {
    ServicePort {
        name: name.into(),
        protocol: "TCP".into(),
        app_protocol: None,
        port: 80,
        target_port,
    }
}

/// A ready Pod `test/NAME` with `app=foo` on node-a.
pub fn pod(name: &str, ip: &str) -> Pod {
    Pod {
        key: NamespacedName::new("test", name),
        labels: map(&[("app", "foo")]),
        planning: Planning {
            uid: format!("{name}-uid").into(),
            phase: Phase::Live,
            ready: true,
            deleting: false,
            has_ip: !ip.is_empty(),
            addresses: ip.split(',').filter(|ip| !ip.is_empty()).map(PodAddress::parse).collect(),
            node_name: Some("node-a".into()),
            hostname: None,
            subdomain: None,
            ports: Arc::new([]),
        },
        explaining: Explaining::default(),
    }
}

pub fn declares(mut pod: Pod, ports: &[(&str, i32, ContainerKind)]) -> Pod {
    let port = |(name, number, container): &(&str, i32, ContainerKind)| ContainerPort {
        name: (*name).into(),
        protocol: "TCP".into(),
        number: *number,
        container: *container,
    };
    pod.planning.ports = ports.iter().map(port).collect();
    pod
}

/// A slice `test/NAME` of foo as this controller would write it, with endpoints of these Pods.
pub fn slice(name: &str, pods: &[Pod]) -> EndpointSlice {
    let endpoint = |pod: &Pod| Endpoint {
        addresses: vec![pod.planning.addresses[0].text().clone()],
        conditions: controller_core::facts::Conditions {
            ready: Some(pod.planning.ready),
            serving: Some(pod.planning.ready),
            terminating: Some(false),
        },
        hostname: None,
        node_name: Some("node-a".into()),
        zone: Some("zone-a".into()),
        target_ref: Some(TargetRef {
            kind: Some("Pod".into()),
            namespace: Some("test".into()),
            name: Some(pod.key.name.clone()),
            uid: Some(pod.planning.uid.clone()),
            rest: None,
        }),
        hints: None,
    };
    EndpointSlice {
        metadata: ObjectMeta {
            key: NamespacedName::new("test", name),
            generate_name: Some("foo-".into()),
            uid: format!("{name}-uid").into(),
            resource_version: ResourceVersion(1),
            deleting: false,
            labels: map(&[
                ("kubernetes.io/service-name", "foo"),
                ("endpointslice.kubernetes.io/managed-by", OURS),
            ]),
            annotations: map(&[]),
            owner_references: vec![owner("foo-uid")],
            finalizers: Vec::new(),
        },
        address_type: AddressType::Ip(IpFamily::V4),
        ports: vec![EndpointPort {
            name: Some("http".into()),
            protocol: Some("TCP".into()),
            port: Some(80),
            app_protocol: None,
        }],
        endpoints: pods.iter().map(endpoint).collect(),
    }
}

pub fn owner(uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: "v1".into(),
        kind: "Service".into(),
        name: "foo".into(),
        uid: uid.into(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// So many ready Pods `pod-000`, `pod-001`, …
pub fn pods(range: std::ops::Range<usize>) -> Vec<Pod> {
    range
        .map(|n| pod(&format!("pod-{n:03}"), &format!("10.1.{}.{}", n / 200, n % 200 + 1)))
        .collect()
}

/// The cluster: one namespace `test`, Node node-a in zone-a.
pub struct Cluster {
    pub index: Index,
    pub max: usize,
    version: u64,
    created: u64,
    woken: Vec<(String, When)>,
    woken_others: Vec<(Controller, String, When)>,
}

impl Cluster {
    /// A cluster without Nodes.
    pub fn bare() -> Self {
        let mut cluster = Self {
            index: Index::default(),
            max: 100,
            version: 10,
            created: 0,
            woken: Vec::new(),
            woken_others: Vec::new(),
        };
        for kind in Kind::ALL {
            cluster.index.reset(kind, &HashSet::new(), ResourceVersion(10), at(0));
        }
        cluster
    }

    /// A cluster with the Node `node-a` in `zone-a`.
    pub fn new() -> Self {
        Self::bare().node("node-a", "zone-a")
    }

    #[must_use]
    pub fn with_max(mut self, max: usize) -> Self {
        self.max = max;
        self
    }

    #[must_use]
    pub fn service(mut self, service: Service) -> Self {
        self.see(Fact::Service(service));
        self
    }

    #[must_use]
    pub fn pods(mut self, pods: Vec<Pod>) -> Self {
        pods.into_iter().for_each(|pod| self.see(Fact::Pod(pod)));
        self
    }

    /// A Node in a zone, or in none, with one core.
    #[must_use]
    pub fn node(self, name: &str, zone: &str) -> Self {
        self.node_with(name, zone, 1000)
    }

    /// A Node in a zone, or in none, with so many thousandths of a core.
    #[must_use]
    pub fn node_with(mut self, name: &str, zone: &str, cpu: u64) -> Self {
        let zone = (!zone.is_empty()).then(|| zone.into());
        let name = name.into();
        self.see(Fact::Node(Node { name, zone, ready: true, cpu, control_plane: false }));
        self
    }

    #[must_use]
    pub fn slice(mut self, slice: EndpointSlice) -> Self {
        self.see_slice(slice);
        self
    }

    #[must_use]
    pub fn without(mut self, kind: Kind, name: &str) -> Self {
        self.lose(kind, name);
        self
    }

    /// The watch shows an object.
    pub fn see(&mut self, fact: Fact) {
        self.version += 1;
        let resource_version = ResourceVersion(self.version);
        let observation =
            Observation { fact, resource_version, source: Source::Watch, seen: at(0) };
        let visits = self.index.apply(observation);
        self.note(visits);
    }

    /// The watch shows a slice at a new version.
    pub fn see_slice(&mut self, mut slice: EndpointSlice) {
        slice.metadata.resource_version = ResourceVersion(self.version + 1);
        self.see(Fact::EndpointSlice(slice));
    }

    /// The watch shows that an object is gone.
    pub fn lose(&mut self, kind: Kind, name: &str) {
        let key = match kind {
            Kind::Node => NamespacedName::cluster(name),
            _ => NamespacedName::new("test", name),
        };
        let visits = self.index.delete(kind, &key, None, Source::Watch, at(0));
        self.note(visits);
    }

    /// Which Services were woken since the last time, and how soon.
    pub fn woken(&mut self) -> Vec<(String, When)> {
        std::mem::take(&mut self.woken)
    }

    /// Which other controllers were woken since the last time, for what, and how soon.
    pub fn woken_others(&mut self) -> Vec<(Controller, String, When)> {
        std::mem::take(&mut self.woken_others)
    }

    pub fn plan(&self) -> Plan {
        self.plan_for("foo")
    }

    pub fn plan_for(&self, service: &str) -> Plan {
        let key = NamespacedName::new("test", service);
        let limits = Limits { max_endpoints_per_slice: NonZeroUsize::new(self.max).unwrap() };
        endpoint_slices::plan(&self.index.endpoint_slices(&key), &limits)
    }

    /// Plans, writes, and checks that nothing is left to write. Says what was written.
    pub fn settle(&mut self) -> Vec<String> {
        let plan = self.plan();
        let writes = writes(&plan);
        self.execute("foo", &plan);
        let after = self.plan();
        assert!(
            after.is_settled(),
            "after {writes:#?}\nthere is still {:#?}",
            self::writes(&after)
        );
        self.woken.clear();
        writes
    }

    /// Carries a plan out, each write answered and then shown by the watch.
    pub fn execute(&mut self, service: &str, plan: &Plan) {
        let key = NamespacedName::new("test", service);
        if let Some(memory) = plan.memory.clone() {
            self.index.remember(Controller::EndpointSlice, &key, memory);
        }
        for family in &plan.families {
            family.slices.create.iter().for_each(|slice| self.answer(slice));
            family.slices.update.iter().for_each(|slice| self.answer(slice));
            family.slices.delete.iter().for_each(|slice| self.remove(slice));
        }
        plan.strays.iter().for_each(|slice| self.remove(slice));
    }

    fn answer(&mut self, slice: &EndpointSlice) {
        self.version += 1;
        let mut stored = slice.clone();
        stored.metadata.resource_version = ResourceVersion(self.version);
        if stored.metadata.uid.is_empty() {
            self.created += 1;
            let name =
                format!("{}{}", stored.metadata.generate_name.clone().unwrap(), self.created);
            stored.metadata.uid = format!("{name}-uid").into();
            stored.metadata.key.name = name.into();
        }
        let version = stored.metadata.resource_version;
        for source in [Source::Answer, Source::Watch] {
            let fact = Fact::EndpointSlice(stored.clone());
            let visits = self.index.apply(Observation {
                fact,
                resource_version: version,
                source,
                seen: at(0),
            });
            assert_eq!(visits, [], "a write of ours wakes nobody");
        }
    }

    fn remove(&mut self, slice: &EndpointSlice) {
        let (key, uid) = (&slice.metadata.key, Some(&*slice.metadata.uid));
        for source in [Source::Answer, Source::Watch] {
            let visits = self.index.delete(Kind::EndpointSlice, key, uid, source, at(0));
            assert_eq!(visits, [], "a deletion of ours wakes nobody");
        }
    }

    fn note(&mut self, visits: Vec<Visit>) {
        for Visit { controller, key, when, .. } in visits {
            match controller {
                Controller::EndpointSlice => self.woken.push((key.name.to_string(), when)),
                other => self.woken_others.push((other, key.name.to_string(), when)),
            }
        }
    }

    /// The slices of foo, a line each.
    pub fn slices(&self) -> Vec<String> {
        let key = NamespacedName::new("test", "foo");
        self.index.slices_of(&key).iter().map(|slice| describe(slice)).collect()
    }

    /// How many endpoints each slice of foo holds, most first.
    pub fn sizes(&self) -> Vec<usize> {
        let key = NamespacedName::new("test", "foo");
        let slices = self.index.slices_of(&key);
        let mut sizes: Vec<usize> = slices.iter().map(|slice| slice.endpoints.len()).collect();
        sizes.sort_by(|one, other| other.cmp(one));
        sizes
    }

    /// The endpoints of foo, a line each, over all slices.
    pub fn endpoints(&self) -> Vec<String> {
        let key = NamespacedName::new("test", "foo");
        let slices = self.index.slices_of(&key);
        let mut lines: Vec<String> =
            slices.iter().flat_map(|slice| slice.endpoints.iter().map(line)).collect();
        lines.sort();
        lines
    }

    /// The one slice of foo.
    pub fn only_slice(&self) -> Arc<EndpointSlice> {
        let slices = self.index.slices_of(&NamespacedName::new("test", "foo"));
        assert_eq!(slices.len(), 1, "{:#?}", self.slices());
        slices[0].clone()
    }
}

/// The writes of a plan, a line each, in order.
pub fn writes(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for family in &plan.families {
        let slices = &family.slices;
        lines.extend(slices.create.iter().map(|slice| format!("create {}", content(slice))));
        lines.extend(slices.update.iter().map(|slice| format!("update {}", describe(slice))));
        lines.extend(
            slices.delete.iter().map(|slice| format!("delete {}", slice.metadata.key.name)),
        );
    }
    lines.extend(plan.strays.iter().map(|slice| format!("delete {}", slice.metadata.key.name)));
    lines
}

fn describe(slice: &EndpointSlice) -> String {
    format!("{} {}", slice.metadata.key.name, content(slice))
}

/// `IPv4 http/80: 3`: family, ports, number of endpoints.
fn content(slice: &EndpointSlice) -> String {
    let ports = slice
        .ports
        .iter()
        .map(|port| format!("{}/{}", port.name.as_deref().unwrap_or("-"), port.port.unwrap_or(0)));
    let ports: Vec<String> = ports.collect();
    let ports = if ports.is_empty() { "no ports".to_owned() } else { ports.join(" ") };
    format!("{} {ports}: {}", slice.address_type, slice.endpoints.len())
}

/// An endpoint: `10.1.0.1 pod ready serving terminating on NODE in ZONE called HOST for ZONE NODE`.
pub fn line(endpoint: &Endpoint) -> String {
    let name = endpoint.target_ref.as_ref().and_then(|target| target.name.as_deref());
    let mut words = vec![endpoint.addresses.join(","), name.unwrap_or("-").to_owned()];
    let conditions = endpoint.conditions;
    let states = [
        ("ready", conditions.ready),
        ("serving", conditions.serving),
        ("terminating", conditions.terminating),
    ];
    words.extend(
        states.into_iter().filter(|(_, on)| *on == Some(true)).map(|(word, _)| word.to_owned()),
    );
    let named =
        [("on", &endpoint.node_name), ("in", &endpoint.zone), ("called", &endpoint.hostname)];
    words.extend(
        named.into_iter().filter_map(|(word, value)| Some(format!("{word} {}", value.as_ref()?))),
    );
    if let Some(hints) = &endpoint.hints {
        let named: Vec<&str> =
            hints.for_zones.iter().chain(&hints.for_nodes).map(|name| &**name).collect();
        words.push(format!("for {}", named.join(" ")));
    }
    words.join(" ")
}

/// Labels as text, for comparing.
pub fn labels_of(slice: &EndpointSlice) -> BTreeMap<String, String> {
    slice.metadata.labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// Endpoints `test/foo` as somebody wrote them.
pub fn endpoints_by_hand(subsets: Vec<EndpointSubset>) -> Endpoints {
    Endpoints {
        metadata: ObjectMeta {
            key: NamespacedName::new("test", "foo"),
            generate_name: None,
            uid: "endpoints-uid".into(),
            resource_version: ResourceVersion(1),
            deleting: false,
            labels: map(&[]),
            annotations: map(&[]),
            owner_references: Vec::new(),
            finalizers: Vec::new(),
        },
        subsets,
    }
}

/// A subset: ready addresses, not ready ones, and ports by name and number.
pub fn subset(ready: &[&str], not_ready: &[&str], ports: &[(&str, i32)]) -> EndpointSubset {
    let addresses = |ips: &[&str]| ips.iter().map(|ip| plain_address(ip)).collect();
    let port = |(name, number): &(&str, i32)| EndpointPort {
        name: Some((*name).into()),
        protocol: Some("TCP".into()),
        port: Some(*number),
        app_protocol: None,
    };
    EndpointSubset {
        addresses: addresses(ready),
        not_ready_addresses: addresses(not_ready),
        ports: ports.iter().map(port).collect(),
    }
}

pub fn plain_address(ip: &str) -> EndpointAddress {
    EndpointAddress { ip: ip.into(), hostname: None, node_name: None, target_ref: None }
}

/// A subset in a line: `10.1.0.1 10.1.0.2; not 10.1.0.3; http/80`.
pub fn subset_line(subset: &EndpointSubset) -> String {
    let ips = |addresses: &Addresses| {
        addresses.iter().map(|address| address.ip.to_string()).collect::<Vec<_>>().join(" ")
    };
    let ports = subset
        .ports
        .iter()
        .map(|port| format!("{}/{}", port.name.as_deref().unwrap_or("-"), port.port.unwrap_or(0)));
    let ports: Vec<String> = ports.collect();
    format!(
        "{}; not {}; {}",
        ips(&subset.addresses),
        ips(&subset.not_ready_addresses),
        ports.join(" ")
    )
}

/// The Endpoints controller on the same cluster.
impl Cluster {
    #[must_use]
    pub fn endpoints_object(mut self, endpoints: Endpoints) -> Self {
        self.see_endpoints(endpoints);
        self
    }

    /// The watch shows Endpoints at a new version.
    pub fn see_endpoints(&mut self, mut endpoints: Endpoints) {
        endpoints.metadata.resource_version = ResourceVersion(self.version + 1);
        self.see(Fact::Endpoints(endpoints));
    }

    pub fn plan_endpoints(&self) -> endpoints::Plan {
        self.plan_endpoints_of("foo")
    }

    pub fn plan_endpoints_of(&self, service: &str) -> endpoints::Plan {
        endpoints::plan(&self.index.endpoints(&NamespacedName::new("test", service)))
    }

    /// Plans the Endpoints of foo, writes them, and checks that nothing is left to write. Says what
    /// was done: `create`, `update`, `remove`, or nothing.
    pub fn settle_endpoints(&mut self) -> Option<&'static str> {
        self.settle_endpoints_of("foo")
    }

    /// The same for another Service.
    pub fn settle_endpoints_of(&mut self, service: &str) -> Option<&'static str> {
        let plan = self.plan_endpoints_of(service);
        let key = NamespacedName::new("test", service);
        if let Some(memory) = plan.memory {
            self.index.remember(Controller::Endpoints, &key, memory);
        }
        let done = match plan.write? {
            endpoints::Write::Create(mut endpoints) => {
                endpoints.metadata.uid = format!("endpoints-{}", self.version).into();
                self.answer_endpoints(endpoints);
                "create"
            }
            endpoints::Write::Update(endpoints) => {
                self.answer_endpoints(endpoints);
                "update"
            }
            endpoints::Write::Remove(endpoints) => {
                let uid = Some(&*endpoints.metadata.uid);
                self.index.delete(Kind::Endpoints, &key, uid, Source::Answer, at(0));
                "remove"
            }
        };
        assert_eq!(self.plan_endpoints_of(service).write, None, "after {done} there is more to do");
        Some(done)
    }

    fn answer_endpoints(&mut self, mut endpoints: Endpoints) {
        self.version += 1;
        let resource_version = ResourceVersion(self.version);
        endpoints.metadata.resource_version = resource_version;
        for source in [Source::Answer, Source::Watch] {
            let fact = Fact::Endpoints(endpoints.clone());
            let observation = Observation { fact, resource_version, source, seen: at(0) };
            let visits = self.index.apply(observation);
            let ours = visits.iter().filter(|visit| visit.controller == Controller::Endpoints);
            assert_eq!(ours.count(), 0, "a write of ours wakes us");
        }
    }

    /// The Endpoints of foo, if there are any.
    pub fn current_endpoints(&self) -> Option<Arc<Endpoints>> {
        self.index.endpoints(&NamespacedName::new("test", "foo")).endpoints
    }

    /// The subsets of the Endpoints of foo, a line each.
    pub fn subsets(&self) -> Vec<String> {
        let endpoints = self.current_endpoints();
        endpoints.iter().flat_map(|endpoints| endpoints.subsets.iter().map(subset_line)).collect()
    }
}

/// The mirroring controller on the same cluster.
impl Cluster {
    pub fn plan_mirror(&self, max: usize) -> mirroring::Plan {
        let limits =
            mirroring::Limits { max_endpoints_per_subset: NonZeroUsize::new(max).unwrap() };
        mirroring::plan(&self.index.mirroring(&NamespacedName::new("test", "foo")), &limits)
    }

    /// Plans the mirrored slices of foo, writes them, and checks that nothing is left to write. Says
    /// what was written.
    pub fn settle_mirror(&mut self) -> Vec<String> {
        let plan = self.plan_mirror(1000);
        let slices = &plan.slices;
        let mut lines: Vec<String> =
            slices.create.iter().map(|slice| format!("create {}", content(slice))).collect();
        lines.extend(slices.update.iter().map(|slice| format!("update {}", describe(slice))));
        let superfluous = slices.delete.iter().chain(&plan.clean_up);
        lines.extend(superfluous.map(|slice| format!("delete {}", slice.metadata.key.name)));
        slices.create.iter().for_each(|slice| self.answer(slice));
        slices.update.iter().for_each(|slice| self.answer(slice));
        slices.delete.iter().for_each(|slice| self.remove(slice));
        plan.clean_up.iter().for_each(|slice| self.remove(slice));
        let after = self.plan_mirror(1000);
        assert!(after.is_settled(), "after {lines:#?} there is still {after:#?}");
        lines
    }
}
