//! The executor: the only place that writes what plans ask for. Every answer goes into the index
//! at once, so the next plan builds on what was written, whether or not the watch has shown it.
//! Nothing leaves through a fence that is shut.

mod claims;
mod cluster_ips;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use controller_core::endpoints;
use controller_core::facts::{EndpointSlice, Endpoints, Fact, ObjectMeta};
use controller_core::index::Source;
use controller_core::key::{Kind, NamespacedName, ResourceVersion, Text};
use controller_core::reconcile::{Failure, FailureNature, Stage, StageKind, Verb};
use controller_core::slice_plan::SlicePlan;
use jiff::Timestamp;
use parking_lot::Mutex;

use crate::environment::Randomness;
use crate::leader::Fence;
use crate::limiter::Limiter;
use crate::shared_index::SharedIndex;
use crate::wire::{Resource, Wire, WireError};

/// Performs plans.
pub struct Executor {
    wire: Wire,
    index: Arc<SharedIndex>,
    limiter: Limiter,
    fence: Fence,
    /// For picking addresses.
    randomness: Randomness,
    /// Names for which a creation may or may not have happened. Nothing is created for them before
    /// a live read has told.
    in_doubt: Mutex<HashSet<(Kind, NamespacedName)>>,
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Execution {
    /// Every write tried, in order.
    pub writes: Vec<Write>,
    /// How each stage ended, in the order of the plan.
    pub stages: Vec<Progress>,
    /// What went wrong.
    pub failures: Vec<Failure>,
    /// The longest wait that the server asked for.
    pub retry_after: Option<Duration>,
}

/// A write that was tried.
#[derive(Clone, Debug)]
pub struct Write {
    /// What was tried.
    pub verb: Verb,
    /// The kind of the object.
    pub kind: Kind,
    /// The object; for a creation, the name it was given, or none.
    pub key: NamespacedName,
    /// Its uid, empty where a creation failed.
    pub uid: Text,
    /// The version that the write made, or that it was conditional on if it failed.
    pub resource_version: ResourceVersion,
    /// When it was sent, by our clock.
    pub sent: Timestamp,
    /// When it was answered, or given up.
    pub answered: Timestamp,
    /// What went wrong.
    pub error: Option<String>,
}

/// How a write ended, or a stage of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All is done.
    Done,
    /// What would have come next was not tried.
    Stopped,
}

impl Executor {
    /// Writes through `wire`, no faster than `limiter` and no longer than `fence` allows.
    pub fn new(
        wire: Wire,
        index: Arc<SharedIndex>,
        limiter: Limiter,
        fence: Fence,
        randomness: Randomness,
    ) -> Self {
        Self { wire, index, limiter, fence, randomness, in_doubt: Mutex::default() }
    }

    /// Finds out what became of creations whose answers never came. Must succeed before the key is
    /// planned for again, lest the same thing be made twice.
    pub async fn settle_doubt(&self, key: &NamespacedName) -> Result<(), WireError> {
        if self.is_in_doubt(Kind::EndpointSlice, key) {
            self.read_slices_live(key).await?;
            self.in_doubt.lock().remove(&(Kind::EndpointSlice, key.clone()));
        }
        if self.is_in_doubt(Kind::Endpoints, key) {
            self.read_live(Kind::Endpoints, key).await?;
            self.in_doubt.lock().remove(&(Kind::Endpoints, key.clone()));
        }
        Ok(())
    }

