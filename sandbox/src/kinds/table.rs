//! The table of built-in kinds: a row each.

use super::{Deleted, Generation, Kind, Put, Scale, Scope, Status, Storage};

/// What most kinds are like.
pub const PLAIN: Kind = Kind {
    group: "",
    version: "v1",
    kind: "",
    plural: "",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    status: Status::None,
    scale: Scale::None,
    generation: Generation::None,
    put: Put::Updates,
    deleted: Deleted::Status,
    storage: Storage::Own,
    deprecation: None,
    custom: None,
};

/// What reviews are like: a question of the cluster's, answered at once.
const REVIEW: Kind = Kind { scope: Scope::Cluster, storage: Storage::None, ..PLAIN };
const AUTHENTICATION: Kind = Kind { group: "authentication.k8s.io", ..REVIEW };
const AUTHORIZATION: Kind = Kind { group: "authorization.k8s.io", ..REVIEW };

const ALL: &[&str] = &["all"];

/// Namespaces, which other kinds live in.
pub const NAMESPACE: Kind = Kind {
    kind: "Namespace",
    plural: "namespaces",
    short_names: &["ns"],
    scope: Scope::Cluster,
    status: Status::Subresource,
    deleted: Deleted::Object,
    ..PLAIN
};

/// Nodes, which Pods run on.
pub const NODE: Kind = Kind {
    kind: "Node",
    plural: "nodes",
    short_names: &["no"],
    scope: Scope::Cluster,
    status: Status::SubresourceOrCreation,
    ..PLAIN
};

/// Pods.
pub const POD: Kind = Kind {
    kind: "Pod",
    plural: "pods",
    short_names: &["po"],
    categories: ALL,
    status: Status::Subresource,
    generation: Generation::Spec,
    deleted: Deleted::Object,
    ..PLAIN
};

/// Services.
pub const SERVICE: Kind = Kind {
    kind: "Service",
    plural: "services",
    short_names: &["svc"],
    categories: ALL,
    status: Status::Subresource,
    put: Put::Creates,
    deleted: Deleted::Object,
    ..PLAIN
};

/// Events.
pub const EVENT: Kind =
    Kind { kind: "Event", plural: "events", short_names: &["ev"], put: Put::Creates, ..PLAIN };

/// Deployments, which own ReplicaSets.
pub const DEPLOYMENT: Kind = Kind {
    group: "apps",
    kind: "Deployment",
    plural: "deployments",
    short_names: &["deploy"],
    categories: ALL,
    status: Status::Subresource,
    scale: Scale::Replicas,
    generation: Generation::SpecOrAnnotations,
    ..PLAIN
};

/// ReplicaSets, which own Pods.
pub const REPLICA_SET: Kind = Kind {
    group: "apps",
    kind: "ReplicaSet",
    plural: "replicasets",
    short_names: &["rs"],
    categories: ALL,
    status: Status::Subresource,
    scale: Scale::Replicas,
    generation: Generation::Spec,
    ..PLAIN
};

/// The addresses that are taken.
pub const IP_ADDRESS: Kind = Kind {
    group: "networking.k8s.io",
    kind: "IPAddress",
    plural: "ipaddresses",
    short_names: &["ip"],
    scope: Scope::Cluster,
    ..PLAIN
};

/// The ranges of Service addresses.
pub const SERVICE_CIDR: Kind = Kind {
    group: "networking.k8s.io",
    kind: "ServiceCIDR",
    plural: "servicecidrs",
    scope: Scope::Cluster,
    status: Status::Subresource,
    deleted: Deleted::Object,
    ..PLAIN
};

/// Who programs in Pods are.
pub const SERVICE_ACCOUNT: Kind = Kind {
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    short_names: &["sa"],
    deleted: Deleted::Object,
    ..PLAIN
};

/// A Pod gets its Node.
pub const BINDING: Kind =
    Kind { kind: "Binding", plural: "bindings", storage: Storage::None, ..PLAIN };

/// Who leads, and who is alive.
pub const LEASE: Kind = Kind {
    group: "coordination.k8s.io",
    kind: "Lease",
    plural: "leases",
    put: Put::Creates,
    ..PLAIN
};

/// Kinds that users define.
pub const CUSTOM_RESOURCE_DEFINITION: Kind = Kind {
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    short_names: &["crd", "crds"],
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    status: Status::Subresource,
    generation: Generation::Spec,
    deleted: Deleted::Object,
    ..PLAIN
};

/// Every built-in kind. The order of groups is the order of discovery.
pub static KINDS: [Kind; 24] = [
    NAMESPACE,
    NODE,
    POD,
    SERVICE,
    Kind {
        kind: "Endpoints",
        plural: "endpoints",
        short_names: &["ep"],
        put: Put::Creates,
        deprecation: Some(
            "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
        ),
        ..PLAIN
    },
    EVENT,
    SERVICE_ACCOUNT,
    Kind { kind: "ConfigMap", plural: "configmaps", short_names: &["cm"], ..PLAIN },
    Kind { kind: "Secret", plural: "secrets", ..PLAIN },
    BINDING,
    DEPLOYMENT,
    REPLICA_SET,
    Kind {
        group: "discovery.k8s.io",
        kind: "EndpointSlice",
        plural: "endpointslices",
        generation: Generation::ContentOrLabels,
        ..PLAIN
    },
    IP_ADDRESS,
    SERVICE_CIDR,
    LEASE,
    CUSTOM_RESOURCE_DEFINITION,
    Kind { group: "events.k8s.io", storage: Storage::Events, ..EVENT },
    Kind { kind: "SelfSubjectReview", plural: "selfsubjectreviews", ..AUTHENTICATION },
    Kind { kind: "TokenReview", plural: "tokenreviews", ..AUTHENTICATION },
    Kind {
        kind: "LocalSubjectAccessReview",
        plural: "localsubjectaccessreviews",
        scope: Scope::Namespaced,
        ..AUTHORIZATION
    },
    Kind { kind: "SelfSubjectAccessReview", plural: "selfsubjectaccessreviews", ..AUTHORIZATION },
    Kind { kind: "SelfSubjectRulesReview", plural: "selfsubjectrulesreviews", ..AUTHORIZATION },
    Kind { kind: "SubjectAccessReview", plural: "subjectaccessreviews", ..AUTHORIZATION },
];
