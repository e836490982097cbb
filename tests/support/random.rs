//! Random histories: what users and nodes do to a few Services, drawn from a seed. A small model of
//! what exists keeps the draws sensible; the same seed always yields the same history.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::history::labels;
use crate::{Op, node, pod, service};

/// The Services of a history.
pub const SERVICES: [&str; 10] =
    ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett"];
const APPS: [&str; 5] = ["one", "two", "three", "four", "five"];
const ZONES: [&str; 3] = ["zone-a", "zone-b", ""];
const NODES: [&str; 4] = ["a", "b", "c", "d"];
const PODS: usize = 40;
/// Who takes slices away from their writers. What happens to these is nobody's business any more.
pub const THIEF: &str = "thief";

/// Which families the Services of a history have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// IPv4.
    Single,
    /// IPv4, IPv6, or both, in either order.
    Dual,
}

/// A history of so many operations. Node names begin with `prefix`, since nodes have no namespace.
pub fn history(seed: u64, families: Families, operations: usize, prefix: &str) -> Vec<Op> {
    let mut world = World::new(seed, families, prefix);
    let mut history: Vec<Op> = world.first_nodes();
    while history.len() < operations {
        history.extend(world.next());
    }
    history
}

struct World {
    random: StdRng,
    families: Families,
    /// Names, and whether the Node exists. The last one never does.
    nodes: Vec<(&'static str, bool)>,
    services: BTreeMap<&'static str, ServiceModel>,
    pods: BTreeMap<&'static str, PodModel>,
    foreign: usize,
}

struct ServiceModel {
    kind: ServiceKind,
    /// Whether it ever had a selector, so that Endpoints of its name may be a controller's.
    selected: bool,
    custom: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum ServiceKind {
    Selecting,
    Bare,
    External,
}

struct PodModel {
    terminating: bool,
    ended: bool,
}

impl World {
    fn new(seed: u64, families: Families, prefix: &str) -> Self {
        let named = |suffix: &str| -> &'static str { format!("{prefix}-{suffix}").leak() };
        let nodes = NODES.iter().map(|suffix| (named(suffix), true));
        Self {
            random: StdRng::seed_from_u64(seed),
            families,
            nodes: nodes.chain([(named("ghost"), false)]).collect(),
            services: BTreeMap::new(),
            pods: BTreeMap::new(),
            foreign: 0,
        }
    }

    fn first_nodes(&self) -> Vec<Op> {
        let existing = self.nodes.iter().filter(|(_, exists)| *exists);
        let zones = ZONES.iter().cycle();
        existing.zip(zones).map(|((name, _), zone)| Op::Node(node(name, zone))).collect()
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random.random_range(0..limit)
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.random.random_range(0..choices.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// The next thing to happen, or nothing if what was drawn makes no sense now.
    fn next(&mut self) -> Option<Op> {
        match self.below(100) {
            0..12 => self.new_service(),
            12..25 => self.edit_service(),
            25..27 => self.delete_service(),
            27..48 => self.new_pod(),
            48..60 => self.readiness(),
            60..68 => self.pod_ends(),
            68..72 => self.delete_pod(),
            72..75 => self.relabel_pod(),
            75..82 => self.node(),
            82..88 => self.custom_endpoints(),
            88..90 => self.foreign_slice(),
            _ => self.vandalism(),
        }
    }

    fn some_service(&mut self, wanted: impl Fn(&ServiceModel) -> bool) -> Option<&'static str> {
        let fitting = self.services.iter().filter(|(_, model)| wanted(model));
        let names: Vec<&'static str> = fitting.map(|(name, _)| *name).collect();
        (!names.is_empty()).then(|| self.one_of(&names))
    }

    fn some_pod(&mut self, wanted: impl Fn(&PodModel) -> bool) -> Option<&'static str> {
        let fitting = self.pods.iter().filter(|(_, model)| wanted(model));
        let names: Vec<&'static str> = fitting.map(|(name, _)| *name).collect();
        (!names.is_empty()).then(|| self.one_of(&names))
    }

