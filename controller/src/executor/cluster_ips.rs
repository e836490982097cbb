//! Addresses for Services. A claim is made first, then the Service is written.

use std::net::IpAddr;

use controller_core::cluster_ip::pools::Offer;
use controller_core::cluster_ip::{Assignment, Source as AddressSource};
use controller_core::facts::{Fact, IpFamily};
use controller_core::index::Source;
use controller_core::key::{Kind, NamespacedName, Text};
use controller_core::reconcile::{Failure, FailureNature, StageKind, Verb};

use super::claims::Claimed;
use super::{Execution, Executor, Progress, Target};
use crate::wire::ServiceObject;

/// How many addresses are tried for one family. What is free was looked up, so a second try is rare.
const TRIES: usize = 16;

/// An address of a Service that is being put together.
enum Choice {
    /// The Service lists it, in this spelling.
    Listed(Text),
    /// It is claimed.
    Claimed(IpAddr),
    /// It was picked out of what is offered.
    Picked(IpAddr, Offer),
}

impl Executor {
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
                AddressSource::Listed(text) => Some(Choice::Listed(text.clone())),
                AddressSource::Claimed(address) => Some(Choice::Claimed(*address)),
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

    /// Claims what was picked. Where somebody was faster, another address is picked. If one family
    /// cannot have its claim, the other does not keep its own (kubernetes issue 136475).
    async fn secure(
        &self,
        key: &NamespacedName,
        assignment: &Assignment,
        choices: Vec<Choice>,
        execution: &mut Execution,
    ) -> Option<Vec<Text>> {
        let (mut texts, mut claimed) = (Vec::new(), Vec::new());
        let mut choices = choices.into_iter();
        while let Some(choice) = choices.next() {
            let secured = match choice {
                Choice::Listed(text) => {
                    texts.push(text);
                    continue;
                }
                Choice::Claimed(address) => Some(address),
                Choice::Picked(address, offer) => {
                    self.secure_one(key, &assignment.service_uid, address, &offer, execution).await
                }
            };
            let Some(address) = secured else {
                self.put_back(&choices.collect::<Vec<_>>());
                self.give_up(&claimed, execution).await;
                return None;
            };
            claimed.push(address);
            texts.push(address.to_string().as_str().into());
        }
        Some(texts)
    }

    /// Lets go of claims on addresses that no Service lists yet.
    async fn give_up(&self, claimed: &[IpAddr], execution: &mut Execution) {
        for address in claimed {
            let claim = self.index.with(|index| index.ledger().claim_on(*address));
            if let Some(claim) = claim {
                self.delete_claim(&claim, execution).await;
            }
        }
    }

    async fn secure_one(
        &self,
        key: &NamespacedName,
        service_uid: &Text,
        picked: IpAddr,
        offer: &Offer,
        execution: &mut Execution,
    ) -> Option<IpAddr> {
        let mut address = picked;
        for _ in 0..TRIES {
            let stage = StageKind::Assignment;
            match self.make_claim(key, address, service_uid, stage, execution).await {
                Claimed::Ours => return Some(address),
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
                nature: FailureNature::Shortage(family),
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

    pub(super) fn learn_service(&self, service: ServiceObject, source: Source) {
        self.index.apply(Fact::Service(service.fact), service.resource_version, source);
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
