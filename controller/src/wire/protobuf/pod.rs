//! A Pod out of protobuf.

use std::sync::Arc;

use controller_core::facts::cause::{self, PodState, State};
use controller_core::facts::pod::{Explaining, Planning};
use controller_core::facts::{Cause, ContainerKind, ContainerPort, Phase, Pod, PodAddress};
use controller_core::key::ResourceVersion;
use jiff::Timestamp;

use super::message::{Malformed, Message};
use super::metadata::Metadata;
use super::{Decoded, text_or_none};

/// Reads a Pod.
pub fn pod(mut message: Message<'_>) -> Decoded<(Pod, ResourceVersion)> {
    let (mut metadata, mut spec, mut status) =
        (Metadata::default(), Spec::default(), Status::default());
    while let Some(field) = message.next()? {
        match field.number {
            1 => metadata = Metadata::read(field.message()?)?,
            2 => spec = Spec::read(field.message()?)?,
            3 => status = Status::read(field.message()?)?,
            _ => {}
        }
    }
    let version = metadata.required_version()?;
    let ready = status.conditions.iter().find(|condition| condition.state.kind == "Ready");
    let pod = Pod {
        key: metadata.key(),
        labels: metadata.labels(),
        explaining: Explaining {
            cause: cause(&spec, &status),
            created: metadata.created,
            ready_since: ready.and_then(|ready| ready.since),
            owner: metadata.owner().map(Arc::new),
        },
        planning: Planning {
            uid: metadata.uid.into(),
            phase: match status.phase {
                "Failed" => Phase::Failed,
                "Succeeded" => Phase::Succeeded,
                _ => Phase::Live,
            },
            ready: ready.is_some_and(|ready| ready.state.status == "True"),
            deleting: metadata.deleting,
            has_ip: !status.addresses.is_empty() || !status.pod_ip.is_empty(),
            addresses: status.addresses,
            node_name: text_or_none(spec.node_name),
            hostname: text_or_none(spec.hostname),
            subdomain: text_or_none(spec.subdomain),
            ports: spec.ports.into_iter().chain(spec.init_ports).collect(),
        },
    };
    Ok((pod, version))
}

fn cause(spec: &Spec<'_>, status: &Status<'_>) -> Option<Cause> {
    Cause::of(&PodState {
        scheduled: !spec.node_name.is_empty(),
        has_ip: !status.pod_ip.is_empty(),
        conditions: status.conditions.iter().map(|condition| condition.state).collect(),
        readiness_gates: spec.readiness_gates.clone(),
        init_containers: status.init_containers.clone(),
        containers: status.containers.clone(),
    })
}

#[derive(Default)]
struct Spec<'a> {
    node_name: &'a str,
    hostname: &'a str,
    subdomain: &'a str,
    readiness_gates: Vec<&'a str>,
    ports: Vec<ContainerPort>,
    init_ports: Vec<ContainerPort>,
}

impl<'a> Spec<'a> {
    fn read(mut message: Message<'a>) -> Result<Self, Malformed> {
        let mut spec = Self::default();
        while let Some(field) = message.next()? {
            match field.number {
                2 => container(field.message()?, |_| ContainerKind::Main, &mut spec.ports)?,
                10 => spec.node_name = field.text()?,
                16 => spec.hostname = field.text()?,
                17 => spec.subdomain = field.text()?,
                20 => container(field.message()?, init_kind, &mut spec.init_ports)?,
                28 => spec.readiness_gates.push(first_text(field.message()?)?),
                _ => {}
            }
        }
        Ok(spec)
    }
}

/// What kind an init container is, by its restartPolicy.
fn init_kind(restart_policy: &str) -> ContainerKind {
    match restart_policy {
        "Always" => ContainerKind::Sidecar,
        _ => ContainerKind::Init,
    }
}

