//! One shape for all controllers: a snapshot of the index, a pure plan, and an outline of it that
//! somebody else carries out and tells of.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster_ip;
use crate::endpoint_slices;
use crate::endpoints;
use crate::facts::{EndpointSlice, Endpoints, HintMode, IpAddress, IpFamily, Pod, Service};
use crate::index::Index;
use crate::key::{Controller, NamespacedName, ResourceVersion, Text};
use crate::memory::Memory;
use crate::mirroring::{self, Skipped};
use crate::reason::Reason;
use crate::slice_plan::SlicePlan;

/// A controller.
pub trait Reconcile: Send + Sync + 'static {
    /// Which one.
    const CONTROLLER: Controller;
    /// What its events name as their source, spelt as kube-controller-manager spells it.
    const COMPONENT: &'static str;
    /// All that a plan is made from.
    type Snapshot: Send + Sync;
    /// What to write, and why.
    type Plan: Send + Sync;

    /// Takes what a key's plan is made from out of the index.
    fn snapshot(&self, index: &Index, key: &NamespacedName) -> Self::Snapshot;

    /// Decides.
    fn plan(&self, snapshot: &Self::Snapshot) -> Self::Plan;

    /// What to do about a plan.
    fn outline<'a>(&self, snapshot: &'a Self::Snapshot, plan: &'a Self::Plan) -> Outline<'a>;

    /// A failed write in words.
    fn describe(&self, key: &NamespacedName, failure: &Failure) -> String;

    /// What users are told of a visit that failed: `error` is all that went wrong, in words.
    fn complaint(
        &self,
        snapshot: &Self::Snapshot,
        failures: &[Failure],
        error: &str,
    ) -> Option<Notice>;
}

/// What to do about a plan.
pub struct Outline<'a> {
    /// Groups of writes, in this order. A failure ends its group and no other.
    pub stages: Vec<Stage<'a>>,
    /// What makes the visit a failure although all writes may succeed.
    pub errors: &'a [String],
    /// What to tell users whether or not the writes succeed.
    pub notices: Vec<Notice>,
    /// What to keep in mind for the next visit.
    pub memory: Option<Arc<Memory>>,
    /// The Pods that cannot be published because of their addresses, where this controller is the
    /// one to tell of them.
    pub invalid: Vec<(&'a Pod, IpFamily)>,
    /// The reason to tell first.
    pub reason: Option<Reason>,
    /// How long the key is left alone once the writes are done.
    pub rest: Duration,
    /// Sizes, for metrics.
    pub sizes: Sizes,
}

/// What a plan comes to in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// Nothing is counted, and what was counted before still holds.
    Unchanged,
    /// There is nothing under this key any more.
    Gone,
    /// Slices of a Service.
    Slices {
        /// By family.
        families: Vec<endpoint_slices::Counts>,
        /// The hints that the Service asks for.
        hint_mode: HintMode,
    },
    /// The mirror of some Endpoints.
    Mirror {
        /// What becomes of its endpoints.
        counts: mirroring::Counts,
        /// Addresses that are left out.
        skipped: Skipped,
    },
}

/// Writes that belong together.
pub enum Stage<'a> {
    /// Slices of one Service, in the order of the plan.
    Slices(&'a SlicePlan),
    /// One slice that has to go.
    Removal(&'a EndpointSlice),
    /// The Endpoints of one Service.
    Endpoints(&'a endpoints::Write),
    /// The claim on an address that a Service lists.
    Claim(&'a cluster_ip::NewClaim),
    /// The addresses of a Service: claims, and then the Service.
    Assignment(&'a cluster_ip::Assignment),
    /// A claim that is to have the labels of kube-apiserver.
    Relabelling(&'a IpAddress),
    /// A claim that is of no use any more.
    Release(&'a IpAddress),
}

impl Stage<'_> {
    /// How many writes there are.
    pub fn len(&self) -> usize {
        match self {
            Stage::Slices(plan) => plan.len(),
            Stage::Removal(_) | Stage::Endpoints(_) => 1,
            Stage::Claim(claim) => 1 + usize::from(claim.instead_of.is_some()),
            Stage::Relabelling(_) | Stage::Release(_) => 1,
            Stage::Assignment(assignment) => 1 + assignment.new_claims(),
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A write that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was tried.
    pub verb: Verb,
    /// In which kind of stage.
    pub stage: StageKind,
    /// The object, unless it was to be created under a generated name.
    pub name: Option<Text>,
    /// What the API server said, or what broke.
    pub error: String,
    /// What kind of failure it is.
    pub nature: FailureNature,
}

/// What a failure says about those who take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureNature {
    /// Somebody else was faster. It happens, and nobody needs to know.
    Conflict,
    /// There is no address of the family left to give. Nothing was sent, so it says nothing about the
    /// API server.
    Shortage(IpFamily),
    /// Something is wrong.
    Trouble,
}

/// The kinds of stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// [`Stage::Slices`].
    Slices,
    /// [`Stage::Removal`].
    Removal,
    /// [`Stage::Endpoints`].
    Endpoints,
    /// [`Stage::Claim`].
    Claim,
    /// [`Stage::Assignment`].
    Assignment,
    /// [`Stage::Relabelling`].
    Relabelling,
    /// [`Stage::Release`].
    Release,
}

/// The ways of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// POST.
    Create,
    /// PUT, or PATCH of a part.
    Update,
    /// DELETE.
    Delete,
}

impl Verb {
    /// The word of error texts: `failed to update …`.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Delete => "delete",
        }
    }
}

/// Something to tell users, as an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub about: Reference,
    /// Whether it is bad news.
    pub severity: NoticeSeverity,
    /// The event's reason.
    pub reason: &'static str,
    /// The event's message.
    pub message: String,
}

/// The types of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeSeverity {
    /// `Normal`.
    Normal,
    /// `Warning`.
    Warning,
}

impl NoticeSeverity {
    /// The API's word.
    pub fn name(self) -> &'static str {
        match self {
            NoticeSeverity::Normal => "Normal",
            NoticeSeverity::Warning => "Warning",
        }
    }
}

/// The object that an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `apiVersion`.
    pub api_version: &'static str,
    /// `kind`.
    pub kind: &'static str,
    /// Namespace and name.
    pub key: NamespacedName,
    /// `uid`, empty if the object does not exist yet.
    pub uid: Text,
    /// `resourceVersion`, where the event names it.
    pub resource_version: Option<ResourceVersion>,
}

impl Reference {
    /// A Service.
    pub fn service(service: &Service) -> Self {
        let (key, uid) = (service.key.clone(), service.uid.clone());
        Self { api_version: "v1", kind: "Service", key, uid, resource_version: None }
    }

    /// Endpoints, which need not exist.
    pub fn endpoints(key: &NamespacedName, endpoints: Option<&Endpoints>) -> Self {
        let metadata = endpoints.map(|endpoints| &endpoints.metadata);
        Self {
            api_version: "v1",
            kind: "Endpoints",
            key: key.clone(),
            uid: metadata.map(|metadata| metadata.uid.clone()).unwrap_or_default(),
            resource_version: metadata.map(|metadata| metadata.resource_version),
        }
    }
}