    /// Carries out the stages of a plan. A failure ends its stage; the others go on.
    pub async fn execute(&self, key: &NamespacedName, stages: &[Stage<'_>]) -> Execution {
        let mut execution = Execution::default();
        for stage in stages {
            let progress = match stage {
                Stage::Slices(plan) => self.slices(key, plan, &mut execution).await,
                Stage::Removal(slice) => {
                    self.delete(*slice, StageKind::Removal, &mut execution).await
                }
                Stage::Endpoints(write) => self.endpoints(key, write, &mut execution).await,
                Stage::Claim(claim) => self.claim(key, claim, &mut execution).await,
                Stage::Assignment(assignment) => self.assign(key, assignment, &mut execution).await,
                Stage::Relabelling(claim) => self.relabel(claim, &mut execution).await,
                Stage::Release(claim) => self.release(key, claim, &mut execution).await,
            };
            execution.stages.push(progress);
        }
        execution
    }

    /// Reads an object that the watch owes us, and believes what it reads.
    pub async fn read_live(&self, kind: Kind, key: &NamespacedName) -> Result<(), WireError> {
        match kind {
            Kind::EndpointSlice => self.believe::<EndpointSlice>(key).await,
            Kind::Endpoints => self.believe::<Endpoints>(key).await,
            Kind::Service | Kind::IpAddress | Kind::ClusterIpHold => {
                self.believe_fact(kind, key).await
            }
            // Nothing else is written, so nothing else is owed.
            _ => Ok(()),
        }
    }

    async fn slices(
        &self,
        key: &NamespacedName,
        plan: &SlicePlan,
        execution: &mut Execution,
    ) -> Progress {
        for slice in &plan.create {
            if let Progress::Stopped = self.create(key, slice, StageKind::Slices, execution).await {
                return Progress::Stopped;
            }
        }
        for slice in &plan.update {
            if let Progress::Stopped = self.update(slice, StageKind::Slices, execution).await {
                return Progress::Stopped;
            }
        }
        for slice in &plan.delete {
            if let Progress::Stopped = self.delete(&**slice, StageKind::Slices, execution).await {
                return Progress::Stopped;
            }
        }
        Progress::Done
    }

    async fn endpoints(
        &self,
        key: &NamespacedName,
        write: &endpoints::Write,
        execution: &mut Execution,
    ) -> Progress {
        match write {
            endpoints::Write::Create(endpoints) => {
                self.create(key, endpoints, StageKind::Endpoints, execution).await
            }
            endpoints::Write::Update(endpoints) => {
                self.update(endpoints, StageKind::Endpoints, execution).await
            }
            endpoints::Write::Remove(endpoints) => {
                self.remove_with_service(key, endpoints, execution).await
            }
        }
    }

    /// Somebody may have made these Endpoints, or made their Service again: a live read decides.
    async fn remove_with_service(
        &self,
        service: &NamespacedName,
        endpoints: &Endpoints,
        execution: &mut Execution,
    ) -> Progress {
        let exists = self.wire.exists(Kind::Service, service).await;
        let live = match exists {
            Ok(true) => Err(WireError::Decode(format!(
                "the Service {service} exists again; waiting for the watch to show it"
            ))),
            Ok(false) => self.wire.get::<Endpoints>(service).await,
            Err(error) => Err(error),
        };
        match live {
            Ok(Some(live)) if live.metadata.uid == endpoints.metadata.uid => {
                return self.delete(&live, StageKind::Endpoints, execution).await;
            }
            // Other Endpoints of the name belong to somebody else.
            Ok(Some(other)) => self.learn(other, Source::LiveRead),
            Ok(None) => self.forget(endpoints, Source::LiveRead),
            Err(error) => {
                execution.fail(Verb::Delete, StageKind::Endpoints, &endpoints.metadata, &error);
                return Progress::Stopped;
            }
        }
        Progress::Done
    }

    async fn create<T: Resource>(
        &self,
        key: &NamespacedName,
        object: &T,
        stage: StageKind,
        execution: &mut Execution,
    ) -> Progress {
        let created = self.wire.create(object);
        let result = self.timed(Verb::Create, Target::of(object), execution, created).await;
        match result {
            Ok(created) => {
                self.learn(created, Source::Answer);
                Progress::Done
            }
            // Whatever is left in the namespace goes with it.
            Err(error) if error.is_namespace_terminating() => Progress::Stopped,
            Err(error) => {
                // A name that is taken is news, too.
                if error.is_ambiguous() || error.is_conflict() {
                    self.in_doubt.lock().insert((T::KIND, key.clone()));
                }
                execution.fail(Verb::Create, stage, object.metadata(), &error);
                Progress::Stopped
            }
        }
    }

    async fn update<T: Resource>(
        &self,
        object: &T,
        stage: StageKind,
        execution: &mut Execution,
    ) -> Progress {
        let replaced = self.wire.replace(object);
        let result = self.timed(Verb::Update, Target::of(object), execution, replaced).await;
        match result {
            Ok(updated) => {
                self.learn(updated, Source::Answer);
                Progress::Done
            }
            Err(error) => {
                self.look_again_after(&error, object).await;
                execution.fail(Verb::Update, stage, object.metadata(), &error);
                Progress::Stopped
            }
        }
    }

    /// What is gone already is as good as deleted.
    async fn delete<T: Resource>(
        &self,
        object: &T,
        stage: StageKind,
        execution: &mut Execution,
    ) -> Progress {
        let deleted = async {
            let held = self.wire.delete(object).await?;
            Ok(Deleted(held))
        };
        match self.timed(Verb::Delete, Target::of(object), execution, deleted).await {
            Ok(Deleted(None)) => self.forget(object, Source::Answer),
            Ok(Deleted(Some(held))) => self.learn(held, Source::Answer),
            Err(error) if error.is_not_found() => self.forget(object, Source::LiveRead),
            Err(error) => {
                self.look_again_after(&error, object).await;
                execution.fail(Verb::Delete, stage, object.metadata(), &error);
                return Progress::Stopped;
            }
        }
        Progress::Done
    }

    /// A conflict or an absence means that our picture of the object is old; a live read mends it,
    /// so that the next try does not fail the same way.
    async fn look_again_after<T: Resource>(&self, error: &WireError, object: &T) {
        let key = &object.metadata().key;
        if (error.is_conflict() || error.is_not_found())
            && let Err(error) = self.believe::<T>(key).await
        {
            tracing::debug!(object = %key, err = %error, "Cannot read an object again");
        }
    }

    async fn timed<A: Answer>(
        &self,
        verb: Verb,
        target: Target,
        execution: &mut Execution,
        write: impl Future<Output = Result<A, WireError>>,
    ) -> Result<A, WireError> {
        self.limiter.acquire().await;
        if !self.fence.is_open() {
            return Err(WireError::NotLeading);
        }
        let sent = self.index.now();
        let result = write.await;
        let written = result.as_ref().ok().and_then(Answer::written).unwrap_or(target);
        let Target { kind, key, uid, resource_version } = written;
        let write = Write {
            verb,
            kind,
            key,
            uid,
            resource_version,
            sent,
            answered: self.index.now(),
            error: result.as_ref().err().map(ToString::to_string),
        };
        tracing::debug!(
            verb = write.verb.name(),
            kind = write.kind.name(),
            object = %write.key,
            resourceVersion = write.resource_version.0,
            err = write.error,
            "Wrote"
        );
        execution.writes.push(write);
        result
    }

    async fn read_slices_live(&self, service: &NamespacedName) -> Result<(), WireError> {
        let live = self.wire.slices_of(service).await?;
        let names: HashSet<NamespacedName> =
            live.iter().map(|slice| slice.metadata.key.clone()).collect();
        for slice in live {
            self.learn(slice, Source::LiveRead);
        }
        for slice in self.index.with(|index| index.slices_of(service)) {
            if !names.contains(&slice.metadata.key) {
                self.forget(&*slice, Source::LiveRead);
            }
        }
        Ok(())
    }

    async fn believe<T: Resource>(&self, key: &NamespacedName) -> Result<(), WireError> {
        match self.wire.get::<T>(key).await? {
            Some(object) => self.learn(object, Source::LiveRead),
            None => self.index.delete(T::KIND, key, None, Source::LiveRead),
        }
        Ok(())
    }

    fn is_in_doubt(&self, kind: Kind, key: &NamespacedName) -> bool {
        self.in_doubt.lock().contains(&(kind, key.clone()))
    }

    fn learn<T: Resource>(&self, object: T, source: Source) {
        let version = object.metadata().resource_version;
        let fact: Fact = object.into_fact();
        self.index.apply(fact, version, source);
    }

    fn forget<T: Resource>(&self, object: &T, source: Source) {
        let metadata = object.metadata();
        self.index.delete(T::KIND, &metadata.key, Some(&metadata.uid), source);
    }
}

impl Execution {
    fn fail(&mut self, verb: Verb, stage: StageKind, object: &ObjectMeta, error: &WireError) {
        self.fail_at(verb, stage, object.key.name.clone(), error);
    }

