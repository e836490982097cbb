//! Why a Pod is not ready, or has no address yet, as far as its own status tells: one byte,
//! worked out on arrival, so that container states need not be kept.

/// The first thing in a Pod's status that keeps it from being ready. The order is that of the
/// checks: earlier ones make the later ones moot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The Node's own Ready condition is not True.
    NodeNotReady,
    /// Held by a scheduling gate (KEP-3521).
    SchedulingGated,
    /// The scheduler found no Node.
    Unschedulable,
    /// No Node yet, and the scheduler has said nothing.
    NotScheduled,
    /// Network or volumes are not set up yet.
    SandboxNotReady,
    /// An image cannot be pulled.
    ImagePull,
    /// A container cannot be created from its configuration.
    ContainerConfigError,
    /// A container keeps crashing.
    CrashLoopBackOff,
    /// A container has ended and was not restarted yet.
    ContainerExited,
    /// An init container is still running.
    InitContainersRunning,
    /// A container is being created.
    ContainerCreating,
    /// A startup probe has not passed.
    StartupProbe,
    /// A readiness probe fails.
    ReadinessProbe,
    /// A readiness gate is not True (KEP-580).
    ReadinessGate,
    /// The kubelet has never reported readiness.
    NoReadyCondition,
    /// All of that is fine, and yet Ready is not True.
    ReadyNotTrue,
}

impl Cause {
    /// All causes, in the order of the checks.
    pub const ALL: [Cause; 16] = [
        Cause::NodeNotReady,
        Cause::SchedulingGated,
        Cause::Unschedulable,
        Cause::NotScheduled,
        Cause::SandboxNotReady,
        Cause::ImagePull,
        Cause::ContainerConfigError,
        Cause::CrashLoopBackOff,
        Cause::ContainerExited,
        Cause::InitContainersRunning,
        Cause::ContainerCreating,
        Cause::StartupProbe,
        Cause::ReadinessProbe,
        Cause::ReadinessGate,
        Cause::NoReadyCondition,
        Cause::ReadyNotTrue,
    ];

    /// The name by which output and metrics call it; never renamed.
    pub fn name(self) -> &'static str {
        match self {
            Cause::NodeNotReady => "NodeNotReady",
            Cause::SchedulingGated => "SchedulingGated",
            Cause::Unschedulable => "Unschedulable",
            Cause::NotScheduled => "NotScheduled",
            Cause::SandboxNotReady => "SandboxNotReady",
            Cause::ImagePull => "ImagePull",
            Cause::ContainerConfigError => "ContainerConfigError",
            Cause::CrashLoopBackOff => "CrashLoopBackOff",
            Cause::ContainerExited => "ContainerExited",
            Cause::InitContainersRunning => "InitContainersRunning",
            Cause::ContainerCreating => "ContainerCreating",
            Cause::StartupProbe => "StartupProbe",
            Cause::ReadinessProbe => "ReadinessProbe",
            Cause::ReadinessGate => "ReadinessGate",
            Cause::NoReadyCondition => "NoReadyCondition",
            Cause::ReadyNotTrue => "ReadyNotTrue",
        }
    }

    /// Reads the cause out of a Pod's status; nothing for a ready Pod.
    pub fn of(pod: &PodState<'_>) -> Option<Cause> {
        let ready = pod.condition("Ready");
        if ready.is_some_and(|condition| condition.is_true()) {
            return None;
        }
        Some(
            before_scheduling(pod)
                .or_else(|| before_containers(pod))
                .or_else(|| pod.init_containers.iter().find_map(of_init_container))
                .or_else(|| pod.containers.iter().find_map(of_container))
                .or_else(|| unmet_gate(pod))
                .unwrap_or(if ready.is_none() {
                    Cause::NoReadyCondition
                } else {
                    Cause::ReadyNotTrue
                }),
        )
    }
}