/// Adds the ports of a container, whose kind goes by its restartPolicy.
fn container(
    mut message: Message<'_>,
    kind: impl Fn(&str) -> ContainerKind,
    ports: &mut Vec<ContainerPort>,
) -> Result<(), Malformed> {
    let before = ports.len();
    let mut restart_policy = "";
    while let Some(field) = message.next()? {
        match field.number {
            6 => ports.push(container_port(field.message()?)?),
            24 => restart_policy = field.text()?,
            _ => {}
        }
    }
    let kind = kind(restart_policy);
    ports.iter_mut().skip(before).for_each(|port| port.container = kind);
    Ok(())
}

fn container_port(mut message: Message<'_>) -> Result<ContainerPort, Malformed> {
    let (mut name, mut protocol, mut number) = ("", "", 0);
    while let Some(field) = message.next()? {
        match field.number {
            1 => name = field.text()?,
            3 => number = field.small_integer()?,
            4 => protocol = field.text()?,
            _ => {}
        }
    }
    let protocol = if protocol.is_empty() { "TCP" } else { protocol };
    let (name, protocol) = (name.into(), protocol.into());
    Ok(ContainerPort { name, protocol, number, container: ContainerKind::Main })
}

#[derive(Default)]
struct Status<'a> {
    phase: &'a str,
    pod_ip: &'a str,
    addresses: Vec<PodAddress>,
    conditions: Vec<Condition<'a>>,
    init_containers: Vec<cause::ContainerState<'a>>,
    containers: Vec<cause::ContainerState<'a>>,
}

impl<'a> Status<'a> {
    fn read(mut message: Message<'a>) -> Result<Self, Malformed> {
        let mut status = Self::default();
        while let Some(field) = message.next()? {
            match field.number {
                1 => status.phase = field.text()?,
                2 => status.conditions.push(Condition::read(field.message()?)?),
                6 => status.pod_ip = field.text()?,
                8 => status.containers.push(container_state(field.message()?)?),
                10 => status.init_containers.push(container_state(field.message()?)?),
                12 => match first_text(field.message()?)? {
                    "" => {}
                    ip => status.addresses.push(PodAddress::parse(ip)),
                },
                _ => {}
            }
        }
        Ok(status)
    }
}

/// A condition of a Pod or of a Node.
pub struct Condition<'a> {
    /// Its type, status and reason.
    pub state: cause::Condition<'a>,
    /// `lastTransitionTime`.
    since: Option<Timestamp>,
}

impl<'a> Condition<'a> {
    /// Those of Pods and of Nodes number these fields alike.
    pub fn read(mut message: Message<'a>) -> Result<Self, Malformed> {
        let (mut kind, mut status, mut reason, mut since) = ("", "", "", None);
        while let Some(field) = message.next()? {
            match field.number {
                1 => kind = field.text()?,
                2 => status = field.text()?,
                4 => since = field.time()?,
                5 => reason = field.text()?,
                _ => {}
            }
        }
        Ok(Self { state: cause::Condition { kind, status, reason }, since })
    }
}

fn container_state(mut message: Message<'_>) -> Result<cause::ContainerState<'_>, Malformed> {
    let (mut state, mut ready, mut started) = (State::Waiting(""), false, true);
    while let Some(field) = message.next()? {
        match field.number {
            2 => state = state_of(field.message()?)?,
            4 => ready = field.boolean()?,
            9 => started = field.boolean()?,
            _ => {}
        }
    }
    Ok(cause::ContainerState { state, started, ready })
}

fn state_of(mut message: Message<'_>) -> Result<State<'_>, Malformed> {
    let mut state = State::Waiting("");
    while let Some(field) = message.next()? {
        match field.number {
            1 => state = State::Waiting(first_text(field.message()?)?),
            2 => state = State::Running,
            3 => state = State::Terminated(exit_code(field.message()?)?),
            _ => {}
        }
    }
    Ok(state)
}

fn exit_code(mut message: Message<'_>) -> Result<i32, Malformed> {
    let mut code = 0;
    while let Some(field) = message.next()? {
        if field.number == 1 {
            code = field.small_integer()?;
        }
    }
    Ok(code)
}

/// The text in field 1.
fn first_text(mut message: Message<'_>) -> Result<&str, Malformed> {
    let mut text = "";
    while let Some(field) = message.next()? {
        if field.number == 1 {
            text = field.text()?;
        }
    }
    Ok(text)
}
