//! Addresses for Services. A claim is made first, then the Service is written; a claim goes only when
//! a live read has told that its Service does not list the address.

use std::net::IpAddr;

use controller_core::cluster_ip::ledger::addresses;
use controller_core::cluster_ip::pools::Offer;
use controller_core::cluster_ip::{Assignment, NewClaim, Source as AddressSource};
use controller_core::facts::{Fact, IpAddress, IpFamily};
use controller_core::index::Source;
use controller_core::key::{Kind, NamespacedName, ResourceVersion, Text};
use controller_core::reconcile::{Failure, FailureNature, StageKind, Verb};

use super::{Execution, Executor, Progress, Target};
use crate::wire::{ServiceObject, WireError};

/// How many addresses are tried for one family. What is free was looked up, so a second try is rare.
const TRIES: usize = 16;

/// What came of trying to claim an address.
enum Claimed {
    /// It is the Service's.
    Ours,
    /// Somebody else has it.
    Taken,
    /// It cannot be told, or must not be.
    Failed,
}

/// An address of a Service that is being put together.
enum Choice {
    /// It is known, in this spelling, and claimed.
    Known(Text),
    /// It was picked out of what is offered.
    Picked(IpAddr, Offer),
}

impl Executor {
    /// Claims an address that a Service lists. If somebody has it, the next plan says so.
    pub(super) async fn claim(
        &self,
        service: &NamespacedName,
        claim: &NewClaim,
        execution: &mut Execution,
    ) -> Progress {
        let NewClaim { address, service_uid } = claim;
        match self.make_claim(service, *address, service_uid, StageKind::Claim, execution).await {
            Claimed::Ours => Progress::Done,
            Claimed::Taken | Claimed::Failed => Progress::Stopped,
        }
    }

    /// Gives a Service its addresses. What was claimed stays claimed if the Service cannot be
    /// written; the next try takes it up.
    pub(super) async fn assign(
        &self,
        key: &NamespacedName,
        assignment: &Assignment,
        execution: &mut Execution,
    ) -> Progress {
        let Some(mut service) = self.read_for(key, assignment, execution).await else {
            return Progress::Stopped;
        };
        let Some(choices) = self.choose(assignment, execution) else {
            return Progress::Stopped;
        };
        let Some(texts) = self.secure(key, assignment, choices, execution).await else {
            return Progress::Stopped;
        };
        let families: Vec<IpFamily> =
            assignment.families.iter().map(|(family, _)| *family).collect();
        service.set_cluster_ips(assignment.policy, &families, &texts);
        self.write_service(&service, execution).await
    }