/// The parts of a Pod that tell why it is not ready, borrowed from whatever was decoded.
#[derive(Clone, Debug, Default)]
pub struct PodState<'a> {
    /// Whether `spec.nodeName` is set.
    pub scheduled: bool,
    /// Whether the Pod has an address.
    pub has_ip: bool,
    /// `status.conditions`.
    pub conditions: Vec<Condition<'a>>,
    /// `spec.readinessGates[].conditionType`.
    pub readiness_gates: Vec<&'a str>,
    /// `status.initContainerStatuses`.
    pub init_containers: Vec<ContainerState<'a>>,
    /// `status.containerStatuses`.
    pub containers: Vec<ContainerState<'a>>,
}

/// A condition of a Pod.
#[derive(Clone, Copy, Debug)]
pub struct Condition<'a> {
    /// `type`.
    pub kind: &'a str,
    /// `status`.
    pub status: &'a str,
    /// `reason`.
    pub reason: &'a str,
}

/// The state of one container.
#[derive(Clone, Copy, Debug)]
pub struct ContainerState<'a> {
    /// What the container is doing.
    pub state: State<'a>,
    /// `started`: the startup probe has passed. Absent counts as passed.
    pub started: bool,
    /// `ready`.
    pub ready: bool,
}

/// `state` of a container status.
#[derive(Clone, Copy, Debug)]
pub enum State<'a> {
    /// Waiting, with the reason.
    Waiting(&'a str),
    /// Running.
    Running,
    /// Terminated, with the exit code.
    Terminated(i32),
}

impl<'a> PodState<'a> {
    fn condition(&self, kind: &str) -> Option<&Condition<'a>> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }
}

impl Condition<'_> {
    fn is_true(&self) -> bool {
        self.status == "True"
    }
}

fn before_scheduling(pod: &PodState<'_>) -> Option<Cause> {
    let refused = pod.condition("PodScheduled").filter(|condition| !condition.is_true());
    match refused.map(|condition| condition.reason) {
        Some("SchedulingGated") => Some(Cause::SchedulingGated),
        Some("Unschedulable") => Some(Cause::Unschedulable),
        _ if !pod.scheduled => Some(Cause::NotScheduled),
        _ => None,
    }
}

fn before_containers(pod: &PodState<'_>) -> Option<Cause> {
    let sandbox_missing =
        pod.condition("PodReadyToStartContainers").is_some_and(|condition| !condition.is_true());
    let mut all = pod.init_containers.iter().chain(&pod.containers);
    let all_creating = all.all(|container| {
        matches!(container.state, State::Waiting(reason) if of_waiting(reason) == Cause::ContainerCreating)
    });
    (sandbox_missing && all_creating && !pod.has_ip).then_some(Cause::SandboxNotReady)
}

fn of_init_container(container: &ContainerState<'_>) -> Option<Cause> {
    match container.state {
        State::Terminated(0) => None,
        State::Terminated(_) => Some(Cause::ContainerExited),
        // A sidecar that has started lets the Pod go on.
        State::Running if container.started && container.ready => None,
        State::Running => Some(Cause::InitContainersRunning),
        State::Waiting("PodInitializing") => None,
        State::Waiting(reason) => Some(of_waiting(reason)),
    }
}

fn of_container(container: &ContainerState<'_>) -> Option<Cause> {
    match container.state {
        State::Waiting(reason) => Some(of_waiting(reason)),
        State::Terminated(_) => Some(Cause::ContainerExited),
        State::Running if !container.started => Some(Cause::StartupProbe),
        State::Running if !container.ready => Some(Cause::ReadinessProbe),
        State::Running => None,
    }
}

fn of_waiting(reason: &str) -> Cause {
    match reason {
        "CrashLoopBackOff" => Cause::CrashLoopBackOff,
        "ErrImagePull"
        | "ImagePullBackOff"
        | "ErrImageNeverPull"
        | "InvalidImageName"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed" => Cause::ImagePull,
        other if other.ends_with("ConfigError") || other.ends_with("ContainerError") => {
            Cause::ContainerConfigError
        }
        _ => Cause::ContainerCreating,
    }
}

