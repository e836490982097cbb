//! What we keep of an IPAddress: the claim of a Service on an address, or somebody's reservation.

use std::net::IpAddr;

use jiff::Timestamp;

use super::IpFamily;
use crate::key::{NamespacedName, ResourceVersion, Text};

/// The label that says of which IP family an IPAddress is.
pub const FAMILY_LABEL: &str = "ipaddress.kubernetes.io/ip-family";
/// The label that says who manages an IPAddress.
pub const MANAGED_BY_LABEL: &str = "ipaddress.kubernetes.io/managed-by";
/// Its value on claims that kube-apiserver made.
pub const MANAGED_BY_SERVER: &str = "ipallocator.k8s.io";
/// Its value on claims that we made. kube-apiserver leaves them alone until a Service lists the
/// address, and then makes them its own.
pub const MANAGED_BY_ROSTER: &str = "clusterip-controller.roster.dev";
/// The annotation that tells for which Service of a name we made a claim: its `metadata.uid`.
pub const SERVICE_UID_ANNOTATION: &str = "roster.dev/service-uid";

/// A networking.k8s.io/v1 IPAddress, narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpAddress {
    /// The address, which is `metadata.name` in canonical form.
    pub address: IpAddr,
    /// `metadata.uid`.
    pub uid: Text,
    /// `metadata.resourceVersion`.
    pub resource_version: ResourceVersion,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// Whether `metadata.deletionTimestamp` is set: a finalizer holds the object.
    pub deleting: bool,
    /// Who manages it.
    pub manager: Manager,
    /// The IP family that the label [`FAMILY_LABEL`] says, if it says one.
    pub labelled_family: Option<IpFamily>,
    /// The Service of `spec.parentRef`, if it refers to one.
    pub service: Option<NamespacedName>,
    /// The annotation [`SERVICE_UID_ANNOTATION`].
    pub service_uid: Option<Text>,
}

impl IpAddress {
    /// The name of the object, which is the address.
    pub fn key(&self) -> NamespacedName {
        NamespacedName::cluster(self.address.to_string())
    }

    /// Whether its label tells the IP family that it is of.
    pub fn is_of_labelled_family(&self) -> bool {
        self.labelled_family == Some(IpFamily::of(self.address))
    }
}

/// Who manages an IPAddress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// kube-apiserver.
    Server,
    /// Roster.
    Roster,
    /// Somebody else: whatever it refers to, it is a reservation.
    Other,
}

impl Manager {
    /// Reads the value of [`MANAGED_BY_LABEL`].
    pub fn of(label: Option<&str>) -> Self {
        match label {
            Some(MANAGED_BY_SERVER) => Manager::Server,
            Some(MANAGED_BY_ROSTER) => Manager::Roster,
            _ => Manager::Other,
        }
    }
}
