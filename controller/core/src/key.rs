//! Names of objects: how the index, the queue and the plans speak of them.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// Shared text. Names, labels and addresses stand in many facts at once, so they are counted
/// references rather than copies: one word each, and equal at a glance where they are the same.
pub type Text = arcstr::ArcStr;

/// The namespace and name of an object. The namespace of a cluster-scoped object is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespacedName {
    /// `metadata.namespace`, empty for cluster-scoped kinds.
    pub namespace: Text,
    /// `metadata.name`.
    pub name: Text,
}

impl NamespacedName {
    /// The key of a namespaced object.
    pub fn new(namespace: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of a cluster-scoped object such as a Node.
    pub fn cluster(name: impl Into<Text>) -> Self {
        Self::new("", name)
    }
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            formatter.write_str(&self.name)
        } else {
            write!(formatter, "{}/{}", self.namespace, self.name)
        }
    }
}

/// `metadata.resourceVersion`. API servers promise decimal integers that grow with every write of
/// a resource, so two versions of one object can be compared (KEP-5504).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceVersion(pub u64);

impl FromStr for ResourceVersion {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for ResourceVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The watched kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// v1 Service.
    Service,
    /// v1 Pod.
    Pod,
    /// v1 Node.
    Node,
    /// discovery.k8s.io/v1 EndpointSlice.
    EndpointSlice,
    /// v1 Endpoints.
    Endpoints,
    /// v1 Namespace.
    Namespace,
    /// networking.k8s.io/v1 ServiceCIDR.
    ServiceCidr,
    /// networking.k8s.io/v1 IPAddress.
    IpAddress,
    /// roster.dev/v1alpha1 ClusterIPPool.
    ClusterIpPool,
    /// roster.dev/v1alpha1 ClusterIPHold.
    ClusterIpHold,
}

impl Kind {
    /// All watched kinds, in the order in which their watches are opened.
    pub const ALL: [Kind; 10] = [
        Kind::Node,
        Kind::Service,
        Kind::Pod,
        Kind::EndpointSlice,
        Kind::Endpoints,
        Kind::Namespace,
        Kind::ServiceCidr,
        Kind::IpAddress,
        Kind::ClusterIpPool,
        Kind::ClusterIpHold,
    ];

    /// Whether it is a kind of our own, which a cluster need not have: then there are none of it.
    pub fn is_custom(self) -> bool {
        matches!(self, Kind::ClusterIpPool | Kind::ClusterIpHold)
    }

    /// Whether we write all objects of this kind, so that a watch mostly tells what we know.
    pub fn is_written(self) -> bool {
        matches!(self, Kind::EndpointSlice | Kind::Endpoints)
    }

    /// The kind as objects spell it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Service => "Service",
            Kind::Pod => "Pod",
            Kind::Node => "Node",
            Kind::EndpointSlice => "EndpointSlice",
            Kind::Endpoints => "Endpoints",
            Kind::Namespace => "Namespace",
            Kind::ServiceCidr => "ServiceCIDR",
            Kind::IpAddress => "IPAddress",
            Kind::ClusterIpPool => "ClusterIPPool",
            Kind::ClusterIpHold => "ClusterIPHold",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The controllers, named as `--controllers` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Controller {
    /// Writes the slices of Services with a selector.
    EndpointSlice,
    /// Writes the Endpoints of Services with a selector.
    Endpoints,
    /// Writes slices that mirror hand-made Endpoints.
    EndpointSliceMirroring,
    /// Gives Services their ClusterIPs, where the API server does not.
    ClusterIp,
}

impl Controller {
    /// All controllers. Slices come before Endpoints, here and on the wire: more depends on them.
    pub const ALL: [Controller; 4] = [
        Controller::EndpointSlice,
        Controller::Endpoints,
        Controller::EndpointSliceMirroring,
        Controller::ClusterIp,
    ];

    /// Those that kube-controller-manager has, too, and that must not run in both.
    pub const OF_KUBE_CONTROLLER_MANAGER: [Controller; 3] =
        [Controller::EndpointSlice, Controller::Endpoints, Controller::EndpointSliceMirroring];

    /// The kinds that it needs to watch.
    pub fn kinds(self) -> &'static [Kind] {
        match self {
            Controller::EndpointSlice => {
                &[Kind::Node, Kind::Service, Kind::Pod, Kind::EndpointSlice]
            }
            Controller::Endpoints => &[Kind::Service, Kind::Pod, Kind::Endpoints],
            Controller::EndpointSliceMirroring => {
                &[Kind::Service, Kind::EndpointSlice, Kind::Endpoints]
            }
            Controller::ClusterIp => &[
                Kind::Service,
                Kind::Namespace,
                Kind::ServiceCidr,
                Kind::IpAddress,
                Kind::ClusterIpPool,
                Kind::ClusterIpHold,
            ],
        }
    }

    /// The name on the command line and in logs.
    pub fn name(self) -> &'static str {
        match self {
            Controller::EndpointSlice => "endpointslice-controller",
            Controller::Endpoints => "endpoints-controller",
            Controller::EndpointSliceMirroring => "endpointslice-mirroring-controller",
            Controller::ClusterIp => "clusterip-controller",
        }
    }
}