fn unmet_gate(pod: &PodState<'_>) -> Option<Cause> {
    let unmet = |gate: &&str| !pod.condition(gate).is_some_and(Condition::is_true);
    pod.readiness_gates.iter().any(unmet).then_some(Cause::ReadinessGate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition<'a>(kind: &'a str, status: &'a str, reason: &'a str) -> Condition<'a> {
        Condition { kind, status, reason }
    }

    fn running(started: bool, ready: bool) -> ContainerState<'static> {
        ContainerState { state: State::Running, started, ready }
    }

    fn waiting(reason: &str) -> ContainerState<'_> {
        ContainerState { state: State::Waiting(reason), started: false, ready: false }
    }

    fn scheduled<'a>() -> PodState<'a> {
        PodState {
            scheduled: true,
            has_ip: true,
            conditions: vec![condition("Ready", "False", "")],
            ..PodState::default()
        }
    }

    #[test]
    fn a_ready_pod_has_no_cause() {
        let pod = PodState { conditions: vec![condition("Ready", "True", "")], ..scheduled() };
        assert_eq!(Cause::of(&pod), None);
    }

    #[test]
    fn a_pod_without_a_node_waits_for_the_scheduler() {
        let mut pod = PodState { scheduled: false, ..scheduled() };
        assert_eq!(Cause::of(&pod), Some(Cause::NotScheduled));
        pod.conditions.push(condition("PodScheduled", "False", "Unschedulable"));
        assert_eq!(Cause::of(&pod), Some(Cause::Unschedulable));
        pod.conditions[1].reason = "SchedulingGated";
        assert_eq!(Cause::of(&pod), Some(Cause::SchedulingGated));
    }

    #[test]
    fn waiting_reasons_are_told_apart() {
        let cases = [
            ("ErrImagePull", Cause::ImagePull),
            ("ImagePullBackOff", Cause::ImagePull),
            ("CreateContainerConfigError", Cause::ContainerConfigError),
            ("CreateContainerError", Cause::ContainerConfigError),
            ("RunContainerError", Cause::ContainerConfigError),
            ("CrashLoopBackOff", Cause::CrashLoopBackOff),
            ("ContainerCreating", Cause::ContainerCreating),
            ("SomethingNew", Cause::ContainerCreating),
        ];
        for (reason, cause) in cases {
            let pod = PodState { containers: vec![waiting(reason)], ..scheduled() };
            assert_eq!(Cause::of(&pod), Some(cause), "{reason}");
        }
    }

    #[test]
    fn a_sandbox_that_is_not_set_up_comes_before_its_containers() {
        let mut pod = PodState {
            has_ip: false,
            containers: vec![waiting("ContainerCreating")],
            ..scheduled()
        };
        pod.conditions.push(condition("PodReadyToStartContainers", "False", ""));
        assert_eq!(Cause::of(&pod), Some(Cause::SandboxNotReady));
    }

    #[test]
    fn init_containers_come_before_containers_and_started_sidecars_do_not_block() {
        let mut pod = PodState {
            init_containers: vec![running(true, true), running(false, false)],
            containers: vec![waiting("PodInitializing")],
            ..scheduled()
        };
        assert_eq!(Cause::of(&pod), Some(Cause::InitContainersRunning));
        pod.init_containers.truncate(1);
        pod.containers = vec![running(true, false)];
        assert_eq!(Cause::of(&pod), Some(Cause::ReadinessProbe));
    }

    #[test]
    fn probes_gates_and_the_kubelet_come_last() {
        let mut pod = PodState { containers: vec![running(false, false)], ..scheduled() };
        assert_eq!(Cause::of(&pod), Some(Cause::StartupProbe));
        pod.containers = vec![running(true, true)];
        pod.readiness_gates = vec!["example.com/gate"];
        assert_eq!(Cause::of(&pod), Some(Cause::ReadinessGate));
        pod.readiness_gates.clear();
        assert_eq!(Cause::of(&pod), Some(Cause::ReadyNotTrue));
        pod.conditions.clear();
        assert_eq!(Cause::of(&pod), Some(Cause::NoReadyCondition));
    }

    #[test]
    fn a_container_that_ended_is_named() {
        let ended = ContainerState { state: State::Terminated(1), started: false, ready: false };
        let pod = PodState { containers: vec![ended], ..scheduled() };
        assert_eq!(Cause::of(&pod), Some(Cause::ContainerExited));
    }
}
