//! The executor: the only place that writes what plans ask for. Every answer goes into the index
//! at once, so the next plan builds on what was written, whether or not the watch has shown it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use controller_core::endpoint_slices::{FamilyPlan, MANAGED_BY, Plan};
use controller_core::facts::{EndpointSlice, Fact};
use controller_core::index::Source;
use controller_core::key::{Kind, NamespacedName, ResourceVersion, Text};
use jiff::Timestamp;
use parking_lot::Mutex;

use crate::limiter::Limiter;
use crate::shared_index::SharedIndex;
use crate::wire::{Wire, WireError};

/// Performs plans.
pub struct Executor {
    wire: Wire,
    index: Arc<SharedIndex>,
    limiter: Limiter,
    /// Services one of whose creations may or may not have happened. Nothing is created for them
    /// before a live list has told.
    in_doubt: Mutex<HashSet<NamespacedName>>,
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Execution {
    /// Every write tried, in order.
    pub writes: Vec<Write>,
    /// What went wrong, in words.
    pub errors: Vec<String>,
    /// The longest wait that the server asked for.
    pub retry_after: Option<Duration>,
}

/// A write that was tried.
#[derive(Clone, Debug)]
pub struct Write {
    /// What was tried.
    pub verb: Verb,
    /// The slice; for a creation, the name it was given, or none.
    pub slice: NamespacedName,
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

/// The ways of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// POST.
    Create,
    /// PUT.
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

/// Whether the writes of a family go on.
enum Next {
    GoOn,
    Stop,
}

impl Executor {
    /// Writes through `wire`, no faster than `limiter` allows.
    pub fn new(wire: Wire, index: Arc<SharedIndex>, limiter: Limiter) -> Self {
        Self { wire, index, limiter, in_doubt: Mutex::default() }
    }

    /// Finds out what became of a creation whose answer never came. Must succeed before the
    /// Service is planned for again, lest the same slice be made twice.
    pub async fn settle_doubt(&self, service: &NamespacedName) -> Result<(), WireError> {
        if !self.in_doubt.lock().contains(service) {
            return Ok(());
        }
        let live = self.wire.slices_of(service).await?;
        let names: HashSet<NamespacedName> =
            live.iter().map(|slice| slice.metadata.key.clone()).collect();
        for slice in live {
            self.learn(slice, Source::LiveRead);
        }
        let held = self.index.with(|index| index.slices_of(service));
        for slice in held.iter().filter(|slice| slice.managed_by() == Some(MANAGED_BY)) {
            if !names.contains(&slice.metadata.key) {
                self.forget(slice, Source::LiveRead);
            }
        }
        self.in_doubt.lock().remove(service);
        Ok(())
    }

    /// Carries out a plan. A failure ends the writes of its family; the other family and the
    /// removal of strays go on.
    pub async fn execute(&self, service: &NamespacedName, plan: &Plan) -> Execution {
        let mut execution = Execution::default();
        for family in &plan.families {
            self.family(service, family, &mut execution).await;
        }
        for slice in &plan.strays {
            if let Err(error) = self.delete(slice, &mut execution).await {
                let name = &slice.metadata.key.name;
                execution.fail(
                    format!("error deleting {name} EndpointSlice for Service {service}: {error}"),
                    &error,
                );
            }
        }
        execution
    }

    /// Reads a slice that the watch owes us, and believes what it reads.
    pub async fn read_live(&self, slice: &NamespacedName) -> Result<(), WireError> {
        match self.wire.get_slice(slice).await? {
            Some(slice) => self.learn(slice, Source::LiveRead),
            None => self.index.delete(Kind::EndpointSlice, slice, None, Source::LiveRead),
        }
        Ok(())
    }

    async fn family(
        &self,
        service: &NamespacedName,
        family: &FamilyPlan,
        execution: &mut Execution,
    ) {
        for slice in &family.slices.create {
            if let Next::Stop = self.create(service, slice, execution).await {
                return;
            }
        }
        for slice in &family.slices.update {
            if let Next::Stop = self.update(service, slice, execution).await {
                return;
            }
        }
        for slice in &family.slices.delete {
            if let Err(error) = self.delete(slice, execution).await {
                execution.fail(failed(Verb::Delete, Some(slice), service, &error), &error);
                return;
            }
        }
    }

