//! Pods: what the race changes of each, and what it looks like on the wire. They are as large as
//! real ones, about 5 KB with what the API server adds, since whoever watches them has to read it all.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::messages::{
    self, Container, ContainerPort, ContainerState, ContainerStateRunning, ContainerStatus, EnvVar,
    HttpGetAction, IntOrString, ObjectMeta, PodCondition, PodIp, PodSpec, PodStatus, Probe,
    ProbeHandler, Quantity, ResourceRequirements, Time,
};
use crate::tiers::Backend;

const IMAGE: &str = "registry.example.com/team/application:1.2.3";
const DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// When all of them started.
const STARTED: Time = Time { seconds: 1_767_323_045 };

/// A Pod, as far as the race changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The Service that selects it.
    pub app: String,
    /// Its number in the whole cluster: its address and its Node come from it.
    pub place: usize,
    /// Over how many Nodes Pods are spread.
    pub nodes: usize,
    /// Whether it is ready.
    pub ready: bool,
    /// An annotation that changes nothing an endpoint shows.
    pub checked: u64,
    /// A label that no selector names.
    pub revision: u64,
}

impl Pod {
    /// A ready Pod of a Service.
    pub fn of(backend: &Backend, number: usize, place: usize, nodes: usize) -> Self {
        Self {
            namespace: backend.namespace.clone(),
            name: format!("{}-{number:04}", backend.name),
            app: backend.name.clone(),
            place,
            nodes,
            ready: true,
            checked: 0,
            revision: 0,
        }
    }

    /// The body that creates it.
    pub fn created(&self) -> Vec<u8> {
        let (metadata, spec) = (Some(self.metadata()), Some(self.spec()));
        messages::wrapped("v1", "Pod", &messages::Pod { metadata, spec, status: None })
    }

    /// The body that brings its status, labels and annotations up to date.
    pub fn updated(&self) -> Vec<u8> {
        let (metadata, status) = (Some(self.metadata()), Some(self.status()));
        messages::wrapped("v1", "Pod", &messages::Pod { metadata, spec: None, status })
    }

    /// Its address: 10.16.0.1, and on from there.
    pub fn ip(&self) -> String {
        let place = self.place;
        format!("10.{}.{}.{}", 16 + place / 50_000, place / 250 % 200, place % 250 + 1)
    }

    fn metadata(&self) -> ObjectMeta {
        let labels = [
            ("app", self.app.clone()),
            ("tier", "backend".to_owned()),
            ("pod-template-hash", "5d9f7c8b6d".to_owned()),
            ("example.com/revision", self.revision.to_string()),
        ];
        let annotations = [
            ("example.com/config-hash", DIGEST.to_owned()),
            ("example.com/description", "x".repeat(1500)),
            ("example.com/checked", self.checked.to_string()),
        ];
        ObjectMeta {
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            labels: labels.map(|(key, value)| (key.to_owned(), value)).into(),
            annotations: annotations.map(|(key, value)| (key.to_owned(), value)).into(),
        }
    }

    fn spec(&self) -> PodSpec {
        let variable = |number| EnvVar {
            name: format!("SETTING_{number}"),
            value: format!("the value of setting {number} of {}", self.app),
        };
        let container = Container {
            name: "main".to_owned(),
            image: IMAGE.to_owned(),
            ports: vec![ContainerPort { name: "http".to_owned(), container_port: 8080 }],
            env: (0..20).map(variable).collect(),
            resources: Some(resources()),
            liveness_probe: Some(probe()),
            readiness_probe: Some(probe()),
        };
        let node_name = format!("node-{}", self.place % self.nodes);
        PodSpec { containers: vec![container], node_name }
    }

    fn status(&self) -> PodStatus {
        let now = Time { seconds: Timestamp::now().as_second() };
        let condition = |kind: &str, holds: bool, since| PodCondition {
            kind: kind.to_owned(),
            status: if holds { "True" } else { "False" }.to_owned(),
            last_transition_time: Some(since),
        };
        PodStatus {
            phase: "Running".to_owned(),
            conditions: vec![
                condition("PodScheduled", true, STARTED),
                condition("Initialized", true, STARTED),
                condition("ContainersReady", self.ready, now),
                condition("Ready", self.ready, now),
            ],
            host_ip: "192.168.0.1".to_owned(),
            pod_ip: self.ip(),
            start_time: Some(STARTED),
            container_statuses: vec![self.container_status()],
            pod_ips: vec![PodIp { ip: self.ip() }],
        }
    }

    fn container_status(&self) -> ContainerStatus {
        let running = ContainerStateRunning { started_at: Some(STARTED) };
        ContainerStatus {
            name: "main".to_owned(),
            state: Some(ContainerState { running: Some(running) }),
            ready: self.ready,
            restart_count: 0,
            image: IMAGE.to_owned(),
            image_id: format!("registry.example.com/team/application@sha256:{DIGEST}"),
            container_id: format!("containerd://{DIGEST}"),
            started: Some(true),
        }
    }
}

fn resources() -> ResourceRequirements {
    let quantity = |text: &str| Quantity { string: text.to_owned() };
    let requests = [("cpu", "100m"), ("memory", "128Mi")];
    let requests = requests.map(|(name, amount)| (name.to_owned(), quantity(amount)));
    ResourceRequirements { requests: BTreeMap::from(requests) }
}

fn probe() -> Probe {
    let http_get =
        HttpGetAction { path: "/healthz".to_owned(), port: Some(IntOrString { int_val: 8080 }) };
    Probe { handler: Some(ProbeHandler { http_get: Some(http_get) }), period_seconds: 5 }
}