    /// Lets go of a claim that is of no use any more.
    pub(super) async fn release(
        &self,
        service: &NamespacedName,
        claim: &IpAddress,
        execution: &mut Execution,
    ) -> Progress {
        match self.wire.fact(Kind::Service, service).await {
            Ok(Some((Fact::Service(live), version)))
                if addresses(&live).contains(&claim.address) =>
            {
                self.index.apply(Fact::Service(live), version, Source::LiveRead);
                Progress::Done
            }
            Ok(_) => self.delete_claim(claim, execution).await,
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

    /// The Service, if it is as it was when the plan was made.
    async fn read_for(
        &self,
        key: &NamespacedName,
        assignment: &Assignment,
        execution: &mut Execution,
    ) -> Option<ServiceObject> {
        let error = match self.wire.service(key).await {
            Ok(Some(live)) => {
                let planned = (&assignment.service_uid, assignment.resource_version);
                if (&live.fact.uid, live.resource_version) == planned {
                    return Some(live);
                }
                self.learn_service(live, Source::LiveRead);
                "the Service has changed; planning again".to_owned()
            }
            Ok(None) => {
                self.index.delete(Kind::Service, key, None, Source::LiveRead);
                return None;
            }
            Err(error) => {
                execution.fail_at(Verb::Update, StageKind::Assignment, key.name.clone(), &error);
                return None;
            }
        };
        execution.failures.push(Failure {
            verb: Verb::Update,
            stage: StageKind::Assignment,
            name: Some(key.name.clone()),
            error,
            nature: FailureNature::Conflict,
        });
        None
    }

    /// One address for each family, or none at all.
    fn choose(&self, assignment: &Assignment, execution: &mut Execution) -> Option<Vec<Choice>> {
        let mut choices = Vec::new();
        for (family, source) in &assignment.families {
            let choice = match source {
                AddressSource::Listed(text) => Some(Choice::Known(text.clone())),
                AddressSource::Claimed(address) => {
                    Some(Choice::Known(address.to_string().as_str().into()))
                }
                AddressSource::Offered(offer) => self
                    .pick(*family, offer, execution)
                    .map(|address| Choice::Picked(address, offer.clone())),
            };
            match choice {
                Some(choice) => choices.push(choice),
                None => {
                    self.put_back(&choices);
                    return None;
                }
            }
        }
        Some(choices)
    }

    /// Claims what was picked. Where somebody was faster, another address is picked.
    async fn secure(
        &self,
        key: &NamespacedName,
        assignment: &Assignment,
        choices: Vec<Choice>,
        execution: &mut Execution,
    ) -> Option<Vec<Text>> {
        let (mut texts, mut choices) = (Vec::new(), choices.into_iter());
        while let Some(choice) = choices.next() {
            let secured = match choice {
                Choice::Known(text) => Some(text),
                Choice::Picked(address, offer) => {
                    self.secure_one(key, &assignment.service_uid, address, &offer, execution).await
                }
            };
            match secured {
                Some(text) => texts.push(text),
                None => {
                    self.put_back(&choices.collect::<Vec<_>>());
                    return None;
                }
            }
        }
        Some(texts)
    }

    async fn secure_one(
        &self,
        key: &NamespacedName,
        service_uid: &Text,
        picked: IpAddr,
        offer: &Offer,
        execution: &mut Execution,
    ) -> Option<Text> {
        let mut address = picked;
        for _ in 0..TRIES {
            let stage = StageKind::Assignment;
            match self.make_claim(key, address, service_uid, stage, execution).await {
                Claimed::Ours => return Some(address.to_string().as_str().into()),
                Claimed::Taken => address = self.pick(IpFamily::of(address), offer, execution)?,
                Claimed::Failed => break,
            }
        }
        self.index.with(|index| index.ledger_mut().put_back(address));
        None
    }

    fn pick(&self, family: IpFamily, offer: &Offer, execution: &mut Execution) -> Option<IpAddr> {
        let picked = self.index.with(|index| {
            self.randomness.draw(|rng| index.ledger_mut().pick(family.into(), offer, rng))
        });
        if picked.is_none() {
            let refusal = offer.exhausted().map(|refusal| refusal.to_string());
            execution.failures.push(Failure {
                verb: Verb::Create,
                stage: StageKind::Assignment,
                name: None,
                error: refusal.unwrap_or_else(|| format!("{family}: range is full")),
                nature: FailureNature::Shortage,
            });
        }
        picked
    }

    fn put_back(&self, choices: &[Choice]) {
        for choice in choices {
            if let Choice::Picked(address, _) = choice {
                self.index.with(|index| index.ledger_mut().put_back(*address));
            }
        }
    }

    async fn make_claim(
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

    async fn write_service(&self, service: &ServiceObject, execution: &mut Execution) -> Progress {
        let key = &service.fact.key;
        let target = Target {
            kind: Kind::Service,
            key: key.clone(),
            uid: service.fact.uid.clone(),
            resource_version: service.resource_version,
        };
        let written = self.wire.replace_service(service);
        match self.timed(Verb::Update, target, execution, written).await {
            Ok(written) => {
                self.learn_service(written, Source::Answer);
                Progress::Done
            }
            Err(error) => {
                if error.is_conflict() || error.is_not_found() {
                    let _ = self.believe_fact(Kind::Service, key).await;
                }
                execution.fail_at(Verb::Update, StageKind::Assignment, key.name.clone(), &error);
                Progress::Stopped
            }
        }
    }

    async fn delete_claim(&self, claim: &IpAddress, execution: &mut Execution) -> Progress {
        let key = claim.key();
        let target = Target {
            kind: Kind::IpAddress,
            key: key.clone(),
            uid: claim.uid.clone(),
            resource_version: claim.resource_version,
        };
        let forget = |source| self.index.delete(Kind::IpAddress, &key, Some(&claim.uid), source);
        match self.timed(Verb::Delete, target, execution, self.wire.delete_claim(claim)).await {
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

    fn learn_claim(&self, claim: IpAddress, source: Source) {
        let version = claim.resource_version;
        self.index.apply(Fact::IpAddress(claim), version, source);
    }

    fn learn_service(&self, service: ServiceObject, source: Source) {
        self.index.apply(Fact::Service(service.fact), service.resource_version, source);
    }
}

impl super::Answer for IpAddress {
    fn written(&self) -> Option<Target> {
        Some(Target {
            kind: Kind::IpAddress,
            key: self.key(),
            uid: self.uid.clone(),
            resource_version: self.resource_version,
        })
    }
}

impl super::Answer for Option<IpAddress> {
    fn written(&self) -> Option<Target> {
        self.as_ref().and_then(super::Answer::written)
    }
}

impl super::Answer for ServiceObject {
    fn written(&self) -> Option<Target> {
        Some(Target {
            kind: Kind::Service,
            key: self.fact.key.clone(),
            uid: self.fact.uid.clone(),
            resource_version: self.resource_version,
        })
    }
}

impl Target {
    fn to_create(kind: Kind, key: NamespacedName) -> Self {
        Target { kind, key, uid: Text::new(), resource_version: ResourceVersion::default() }
    }
}
