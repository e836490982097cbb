//! Claims on addresses: IPAddress objects. A claim goes only when a live read has told that its Service
//! does not list the address.

use std::net::IpAddr;

use controller_core::cluster_ip::NewClaim;
use controller_core::cluster_ip::ledger::addresses;
use controller_core::facts::{Fact, IpAddress, Service};
use controller_core::index::Source;
use controller_core::key::{Kind, NamespacedName, ResourceVersion, Text};
use controller_core::reconcile::{StageKind, Verb};

use super::{Execution, Executor, Progress, Target};
use crate::wire::WireError;

/// What came of trying to claim an address.
pub(super) enum Claimed {
    /// It is the Service's.
    Ours,
    /// Somebody else has it.
    Taken,
    /// It cannot be told, or must not be.
    Failed,
}

impl Executor {
    /// Claims an address that a Service lists, as a live read has to tell. If somebody has it, the next
    /// plan says so.
    pub(super) async fn claim(
        &self,
        service: &NamespacedName,
        claim: &NewClaim,
        execution: &mut Execution,
    ) -> Progress {
        let NewClaim { address, service_uid, instead_of } = claim;
        let wanted = |live: &Service| {
            live.uid == *service_uid && !live.deleting && addresses(live).contains(address)
        };
        match self.live_service(service, wanted).await {
            Ok(true) => {}
            Ok(false) => return Progress::Done,
            Err(error) => {
                let name = NamespacedName::cluster(address.to_string()).name;
                execution.fail_at(Verb::Create, StageKind::Claim, name, &error);
                return Progress::Stopped;
            }
        }
        if let Some(old) = instead_of
            && let Progress::Stopped = self.dispossess(old, execution).await
        {
            return Progress::Stopped;
        }
        match self.make_claim(service, *address, service_uid, StageKind::Claim, execution).await {
            Claimed::Ours => Progress::Done,
            Claimed::Taken | Claimed::Failed => Progress::Stopped,
        }
    }

    /// Gives a claim the labels of kube-apiserver.
    pub(super) async fn relabel(&self, claim: &IpAddress, execution: &mut Execution) -> Progress {
        let relabelled = self.wire.relabel_claim(claim);
        match self.timed(Verb::Update, target(claim), execution, relabelled).await {
            Ok(claim) => {
                self.learn_claim(claim, Source::Answer);
                Progress::Done
            }
            Err(error) => {
                let key = claim.key();
                if error.is_conflict() || error.is_not_found() {
                    let _ = self.believe_fact(Kind::IpAddress, &key).await;
                }
                if error.is_not_found() {
                    return Progress::Done;
                }
                execution.fail_at(Verb::Update, StageKind::Relabelling, key.name, &error);
                Progress::Stopped
            }
        }
    }

    /// Lets go of a claim that is of no use any more.
    pub(super) async fn release(
        &self,
        service: &NamespacedName,
        claim: &IpAddress,
        execution: &mut Execution,
    ) -> Progress {
        let lists = |live: &Service| addresses(live).contains(&claim.address);
        match self.live_service(service, lists).await {
            Ok(true) => Progress::Done,
            Ok(false) => self.delete_claim(claim, execution).await,
            Err(error) => {
                execution.fail_at(Verb::Delete, StageKind::Release, claim.key().name, &error);
                Progress::Stopped
            }
        }
    }

    /// Reads one object of ClusterIPs that the watch owes us, and believes what it reads.
    pub(super) async fn believe_fact(
        &self,
        kind: Kind,
        key: &NamespacedName,
    ) -> Result<(), WireError> {
        match self.wire.fact(kind, key).await? {
            Some((fact, version)) => self.index.apply(fact, version, Source::LiveRead),
            None => self.index.delete(kind, key, None, Source::LiveRead),
        }
        Ok(())
    }

    /// Lets go of a claim on an address that somebody else uses, unless its own Service does, too.
    async fn dispossess(&self, claim: &IpAddress, execution: &mut Execution) -> Progress {
        let Some(owner) = &claim.service else {
            return self.delete_claim(claim, execution).await;
        };
        self.release(owner, claim, execution).await
    }