    fn new_service(&mut self) -> Option<Op> {
        let free: Vec<&'static str> =
            SERVICES.into_iter().filter(|name| !self.services.contains_key(name)).collect();
        if free.is_empty() {
            return None;
        }
        let name = self.one_of(&free);
        let mut spec = json!({"selector": {"app": self.one_of(&APPS)}, "ports": self.ports()});
        let kind = match self.below(8) {
            0 => {
                spec["selector"] = Value::Null;
                ServiceKind::Bare
            }
            1 => {
                spec["type"] = json!("ExternalName");
                spec["externalName"] = json!("example.com");
                ServiceKind::External
            }
            _ => ServiceKind::Selecting,
        };
        if kind == ServiceKind::Selecting && self.chance(20) {
            spec["clusterIP"] = json!("None");
        }
        if kind == ServiceKind::Selecting && self.families == Families::Dual {
            let families = [
                json!(["IPv4", "IPv6"]),
                json!(["IPv6", "IPv4"]),
                json!(["IPv6"]),
                json!(["IPv4"]),
            ];
            let families = &families[self.below(4)];
            let dual = families.as_array().map_or(0, Vec::len) == 2;
            spec["ipFamilyPolicy"] = json!(if dual { "RequireDualStack" } else { "SingleStack" });
            spec["ipFamilies"] = families.clone();
        }
        if self.chance(20) && kind != ServiceKind::External {
            spec["trafficDistribution"] = self.distribution();
        }
        spec["publishNotReadyAddresses"] = json!(self.chance(15));
        let mut object = service(name, spec);
        if self.chance(30) {
            object["metadata"]["labels"] = json!({"tier": self.one_of(&APPS)});
        }
        let selected = kind != ServiceKind::Bare;
        self.services.insert(name, ServiceModel { kind, selected, custom: false });
        Some(Op::Create(object))
    }

    fn distribution(&mut self) -> Value {
        json!(self.one_of(&["PreferClose", "PreferSameZone", "PreferSameNode"]))
    }

    fn ports(&mut self) -> Value {
        let http = match self.below(3) {
            0 => json!("web"),
            1 => json!(9376),
            _ => json!(8443),
        };
        let mut ports = vec![json!({"name": "http", "port": 80, "targetPort": http})];
        if self.chance(30) {
            ports.push(json!({"name": "admin", "port": 81, "targetPort": "admin"}));
        }
        if self.chance(15) {
            ports.push(json!({"name": "dns", "port": 53, "protocol": "UDP", "appProtocol": "dns"}));
        }
        json!(ports)
    }

    fn edit_service(&mut self) -> Option<Op> {
        let name = self.some_service(|_| true)?;
        let kind = self.services[name].kind;
        let patch = match self.below(13) {
            0..3 => json!({"metadata": {"labels": {"tier": self.one_of(&APPS)}}}),
            3 => json!({"metadata": {"labels": {"tier": null}}}),
            4..7 => json!({"spec": {"ports": self.ports()}}),
            7 => json!({"spec": {"publishNotReadyAddresses": self.chance(50)}}),
            8 => return self.reselect(name),
            9 => return self.change_type(name),
            10 if kind != ServiceKind::External => {
                json!({"spec": {"trafficDistribution": self.distribution()}})
            }
            11 => json!({"spec": {"trafficDistribution": null}}),
            _ if kind == ServiceKind::Selecting => {
                json!({"spec": {"selector": {"app": self.one_of(&APPS)}}})
            }
            _ => return None,
        };
        Some(Op::Patch("Service", name, patch))
    }

    /// Takes a selector away, or gives one.
    fn reselect(&mut self, name: &'static str) -> Option<Op> {
        let app = self.one_of(&APPS);
        let model = self.services.get_mut(name)?;
        let selector = match model.kind {
            ServiceKind::Selecting => {
                model.kind = ServiceKind::Bare;
                Value::Null
            }
            ServiceKind::Bare => {
                model.kind = ServiceKind::Selecting;
                model.selected = true;
                json!({"app": app})
            }
            ServiceKind::External => return None,
        };
        Some(Op::Patch("Service", name, json!({"spec": {"selector": selector}})))
    }

