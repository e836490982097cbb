//! The kinds that are served, and the ways in which a kind differs from the others.

pub mod custom;
mod fields;
mod table;

use std::sync::Arc;

pub use custom::Custom;
pub use table::*;

use crate::schema::Schema;
use crate::schema::builtin;

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
    /// What is said to everybody who asks for it, because there will be something else one day.
    pub deprecation: Option<&'static str>,
    /// What a CustomResourceDefinition says of it; none for a built-in kind.
    pub custom: Option<&'static Custom>,
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
    /// A change of anything but metadata and, if it has a path of its own, the status.
    Content,
    /// The same, or of labels.
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

    /// Under which name its objects are stored: `pods`, `widgets.acme.dev`.
    pub fn collection(&self) -> &'static str {
        match self.custom {
            Some(custom) => custom.definition,
            None => self.plural,
        }
    }

    /// Whether an update has to say of which version it is.
    pub fn needs_version(&self) -> bool {
        self.custom.is_some() || *self == CUSTOM_RESOURCE_DEFINITION || *self == LEASE
    }

    /// What its objects look like.
    pub fn schema(&self) -> &'static Arc<Schema> {
        match self.custom {
            Some(custom) => &custom.schema,
            None => builtin::of(self),
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

/// All kinds that are served: the built-in ones, and those that are defined.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    custom: Vec<&'static Kind>,
}

impl Kinds {
    /// All of them. The order of groups is the order of discovery.
    pub fn all(&self) -> impl Iterator<Item = &'static Kind> + Clone {
        KINDS.iter().chain(self.custom.clone())
    }

    /// The kind served under a group, version and plural.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
        self.all()
            .find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
    }

    /// The kinds of a group version.
    pub fn of_version(&self, group: &str, version: &str) -> Vec<&'static Kind> {
        let served = self.all().filter(|kind| kind.group == group && kind.version == version);
        served.collect()
    }

    /// Serves these kinds of a definition, and no others of it.
    pub fn define(&mut self, definition: &str, kinds: Vec<&'static Kind>) {
        self.custom.retain(|kind| kind.collection() != definition);
        self.custom.extend(kinds);
    }
}