    /// Whether a Service exists at this moment and is as it should be.
    async fn live_service(
        &self,
        key: &NamespacedName,
        is_right: impl Fn(&Service) -> bool,
    ) -> Result<bool, WireError> {
        match self.wire.fact(Kind::Service, key).await? {
            Some((Fact::Service(live), version)) => {
                let right = is_right(&live);
                self.index.apply(Fact::Service(live), version, Source::LiveRead);
                Ok(right)
            }
            _ => Ok(false),
        }
    }

    pub(super) async fn make_claim(
        &self,
        service: &NamespacedName,
        address: IpAddr,
        service_uid: &Text,
        stage: StageKind,
        execution: &mut Execution,
    ) -> Claimed {
        let target =
            Target::to_create(Kind::IpAddress, NamespacedName::cluster(address.to_string()));
        let key = target.key.clone();
        let created = self.wire.create_claim(address, service, service_uid);
        match self.timed(Verb::Create, target, execution, created).await {
            Ok(claim) => {
                self.learn_claim(claim, Source::Answer);
                Claimed::Ours
            }
            Err(error) if error.is_conflict() => {
                self.whose(service, service_uid, &key, stage, execution).await
            }
            Err(error) => {
                execution.fail_at(Verb::Create, stage, key.name, &error);
                Claimed::Failed
            }
        }
    }

    /// Looks whose a claim is that is there already. It may be ours: its answer was lost.
    async fn whose(
        &self,
        service: &NamespacedName,
        service_uid: &Text,
        key: &NamespacedName,
        stage: StageKind,
        execution: &mut Execution,
    ) -> Claimed {
        match self.wire.fact(Kind::IpAddress, key).await {
            Ok(Some((Fact::IpAddress(claim), _))) => {
                let ours = claim.service.as_ref() == Some(service)
                    && claim.service_uid.as_ref() == Some(service_uid)
                    && !claim.deleting;
                self.learn_claim(claim, Source::LiveRead);
                if ours { Claimed::Ours } else { Claimed::Taken }
            }
            Ok(_) => Claimed::Taken,
            Err(error) => {
                execution.fail_at(Verb::Create, stage, key.name.clone(), &error);
                Claimed::Failed
            }
        }
    }

    pub(super) async fn delete_claim(
        &self,
        claim: &IpAddress,
        execution: &mut Execution,
    ) -> Progress {
        let key = claim.key();
        let forget = |source| self.index.delete(Kind::IpAddress, &key, Some(&claim.uid), source);
        let deleted = self.wire.delete_claim(claim);
        match self.timed(Verb::Delete, target(claim), execution, deleted).await {
            Ok(None) => forget(Source::Answer),
            Ok(Some(held)) => self.learn_claim(held, Source::Answer),
            Err(error) if error.is_not_found() => forget(Source::LiveRead),
            Err(error) => {
                if error.is_conflict() {
                    let _ = self.believe_fact(Kind::IpAddress, &key).await;
                }
                execution.fail_at(Verb::Delete, StageKind::Release, key.name.clone(), &error);
                return Progress::Stopped;
            }
        }
        Progress::Done
    }

    pub(super) fn learn_claim(&self, claim: IpAddress, source: Source) {
        let version = claim.resource_version;
        self.index.apply(Fact::IpAddress(claim), version, source);
    }
}

/// A claim as the target of a write.
fn target(claim: &IpAddress) -> Target {
    Target {
        kind: Kind::IpAddress,
        key: claim.key(),
        uid: claim.uid.clone(),
        resource_version: claim.resource_version,
    }
}

impl super::Answer for IpAddress {
    fn written(&self) -> Option<Target> {
        Some(target(self))
    }
}

impl super::Answer for Option<IpAddress> {
    fn written(&self) -> Option<Target> {
        self.as_ref().and_then(super::Answer::written)
    }
}

impl Target {
    pub(super) fn to_create(kind: Kind, key: NamespacedName) -> Self {
        Target { kind, key, uid: Text::new(), resource_version: ResourceVersion::default() }
    }
}
