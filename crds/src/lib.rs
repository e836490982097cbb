//! Roster's own API, group `roster.dev`, version `v1alpha1`: what its fields mean, and no behaviour.
//!
//! [`ClusterIPPool`] is for people: whom which addresses of the cluster are for. [`ClusterIPHold`]
//! is for Roster alone: an address that was promised and is not claimed yet.
//!
//! What can be said in the schema is refused by the API server. What cannot, such as two pools that
//! overlap, shows in the conditions of the objects.
//!
//! The definitions for `kubectl apply` are in `yaml/`; `make crds` writes them anew.

mod cluster_ip_hold;
mod cluster_ip_pool;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

pub use cluster_ip_hold::{ClusterIPHold, ClusterIPHoldSpec, ServiceReference};
pub use cluster_ip_pool::{
    ClusterIPPool, ClusterIPPoolSpec, ClusterIPPoolStatus, Enforcement, PerFamily,
};

/// The API group of all kinds.
pub const GROUP: &str = "roster.dev";

/// The definitions of all kinds.
pub fn all() -> Vec<CustomResourceDefinition> {
    vec![ClusterIPPool::crd(), ClusterIPHold::crd()]
}

/// A definition as it is kept in `yaml/`, and the name of its file there.
pub fn file(crd: &CustomResourceDefinition) -> Result<(String, String), serde_saphyr::ser::Error> {
    let name = format!("{}.yaml", crd.spec.names.plural);
    Ok((name, serde_saphyr::to_string(crd)?))
}