    /// An empty name is one that the API server would have made.
    fn fail_at(&mut self, verb: Verb, stage: StageKind, name: Text, error: &WireError) {
        let nature = match error.is_conflict() {
            true => FailureNature::Conflict,
            false => FailureNature::Trouble,
        };
        let name = Some(name).filter(|name| !name.is_empty());
        self.failures.push(Failure { verb, stage, name, error: error.to_string(), nature });
        self.retry_after = self.retry_after.max(error.retry_after());
    }

    /// Whether a write was refused or went wrong. Where there was nothing to write, or nothing to
    /// give, nobody is to blame.
    pub fn is_troubled(&self) -> bool {
        let troubled = |it: &Failure| !matches!(it.nature, FailureNature::Shortage(_));
        self.failures.iter().any(troubled)
    }
}

/// What a write is about, in the version that it is conditional on or makes.
struct Target {
    kind: Kind,
    key: NamespacedName,
    uid: Text,
    resource_version: ResourceVersion,
}

impl Target {
    fn of<T: Resource>(object: &T) -> Self {
        let metadata = object.metadata();
        Target {
            kind: T::KIND,
            key: metadata.key.clone(),
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version,
        }
    }
}

/// The answer to a deletion: the object, if a finalizer holds it.
struct Deleted<T>(Option<T>);

/// An answer that may tell how the object stands now.
trait Answer {
    fn written(&self) -> Option<Target>;
}

impl<T: Resource> Answer for T {
    fn written(&self) -> Option<Target> {
        Some(Target::of(self))
    }
}

impl<T: Resource> Answer for Deleted<T> {
    fn written(&self) -> Option<Target> {
        self.0.as_ref().map(Target::of)
    }
}
