//! The kinds that are served: a row each, with the ways in which a kind differs from the others.

/// A kind of object.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version of the group.
    pub version: &'static str,
    /// The kind: `Pod`.
    pub kind: &'static str,
    /// The resource: `pods`.
    pub plural: &'static str,
    /// What kubectl lets one type instead: `po`.
    pub short_names: &'static [&'static str],
    /// The groups of kinds that it belongs to: `all`.
    pub categories: &'static [&'static str],
    /// Whether objects live in namespaces.
    pub scope: Scope,
    /// Who writes `status`.
    pub status: Status,
    /// Whether it has a number of replicas to set.
    pub scale: Scale,
    /// What raises `metadata.generation`.
    pub generation: Generation,
    /// What a PUT does where nothing is.
    pub put: Put,
    /// What a DELETE answers.
    pub deleted: Deleted,
    /// Where its objects are.
    pub storage: Storage,
}

/// Where the objects of a kind are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In a collection of their own.
    Own,
    /// In that of the core group's Events, which call their fields by other names.
    Events,
    /// Nowhere: what is created is answered and forgotten.
    None,
}

/// What part of an object is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All but the status.
    Main,
    /// A Pod's Node.
    Binding,
    /// What goes on inside a Pod: `attach`, `exec`, `log`, `portforward`.
    Containers,
    /// The polite deletion of a Pod.
    Eviction,
    /// A namespace's finalizers.
    Finalize,
    /// The number of replicas.
    Scale,
    /// The status.
    Status,
    /// A new token of a ServiceAccount.
    Token,
}

impl Part {
    /// The part that a path names.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "attach" | "exec" | "log" | "portforward" => Some(Part::Containers),
            "binding" => Some(Part::Binding),
            "eviction" => Some(Part::Eviction),
            "finalize" => Some(Part::Finalize),
            "scale" => Some(Part::Scale),
            "status" => Some(Part::Status),
            "token" => Some(Part::Token),
            _ => None,
        }
    }
}

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Once in the cluster.
    Cluster,
    /// In a namespace.
    Namespaced,
}

/// How `status` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The kind has no status subresource.
    None,
    /// Only through the subresource.
    Subresource,
    /// Through the subresource, and at creation.
    SubresourceOrCreation,
}

/// Whether a kind has the subresource `scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// It has not.
    None,
    /// It sets `spec.replicas`.
    Replicas,
}

/// What raises the generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// Nothing: objects have none.
    None,
    /// A change of the spec.
    Spec,
    /// A change of the spec or of annotations.
    SpecOrAnnotations,
    /// A change of anything but annotations and the metadata that the server keeps.
    ContentOrLabels,
}

/// What a PUT does where nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It fails.
    Updates,
    /// It creates the object.
    Creates,
}

/// What a DELETE answers when the object is gone at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// A Status.
    Status,
    /// The object.
    Object,
}

impl Kind {
    /// `pods`, `endpointslices.discovery.k8s.io`: as messages name the resource.
    pub fn resource(&self) -> String {
        qualified(self.plural, self.group)
    }

    /// `Pod`, `EndpointSlice.discovery.k8s.io`: as messages name the kind.
    pub fn qualified_kind(&self) -> String {
        qualified(self.kind, self.group)
    }

    /// `v1`, `discovery.k8s.io/v1`.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The kind as which its objects are stored.
    pub fn stored(&self) -> &Self {
        match self.storage {
            Storage::Events => &EVENT,
            Storage::Own | Storage::None => self,
        }
    }

    /// Whether its objects have a part with a path of its own.
    pub fn has(&self, part: Part) -> bool {
        match part {
            Part::Main => true,
            Part::Binding | Part::Containers | Part::Eviction => *self == POD,
            Part::Finalize => *self == NAMESPACE,
            Part::Scale => self.scale != Scale::None,
            Part::Status => self.status != Status::None,
            Part::Token => *self == SERVICE_ACCOUNT,
        }
    }

    /// `pod`: as one types a kind in the singular.
    pub fn singular(&self) -> String {
        self.kind.to_lowercase()
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

/// The kind served under a group, version and plural.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS
        .iter()
        .find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
}

/// What most kinds are like.
const PLAIN: Kind = Kind {
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

/// Every kind. The order of groups is the order of discovery.
pub static KINDS: [Kind; 23] = [
    NAMESPACE,
    NODE,
    POD,
    SERVICE,
    Kind {
        kind: "Endpoints",
        plural: "endpoints",
        short_names: &["ep"],
        put: Put::Creates,
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
    Kind {
        group: "coordination.k8s.io",
        kind: "Lease",
        plural: "leases",
        put: Put::Creates,
        ..PLAIN
    },
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
