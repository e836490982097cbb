//! Picks addresses and holds them, so that no other request is answered with them, here or elsewhere.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use controller_core::cluster_ip::admission::{Admission, Choice, Gift};
use controller_core::cluster_ip::pools::Offer;
use controller_core::facts::cluster_ip_hold::hold_name;
use controller_core::facts::{Fact, IpFamily, Service};
use controller_core::index::Source;
use controller_core::key::{Controller, Kind, NamespacedName};

use super::request::NewService;
use super::response::Chosen;
use crate::environment::Randomness;
use crate::shared_index::SharedIndex;
use crate::wire::{NewHold, Wire};

/// How many addresses are tried for one family. Only those fail that another replica has picked in the
/// same moment.
const TRIES: usize = 16;

/// Chooses addresses for Services.
pub struct Chooser {
    /// The way to the API server.
    pub wire: Wire,
    /// What is known.
    pub index: Arc<SharedIndex>,
    /// For picking addresses.
    pub randomness: Randomness,
    /// Who we are, for holds.
    pub holder: String,
}

impl Chooser {
    /// Whether everything has been listed. Before that nothing can be decided.
    pub fn is_ready(&self) -> bool {
        self.index.with(|index| index.is_ready(Controller::ClusterIp))
    }

    /// What a Service may be given.
    pub async fn judge(&self, service: &Service) -> Admission {
        let judged = || self.index.with(|index| index.admission(service));
        if let Some(admission) = judged() {
            return admission;
        }
        // Its namespace has only just been created, and the watch has not told of it yet.
        let namespace = NamespacedName::cluster(service.key.namespace.clone());
        match self.wire.fact(Kind::Namespace, &namespace).await {
            Ok(Some((fact, version))) => self.index.apply(fact, version, Source::LiveRead),
            // The API server refuses what is to be created in no namespace.
            Ok(None) => {}
            Err(error) => tracing::warn!(%namespace, err = %error, "Cannot read a namespace"),
        }
        judged().unwrap_or(Admission::Pass)
    }

    /// One address for each family, each held. A request that was answered before is given the same.
    ///
    /// # Errors
    /// Why there is none, for whoever creates the Service.
    pub async fn choose(
        &self,
        request_uid: &str,
        service: &NewService,
        gift: &Gift,
    ) -> Result<Chosen, String> {
        let promised = self.index.with(|index| {
            let promised = index.ledger().promised_in(request_uid);
            promised.map(|address| (IpFamily::of(address), address)).collect::<BTreeMap<_, _>>()
        });
        let hold = NewHold {
            namespace: service.fact.key.namespace.to_string(),
            name: service.name.clone(),
            request_uid: request_uid.to_owned(),
            holder: self.holder.clone(),
        };
        let mut addresses = Vec::new();
        for (family, choice) in &gift.families {
            let text = match (choice, promised.get(family)) {
                (Choice::Named(text), _) => text.to_string(),
                (Choice::Offered(_), Some(promised)) => promised.to_string(),
                (Choice::Offered(offer), None) => {
                    self.pick_and_hold(&hold, *family, offer).await?.to_string()
                }
            };
            addresses.push((*family, text));
        }
        Ok(Chosen { policy: gift.policy, addresses })
    }

    async fn pick_and_hold(
        &self,
        hold: &NewHold,
        family: IpFamily,
        offer: &Offer,
    ) -> Result<IpAddr, String> {
        for _ in 0..TRIES {
            let Some(picked) = self.pick(family, offer) else {
                let refusal = offer.exhausted().map(|refusal| refusal.to_string());
                return Err(refusal.unwrap_or_else(|| format!("{family}: range is full")));
            };
            if self.hold(picked.address, hold).await? {
                return Ok(picked.address);
            }
        }
        Err("others hold every address that was tried; try again".to_owned())
    }

    fn pick(&self, family: IpFamily, offer: &Offer) -> Option<Picked<'_>> {
        let pick = |rng: &mut _| {
            self.index.with(|index| index.ledger_mut().pick(family.into(), offer, rng))
        };
        let address = self.randomness.draw(pick)?;
        Some(Picked { index: &self.index, address })
    }

    /// Holds an address for a request. Answers whether it is held for that one.
    async fn hold(&self, address: IpAddr, hold: &NewHold) -> Result<bool, String> {
        match self.wire.create_hold(address, hold).await {
            Ok(made) => {
                let version = made.resource_version;
                self.index.apply(Fact::ClusterIpHold(made), version, Source::Answer);
                Ok(true)
            }
            Err(error) if error.is_conflict() => {
                self.learn(address).await;
                // An answer of ours may have been lost.
                let known = self.index.with(|index| index.ledger().hold_on(address));
                Ok(known.is_some_and(|known| *known.request_uid == *hold.request_uid))
            }
            Err(error) => {
                tracing::warn!(%address, err = %error, "Cannot hold an address");
                Err(format!("the address could not be held: {error}; try again"))
            }
        }
    }

    /// Another replica was faster, and the watch has not told of its hold yet.
    async fn learn(&self, address: IpAddr) {
        let key = NamespacedName::cluster(hold_name(address));
        match self.wire.fact(Kind::ClusterIpHold, &key).await {
            Ok(Some((fact, version))) => self.index.apply(fact, version, Source::LiveRead),
            Ok(None) => {}
            Err(error) => tracing::debug!(%address, err = %error, "Cannot read a hold"),
        }
    }
}

/// An address that nobody else here picks, as long as this is there. Its hold takes over from it.
struct Picked<'a> {
    index: &'a SharedIndex,
    address: IpAddr,
}

impl Drop for Picked<'_> {
    fn drop(&mut self) {
        self.index.with(|index| index.ledger_mut().put_back(self.address));
    }
}
