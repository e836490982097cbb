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
    /// Whether objects live in namespaces.
    pub scope: Scope,
    /// Who writes `status`.
    pub status: Status,
    /// What raises `metadata.generation`.
    pub generation: Generation,
    /// What a PUT does where nothing is.
    pub put: Put,
    /// What a DELETE answers.
    pub deleted: Deleted,
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

/// What raises the generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// Nothing: objects have none.
    None,
    /// A change of the spec.
    Spec,
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
    scope: Scope::Namespaced,
    status: Status::None,
    generation: Generation::None,
    put: Put::Updates,
    deleted: Deleted::Status,
};

/// Namespaces, which other kinds live in.
pub const NAMESPACE: Kind = Kind {
    kind: "Namespace",
    plural: "namespaces",
    scope: Scope::Cluster,
    status: Status::Subresource,
    deleted: Deleted::Object,
    ..PLAIN
};

/// Every kind.
pub static KINDS: [Kind; 8] = [
    NAMESPACE,
    Kind {
        kind: "Node",
        plural: "nodes",
        scope: Scope::Cluster,
        status: Status::SubresourceOrCreation,
        ..PLAIN
    },
    Kind {
        kind: "Pod",
        plural: "pods",
        status: Status::Subresource,
        generation: Generation::Spec,
        deleted: Deleted::Object,
        ..PLAIN
    },
    Kind {
        kind: "Service",
        plural: "services",
        status: Status::Subresource,
        put: Put::Creates,
        deleted: Deleted::Object,
        ..PLAIN
    },
    Kind { kind: "Endpoints", plural: "endpoints", put: Put::Creates, ..PLAIN },
    Kind { kind: "Event", plural: "events", put: Put::Creates, ..PLAIN },
    Kind { kind: "ConfigMap", plural: "configmaps", ..PLAIN },
    Kind {
        group: "discovery.k8s.io",
        kind: "EndpointSlice",
        plural: "endpointslices",
        generation: Generation::ContentOrLabels,
        ..PLAIN
    },
];