    /// Turns a Service with a selector into an alias, or an alias back.
    fn change_type(&mut self, name: &'static str) -> Option<Op> {
        let model = self.services.get_mut(name)?;
        let spec = match model.kind {
            ServiceKind::Selecting => {
                model.kind = ServiceKind::External;
                json!({
                    "type": "ExternalName", "externalName": "example.com",
                    "clusterIP": null, "clusterIPs": null, "trafficDistribution": null,
                    "ipFamilies": null, "ipFamilyPolicy": null,
                })
            }
            ServiceKind::External => {
                model.kind = ServiceKind::Selecting;
                json!({"type": "ClusterIP", "externalName": null})
            }
            ServiceKind::Bare => return None,
        };
        Some(Op::Patch("Service", name, json!({ "spec": spec })))
    }

    fn delete_service(&mut self) -> Option<Op> {
        let name = self.some_service(|_| true)?;
        self.services.remove(name);
        Some(Op::Delete("Service", name))
    }

    fn new_pod(&mut self) -> Option<Op> {
        let number = self.below(PODS);
        let name: &'static str = format!("pod-{number}").leak();
        if self.pods.contains_key(name) {
            return None;
        }
        let app = self.one_of(&APPS);
        let (v4, v6) =
            (format!("10.7.{}.{}", self.below(200), number + 1), format!("fd00::{number:x}:1"));
        let ips: Vec<&str> = match (self.families, self.below(4)) {
            (Families::Dual, 0..2) => vec![&v4, &v6],
            (Families::Dual, 2) => vec![&v6],
            _ => vec![&v4],
        };
        let at = if self.chance(4) { NODES.len() } else { self.below(NODES.len()) };
        let mut new = pod(name, app, &v4).with_ips(&ips).on(self.nodes[at].0);
        let web = self.one_of(&[8080, 8081]);
        let mut ports = vec![json!({"name": "web", "containerPort": web})];
        if self.chance(50) {
            ports.push(json!({"name": "admin", "containerPort": 9000}));
        }
        new.spec["containers"][0]["ports"] = json!(ports);
        if self.chance(15) {
            new.spec["hostname"] = json!(name);
            new.spec["subdomain"] = json!(self.one_of(&SERVICES));
        }
        if self.chance(30) {
            new = new.not_ready();
        }
        if self.chance(5) {
            new = new.with_ips(&[]).in_phase("Pending");
        }
        self.pods.insert(name, PodModel { terminating: false, ended: false });
        Some(Op::pod(new))
    }

    fn readiness(&mut self) -> Option<Op> {
        let name = self.some_pod(|pod| !pod.ended)?;
        Some(Op::Readiness(name, self.one_of(&["True", "True", "False"])))
    }

    fn pod_ends(&mut self) -> Option<Op> {
        let name = self.some_pod(|pod| !pod.ended && !pod.terminating)?;
        let phase = self.one_of(&["Succeeded", "Failed"]);
        if self.chance(50) {
            self.pods.get_mut(name)?.terminating = true;
            return Some(Op::Terminate(name));
        }
        self.pods.get_mut(name)?.ended = true;
        Some(Op::Status("Pod", name, json!({"phase": phase})))
    }

    fn delete_pod(&mut self) -> Option<Op> {
        let name = self.some_pod(|_| true)?;
        self.pods.remove(name);
        Some(Op::Delete("Pod", name))
    }

    fn relabel_pod(&mut self) -> Option<Op> {
        let name = self.some_pod(|_| true)?;
        Some(Op::Patch("Pod", name, labels(json!({"app": self.one_of(&APPS)}))))
    }

    fn node(&mut self) -> Option<Op> {
        let place = self.below(NODES.len());
        let (name, exists) = self.nodes[place];
        if !exists {
            self.nodes[place].1 = true;
            return Some(Op::Node(node(name, self.one_of(&ZONES))));
        }
        if self.chance(25) {
            self.nodes[place].1 = false;
            return Some(Op::Delete("Node", name));
        }
        let zone = [json!("zone-a"), json!("zone-b"), json!(null)][self.below(3)].clone();
        Some(Op::Patch("Node", name, labels(json!({"topology.kubernetes.io/zone": zone}))))
    }

