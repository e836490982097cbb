//! A Pod out of JSON.

use std::sync::Arc;

use controller_core::facts::cause::{self, PodState, State};
use controller_core::facts::pod::{Explaining, Planning};
use controller_core::facts::{self, Cause, ContainerKind, Owner, Phase, PodAddress};
use controller_core::key::{ResourceVersion, Text};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::metadata::{Metadata, non_empty, timestamp};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    metadata: Metadata,
    spec: PodSpec,
    status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    node_name: Option<Text>,
    hostname: Option<Text>,
    subdomain: Option<Text>,
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
    readiness_gates: Option<Vec<ReadinessGate>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    ports: Option<Vec<ContainerPort>>,
    restart_policy: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerPort {
    name: Option<Text>,
    protocol: Option<Text>,
    container_port: Option<i32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ReadinessGate {
    condition_type: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodStatus {
    phase: Option<String>,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    #[serde(rename = "podIPs")]
    pod_ips: Option<Vec<PodIp>>,
    conditions: Option<Vec<Condition>>,
    container_statuses: Option<Vec<ContainerStatus>>,
    init_container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodIp {
    ip: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    r#type: Option<String>,
    status: Option<String>,
    reason: Option<String>,
    last_transition_time: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerStatus {
    ready: Option<bool>,
    started: Option<bool>,
    state: ContainerState,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerState {
    waiting: Option<Waiting>,
    running: Option<IgnoredAny>,
    terminated: Option<Terminated>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Waiting {
    reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Terminated {
    exit_code: Option<i32>,
}

impl Pod {
    pub fn into_fact(mut self) -> Result<(facts::Pod, ResourceVersion), String> {
        let version = self.metadata.required_version()?;
        let pod = facts::Pod {
            key: self.metadata.key(),
            labels: self.metadata.take_labels(),
            explaining: Explaining {
                cause: self.cause(),
                created: self.metadata.created(),
                ready_since: self
                    .ready()
                    .and_then(|ready| timestamp(ready.last_transition_time.as_deref())),
                owner: self.owner().map(Arc::new),
            },
            planning: self.into_planning(),
        };
        Ok((pod, version))
    }

    fn into_planning(self) -> Planning {
        let ready = self.ready().is_some_and(Condition::is_true);
        let ports = self.ports();
        let addresses: Vec<PodAddress> = self
            .status
            .pod_ips
            .iter()
            .flatten()
            .filter_map(|entry| entry.ip.as_deref())
            .filter(|text| !text.is_empty())
            .map(PodAddress::parse)
            .collect();
        Planning {
            phase: match self.status.phase.as_deref() {
                Some("Failed") => Phase::Failed,
                Some("Succeeded") => Phase::Succeeded,
                _ => Phase::Live,
            },
            ready,
            deleting: self.metadata.deletion_timestamp.is_some(),
            has_ip: !addresses.is_empty()
                || self.status.pod_ip.is_some_and(|text| !text.is_empty()),
            addresses,
            node_name: non_empty(self.spec.node_name),
            hostname: non_empty(self.spec.hostname),
            subdomain: non_empty(self.spec.subdomain),
            ports,
            uid: self.metadata.uid.unwrap_or_default(),
        }
    }

    fn ready(&self) -> Option<&Condition> {
        self.status.conditions.iter().flatten().find(|condition| condition.is("Ready"))
    }

    fn ports(&self) -> Arc<[facts::ContainerPort]> {
        let main =
            self.spec.containers.iter().flatten().map(|container| (container, ContainerKind::Main));
        let init = self.spec.init_containers.iter().flatten().map(|container| {
            let sidecar = container.restart_policy.as_deref() == Some("Always");
            (container, if sidecar { ContainerKind::Sidecar } else { ContainerKind::Init })
        });
        let ports = main.chain(init).flat_map(|(container, kind)| {
            container.ports.iter().flatten().map(move |port| facts::ContainerPort {
                name: port.name.clone().unwrap_or_default(),
                protocol: non_empty(port.protocol.clone()).unwrap_or_else(|| "TCP".into()),
                number: port.container_port.unwrap_or(0),
                container: kind,
            })
        });
        ports.collect()
    }

    fn owner(&self) -> Option<Owner> {
        let mut references = self.metadata.owner_references.iter().flatten();
        let owner = references.find(|reference| reference.controller == Some(true))?;
        Some(Owner {
            kind: owner.kind.clone().unwrap_or_default(),
            name: owner.name.clone().unwrap_or_default(),
            uid: owner.uid.clone().unwrap_or_default(),
        })
    }

    fn cause(&self) -> Option<Cause> {
        let conditions = self.status.conditions.iter().flatten();
        let gates = self.spec.readiness_gates.iter().flatten();
        Cause::of(&PodState {
            scheduled: self.spec.node_name.as_deref().is_some_and(|name| !name.is_empty()),
            has_ip: self.status.pod_ip.as_deref().is_some_and(|text| !text.is_empty()),
            conditions: conditions.map(Condition::as_state).collect(),
            readiness_gates: gates.filter_map(|gate| gate.condition_type.as_deref()).collect(),
            init_containers: container_states(&self.status.init_container_statuses),
            containers: container_states(&self.status.container_statuses),
        })
    }
}

fn container_states(statuses: &Option<Vec<ContainerStatus>>) -> Vec<cause::ContainerState<'_>> {
    statuses.iter().flatten().map(ContainerStatus::as_state).collect()
}

impl Condition {
    pub fn is(&self, kind: &str) -> bool {
        self.r#type.as_deref() == Some(kind)
    }

    pub fn is_true(&self) -> bool {
        self.status.as_deref() == Some("True")
    }

    fn as_state(&self) -> cause::Condition<'_> {
        cause::Condition {
            kind: self.r#type.as_deref().unwrap_or(""),
            status: self.status.as_deref().unwrap_or(""),
            reason: self.reason.as_deref().unwrap_or(""),
        }
    }
}

impl ContainerStatus {
    fn as_state(&self) -> cause::ContainerState<'_> {
        let state = match &self.state {
            ContainerState { running: Some(_), .. } => State::Running,
            ContainerState { terminated: Some(terminated), .. } => {
                State::Terminated(terminated.exit_code.unwrap_or(0))
            }
            ContainerState { waiting, .. } => {
                let reason = waiting.as_ref().and_then(|waiting| waiting.reason.as_deref());
                State::Waiting(reason.unwrap_or(""))
            }
        };
        cause::ContainerState {
            state,
            started: self.started.unwrap_or(true),
            ready: self.ready.unwrap_or(false),
        }
    }
}
