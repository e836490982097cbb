use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// An address that was promised to a Service and is not claimed yet. Not for people.
///
/// Its name is the address, so that no two replicas can promise the same one: `v4-10-96-8-10`, or
/// `v6-` and 32 hexadecimal digits. It is removed when the IPAddress object of the Service
/// appears, or after two minutes.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "roster.dev",
    version = "v1alpha1",
    kind = "ClusterIPHold",
    plural = "clusteripholds",
    derive = "PartialEq",
    doc = "An address that was promised to a Service and is not claimed yet. Not for people.",
    validation = Rule::new(
        "self.metadata.name.matches('^v4(-(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){4}$') \
         || self.metadata.name.matches('^v6-[0-9a-f]{32}$')"
    ).message("the name must be an address: v4-10-96-8-10, or v6- and 32 hexadecimal digits"),
    printcolumn(name = "Namespace", type_ = "string", json_path = ".spec.service.namespace"),
    printcolumn(name = "Service", type_ = "string", json_path = ".spec.service.name"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self == oldSelf").message("field is immutable"))]
pub struct ClusterIPHoldSpec {
    /// The Service that the address was promised to.
    pub service: ServiceReference,

    /// The `uid` of the admission request in which it was. When the API server sends a request
    /// again, the answer is the same address.
    #[serde(rename = "requestUID")]
    #[schemars(length(min = 1, max = 128))]
    pub request_uid: String,

    /// Which replica promised it.
    #[schemars(length(min = 1, max = 253))]
    pub holder: String,
}

/// A Service that is about to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.name) != has(self.generateName)")
        .message("exactly one of name and generateName must be given")
)]
pub struct ServiceReference {
    /// Its namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub name: Option<String>,
    /// What its name will start with, if it has none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub generate_name: Option<String>,
}