    fn custom_endpoints(&mut self) -> Option<Op> {
        let name = self.some_service(|model| model.kind == ServiceKind::Bare && !model.selected)?;
        let subsets = self.subsets();
        let model = self.services.get_mut(name)?;
        if !std::mem::replace(&mut model.custom, true) {
            return Some(Op::Create(json!({
                "apiVersion": "v1", "kind": "Endpoints",
                "metadata": {"name": name}, "subsets": subsets,
            })));
        }
        let patch = match self.below(8) {
            0 => {
                self.services.get_mut(name)?.custom = false;
                return Some(Op::Delete("Endpoints", name));
            }
            1 => labels(json!({"team": self.one_of(&APPS)})),
            2 => json!({"metadata": {"annotations": {"note": self.one_of(&APPS)}}}),
            3 => labels(json!({
                "endpointslice.kubernetes.io/skip-mirror": self.one_of(&["true", "false"]),
            })),
            _ => json!({"subsets": subsets}),
        };
        Some(Op::Patch("Endpoints", name, patch))
    }

    fn subsets(&mut self) -> Value {
        let count = self.below(3);
        let subsets = (0..count).map(|_| {
            let mut addresses = |most: usize| -> Vec<Value> {
                let count = self.below(most);
                let address = |_| {
                    let ip = match self.chance(20) {
                        true => format!("fd00::5:{}", self.below(6)),
                        false => format!("10.5.0.{}", self.below(6) + 1),
                    };
                    json!({"ip": ip})
                };
                (0..count).map(address).collect()
            };
            let (ready, not_ready) = (addresses(4), addresses(2));
            let number = self.one_of(&[80, 443, 8080]);
            let mut port = json!({"name": format!("p{number}"), "port": number});
            if self.chance(25) {
                port["appProtocol"] = json!("http");
            }
            json!({"addresses": ready, "notReadyAddresses": not_ready, "ports": [port]})
        });
        let subsets: Vec<Value> = subsets.collect();
        let holds = |subset: &&Value| {
            let len = |list: &str| subset[list].as_array().map_or(0, Vec::len);
            len("addresses") + len("notReadyAddresses") > 0
        };
        json!(subsets.iter().filter(holds).collect::<Vec<_>>())
    }

    fn foreign_slice(&mut self) -> Option<Op> {
        let service = self.one_of(&SERVICES);
        self.foreign += 1;
        Some(Op::Create(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": format!("foreign-{}", self.foreign),
                "labels": {
                    "kubernetes.io/service-name": service,
                    "endpointslice.kubernetes.io/managed-by": "somebody",
                },
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 1234}],
            "endpoints": [{"addresses": ["10.8.8.8"]}],
        })))
    }

    /// Somebody changes what a controller wrote.
    fn vandalism(&mut self) -> Option<Op> {
        let name = self.some_service(|model| model.kind != ServiceKind::External)?;
        if self.services[name].kind == ServiceKind::Bare && self.services[name].selected {
            // What was left behind there is nobody's to mend.
            return None;
        }
        let managed_by = "endpointslice.kubernetes.io/managed-by";
        Some(match self.below(8) {
            0 => Op::EditSlices(name, json!({"endpoints": [{"addresses": ["10.9.9.9"]}]})),
            1 => Op::EditSlices(name, json!({"ports": []})),
            2 => Op::EditSlices(name, labels(json!({"tier": "edited"}))),
            3 => Op::DeleteSlices(name),
            4 => Op::EditSlices(name, labels(json!({managed_by: THIEF}))),
            5 => Op::EditSlices(name, json!({"endpoints": null})),
            _ if self.services[name].kind == ServiceKind::Bare => return None,
            6 => Op::EditEndpoints(name, json!({"subsets": null})),
            _ => Op::DeleteEndpoints(name),
        })
    }
}
