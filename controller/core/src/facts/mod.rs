//! Facts: what we keep of each watched object. Everything that can change a plan or explain one,
//! with the optional parts settled; the rest of the object is dropped on arrival.

pub mod address;
pub mod addresses;
pub mod cause;
pub mod cluster_ip_hold;
pub mod cluster_ip_pool;
pub mod endpoint_slice;
pub mod endpoints;
pub mod ip_address;
pub mod label_selector;
pub mod namespace;
pub mod node;
pub mod object_meta;
pub mod pod;
pub mod quantity;
pub mod service;
pub mod service_cidr;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::key::{Kind, NamespacedName, Text};

pub use address::{IpFamily, PodAddress};
pub use addresses::Addresses;
pub use cluster_ip_hold::ClusterIpHold;
pub use cluster_ip_pool::ClusterIpPool;
pub use endpoint_slice::{
    AddressType, Conditions, Endpoint, EndpointPort, EndpointSlice, Hints, TargetRef,
};
pub use endpoints::{EndpointAddress, EndpointSubset, Endpoints};
pub use ip_address::IpAddress;
pub use label_selector::LabelSelector;
pub use namespace::Namespace;
pub use node::Node;
pub use object_meta::{Object, ObjectMeta, OwnerReference};
pub use pod::{Cause, ContainerKind, ContainerPort, Owner, Phase, Pod};
pub use service::{
    ClusterIp, HintMode, IpFamilyPolicy, Service, ServicePort, TargetPort, TopologyMode,
    TrafficDistribution,
};
pub use service_cidr::ServiceCidr;

/// Labels, selectors and annotations, ordered by key and shared between the objects that carry
/// the same ones.
pub type Labels = Arc<BTreeMap<Text, Text>>;

/// One watched object, narrowed.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A v1 Service.
    Service(Service),
    /// A v1 Pod.
    Pod(Pod),
    /// A v1 Node.
    Node(Node),
    /// A discovery.k8s.io/v1 EndpointSlice.
    EndpointSlice(EndpointSlice),
    /// v1 Endpoints.
    Endpoints(Endpoints),
    /// A v1 Namespace.
    Namespace(Namespace),
    /// A networking.k8s.io/v1 ServiceCIDR.
    ServiceCidr(ServiceCidr),
    /// A networking.k8s.io/v1 IPAddress.
    IpAddress(IpAddress),
    /// A roster.dev/v1alpha1 ClusterIPPool.
    ClusterIpPool(ClusterIpPool),
    /// A roster.dev/v1alpha1 ClusterIPHold.
    ClusterIpHold(ClusterIpHold),
}

impl Fact {
    /// Which kind of object this is.
    pub fn kind(&self) -> Kind {
        match self {
            Fact::Service(_) => Kind::Service,
            Fact::Pod(_) => Kind::Pod,
            Fact::Node(_) => Kind::Node,
            Fact::EndpointSlice(_) => Kind::EndpointSlice,
            Fact::Endpoints(_) => Kind::Endpoints,
            Fact::Namespace(_) => Kind::Namespace,
            Fact::ServiceCidr(_) => Kind::ServiceCidr,
            Fact::IpAddress(_) => Kind::IpAddress,
            Fact::ClusterIpPool(_) => Kind::ClusterIpPool,
            Fact::ClusterIpHold(_) => Kind::ClusterIpHold,
        }
    }

    /// The object's namespace and name.
    pub fn key(&self) -> NamespacedName {
        match self {
            Fact::Service(service) => service.key.clone(),
            Fact::Pod(pod) => pod.key.clone(),
            Fact::Node(node) => NamespacedName::cluster(node.name.clone()),
            Fact::EndpointSlice(slice) => slice.metadata.key.clone(),
            Fact::Endpoints(endpoints) => endpoints.metadata.key.clone(),
            Fact::Namespace(namespace) => NamespacedName::cluster(namespace.name.clone()),
            Fact::ServiceCidr(cidr) => NamespacedName::cluster(cidr.name.clone()),
            Fact::IpAddress(claim) => claim.key(),
            Fact::ClusterIpPool(pool) => NamespacedName::cluster(pool.name.clone()),
            Fact::ClusterIpHold(hold) => hold.key(),
        }
    }
}
