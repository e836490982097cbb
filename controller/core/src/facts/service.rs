//! What we keep of a Service.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{IpFamily, Labels};
use crate::key::{NamespacedName, Text};

/// A v1 Service, narrowed to what endpoints depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Namespace and name.
    pub key: NamespacedName,
    /// `metadata.uid`: tells this Service from an older one of the same name.
    pub uid: Text,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `metadata.labels`: slices carry copies of them.
    pub labels: Labels,
    /// Whether `spec.type` is ExternalName: such a Service has no endpoints.
    pub external_name: bool,
    /// `spec.selector`; an empty selector selects nothing, like an absent one.
    pub selector: Option<Labels>,
    /// `spec.clusterIP`.
    pub cluster_ip: ClusterIp,
    /// `spec.clusterIPs` as they are written: old objects may have texts that are no addresses.
    pub cluster_ips: Vec<Text>,
    /// `spec.ipFamilies`, possibly empty.
    pub ip_families: Vec<IpFamily>,
    /// `spec.ipFamilyPolicy`.
    pub ip_family_policy: Option<IpFamilyPolicy>,
    /// `spec.ports`, in their order.
    pub ports: Vec<ServicePort>,
    /// `spec.publishNotReadyAddresses`: endpoints count as ready whatever their Pods say.
    pub publish_not_ready_addresses: bool,
    /// What the annotation for topology aware hints says.
    pub topology_mode: TopologyMode,
    /// `spec.trafficDistribution`, where it has a value with a meaning.
    pub traffic_distribution: Option<TrafficDistribution>,
}

impl Service {
    /// Whether the Service has no ClusterIP, be it by `None` or because none was given yet.
    pub fn is_headless(&self) -> bool {
        !matches!(self.cluster_ip, ClusterIp::Address(_))
    }

    /// The families endpoints are wanted for, IPv4 first: the listed ones, else that of the
    /// ClusterIP, else both (a Service stored before dual stack, or not yet given an address).
    pub fn families(&self) -> Vec<IpFamily> {
        let mut families = match (&self.ip_families[..], &self.cluster_ip) {
            ([], ClusterIp::Address(address)) => vec![IpFamily::of(*address)],
            ([], _) => vec![IpFamily::V4, IpFamily::V6],
            (listed, _) => listed.to_vec(),
        };
        families.sort();
        families.dedup();
        families
    }

    /// Which hints the Service asks for. Topology mode wins over trafficDistribution (KEP-4444).
    pub fn hint_mode(&self) -> HintMode {
        match (&self.topology_mode, self.traffic_distribution) {
            (TopologyMode::Auto, _) => HintMode::Topology,
            (_, Some(distribution)) => HintMode::Traffic(distribution),
            _ => HintMode::Off,
        }
    }
}

/// `spec.ipFamilyPolicy`: of how many IP families a Service has addresses (KEP-563).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpFamilyPolicy {
    /// One.
    SingleStack,
    /// Two, if the cluster serves two.
    PreferDualStack,
    /// Two.
    RequireDualStack,
}

impl IpFamilyPolicy {
    /// Reads the API's word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "SingleStack" => Some(IpFamilyPolicy::SingleStack),
            "PreferDualStack" => Some(IpFamilyPolicy::PreferDualStack),
            "RequireDualStack" => Some(IpFamilyPolicy::RequireDualStack),
            _ => None,
        }
    }

    /// The API's word.
    pub fn name(self) -> &'static str {
        match self {
            IpFamilyPolicy::SingleStack => "SingleStack",
            IpFamilyPolicy::PreferDualStack => "PreferDualStack",
            IpFamilyPolicy::RequireDualStack => "RequireDualStack",
        }
    }
}

/// The annotation `service.kubernetes.io/topology-mode`, or its older name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TopologyMode {
    /// Absent, or switched off in so many words.
    #[default]
    Off,
    /// `Auto`.
    Auto,
    /// A value without a meaning, which counts as off.
    Unknown(Text),
}

/// `spec.trafficDistribution` (KEP-4444, KEP-3015).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrafficDistribution {
    /// `PreferClose`, the older name of `PreferSameZone`.
    PreferClose,
    /// `PreferSameZone`.
    PreferSameZone,
    /// `PreferSameNode`, and the same zone as the next best.
    PreferSameNode,
}

impl TrafficDistribution {
    /// Reads the API's word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "PreferClose" => Some(TrafficDistribution::PreferClose),
            "PreferSameZone" => Some(TrafficDistribution::PreferSameZone),
            "PreferSameNode" => Some(TrafficDistribution::PreferSameNode),
            _ => None,
        }
    }

    /// The API's word.
    pub fn name(self) -> &'static str {
        match self {
            TrafficDistribution::PreferClose => "PreferClose",
            TrafficDistribution::PreferSameZone => "PreferSameZone",
            TrafficDistribution::PreferSameNode => "PreferSameNode",
        }
    }
}

/// Which hints a Service asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintMode {
    /// None.
    Off,
    /// Endpoints shared out over the zones by their CPU.
    Topology,
    /// Endpoints for those who are close.
    Traffic(TrafficDistribution),
}

/// `spec.clusterIP`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterIp {
    /// Empty: not given yet, or an ExternalName Service.
    Unset,
    /// `None`: headless by intent.
    Headless,
    /// An address.
    Address(IpAddr),
}

/// One entry of `spec.ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// `name`, empty when unnamed.
    pub name: Text,
    /// `protocol`: TCP, UDP or SCTP.
    pub protocol: Text,
    /// `appProtocol`.
    pub app_protocol: Option<Text>,
    /// `port`: where clients of the Service connect to; endpoints do not use it.
    pub port: i32,
    /// `targetPort`: where Pods listen.
    pub target_port: TargetPort,
}

/// `targetPort` of a Service port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// A number, used whether or not a container declares it.
    Number(i32),
    /// The name of a container port.
    Name(Text),
}