    async fn create(
        &self,
        service: &NamespacedName,
        slice: &EndpointSlice,
        execution: &mut Execution,
    ) -> Next {
        let result =
            self.timed(Verb::Create, slice, execution, self.wire.create_slice(slice)).await;
        match result {
            Ok(created) => {
                self.learn(created, Source::Answer);
                Next::GoOn
            }
            // Whatever is left in the namespace goes with it.
            Err(error) if error.is_namespace_terminating() => Next::Stop,
            Err(error) => {
                if error.is_ambiguous() {
                    self.in_doubt.lock().insert(service.clone());
                }
                execution.fail(failed(Verb::Create, None, service, &error), &error);
                Next::Stop
            }
        }
    }

    async fn update(
        &self,
        service: &NamespacedName,
        slice: &EndpointSlice,
        execution: &mut Execution,
    ) -> Next {
        let result =
            self.timed(Verb::Update, slice, execution, self.wire.replace_slice(slice)).await;
        match result {
            Ok(updated) => {
                self.learn(updated, Source::Answer);
                Next::GoOn
            }
            Err(error) => {
                self.look_again_after(&error, slice).await;
                execution.fail(failed(Verb::Update, Some(slice), service, &error), &error);
                Next::Stop
            }
        }
    }

    /// A slice that is gone already is as good as deleted.
    async fn delete(
        &self,
        slice: &EndpointSlice,
        execution: &mut Execution,
    ) -> Result<(), WireError> {
        let result =
            self.timed(Verb::Delete, slice, execution, self.wire.delete_slice(slice)).await;
        match result {
            Ok(None) => self.forget(slice, Source::Answer),
            Ok(Some(held)) => self.learn(held, Source::Answer),
            Err(error) if error.is_not_found() => self.forget(slice, Source::LiveRead),
            Err(error) => {
                self.look_again_after(&error, slice).await;
                return Err(error);
            }
        }
        Ok(())
    }

    /// A conflict or an absence means that our picture of the slice is old; a live read mends it,
    /// so that the next try does not fail the same way.
    async fn look_again_after(&self, error: &WireError, slice: &EndpointSlice) {
        if (error.is_conflict() || error.is_not_found())
            && let Err(error) = self.read_live(&slice.metadata.key).await
        {
            tracing::debug!(slice = %slice.metadata.key, err = %error, "Cannot read a slice again");
        }
    }

    async fn timed<T: Described>(
        &self,
        verb: Verb,
        slice: &EndpointSlice,
        execution: &mut Execution,
        write: impl Future<Output = Result<T, WireError>>,
    ) -> Result<T, WireError> {
        self.limiter.acquire().await;
        let sent = self.index.now();
        let result = write.await;
        let answer = result.as_ref().ok().and_then(Described::slice).unwrap_or(slice);
        let write = Write {
            verb,
            slice: answer.metadata.key.clone(),
            uid: answer.metadata.uid.clone(),
            resource_version: answer.metadata.resource_version,
            sent,
            answered: self.index.now(),
            error: result.as_ref().err().map(ToString::to_string),
        };
        tracing::debug!(
            verb = write.verb.name(),
            slice = %write.slice,
            resourceVersion = write.resource_version.0,
            endpoints = slice.endpoints.len(),
            err = write.error,
            "Wrote"
        );
        execution.writes.push(write);
        result
    }

    fn learn(&self, slice: EndpointSlice, source: Source) {
        let version = slice.metadata.resource_version;
        self.index.apply(Fact::EndpointSlice(slice), version, source);
    }

    fn forget(&self, slice: &EndpointSlice, source: Source) {
        let metadata = &slice.metadata;
        self.index.delete(Kind::EndpointSlice, &metadata.key, Some(&metadata.uid), source);
    }
}

impl Execution {
    fn fail(&mut self, text: String, error: &WireError) {
        self.errors.push(text);
        self.retry_after = self.retry_after.max(error.retry_after());
    }
}

/// An answer that may carry the slice as it stands now.
trait Described {
    fn slice(&self) -> Option<&EndpointSlice>;
}

impl Described for EndpointSlice {
    fn slice(&self) -> Option<&EndpointSlice> {
        Some(self)
    }
}

impl Described for Option<EndpointSlice> {
    fn slice(&self) -> Option<&EndpointSlice> {
        self.as_ref()
    }
}

fn failed(
    verb: Verb,
    slice: Option<&EndpointSlice>,
    service: &NamespacedName,
    error: &WireError,
) -> String {
    let name = slice.map(|slice| format!("{} ", slice.metadata.key.name)).unwrap_or_default();
    format!("failed to {} {name}EndpointSlice for Service {service}: {error}", verb.name())
}
