//! What an admission webhook answers when a Service is about to be created on an API server that gives
//! addresses by itself: which addresses the server is to take, or why the Service may not have its own.

use std::fmt;
use std::net::IpAddr;

use super::ledger::Ledger;
use super::needs::{Asked, Needs, Reach, needs};
use super::pools::{Offer, Refusal};
use crate::facts::{ClusterIp, IpFamily, IpFamilyPolicy, Labels, Service};
use crate::key::{NamespacedName, Text};

/// What to answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// The server may do as it does by itself.
    Pass,
    /// The server is to take these addresses.
    Give(Gift),
    /// The Service may not be created like this.
    Refuse(Refused),
}

/// Addresses for a Service, one for each of its families, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Gift {
    /// `spec.ipFamilyPolicy`.
    pub policy: IpFamilyPolicy,
    /// `spec.ipFamilies`, each with its address or where to pick it from.
    pub families: Vec<(IpFamily, Choice)>,
}

/// Where an address comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// The author asks for it.
    Named(Text),
    /// It is to be picked from here.
    Offered(Offer),
}

/// Why a Service may not be created, for whoever creates it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The Service.
    pub service: NamespacedName,
    /// What stands against it.
    pub refusal: Refusal,
}

/// Decides. What is wrong with the fields of the Service is left to the server to say, in its words.
pub fn admit(ledger: &Ledger, service: &Service, namespace_labels: &Labels) -> Admission {
    let refuse = |refusal| Admission::Refuse(Refused { service: service.key.clone(), refusal });
    let Some(named) = named(service) else {
        return Admission::Pass;
    };
    for (_, address) in &named {
        if let Err(refusal) = ledger.pools().admit(service, namespace_labels, *address) {
            return refuse(refusal);
        }
    }
    let asked = Asked {
        addresses: named.iter().map(|(_, address)| *address).collect(),
        families: service.ip_families.clone(),
        policy: service.ip_family_policy,
        reach: Reach::ClusterIp,
    };
    let needed = ledger.served().and_then(|served| needs(&asked, served).ok());
    let Some(needed) = needed.filter(|needed| needed.families.len() > named.len()) else {
        return Admission::Pass;
    };
    match gift(ledger, service, namespace_labels, needed, named) {
        Ok(gift) => Admission::Give(gift),
        Err(refusal) => refuse(refusal),
    }
}

/// The addresses that the author asks for, as they are spelt. Nothing if the Service is to have none
/// of its own, or if the fields contradict one another.
fn named(service: &Service) -> Option<Vec<(Text, IpAddr)>> {
    if service.external_name {
        return None;
    }
    let listed = service.cluster_ips.iter();
    let listed: Option<Vec<(Text, IpAddr)>> =
        listed.map(|text| Some((text.clone(), text.parse().ok()?))).collect();
    let listed = listed?;
    let first = listed.first().map(|(_, address)| *address);
    match &service.cluster_ip {
        ClusterIp::Unset if first.is_none() => Some(listed),
        ClusterIp::Address(only) if first.is_none() => {
            Some(vec![(only.to_string().as_str().into(), *only)])
        }
        ClusterIp::Address(only) if first == Some(*only) => Some(listed),
        _ => None,
    }
}

fn gift(
    ledger: &Ledger,
    service: &Service,
    namespace_labels: &Labels,
    needed: Needs,
    named: Vec<(Text, IpAddr)>,
) -> Result<Gift, Refusal> {
    let mut named = named.into_iter();
    let choose = |family: IpFamily| {
        let choice = match named.next() {
            Some((text, _)) => Choice::Named(text),
            None => {
                let offer = ledger.pools().offer(service, namespace_labels, family.into())?;
                // A full pool that must give the address is told of before anything is held.
                match offer.exhausted().filter(|_| !ledger.has_free(family.into(), &offer)) {
                    Some(refusal) => return Err(refusal),
                    None => Choice::Offered(offer),
                }
            }
        };
        Ok((family, choice))
    };
    let families = needed.families.into_iter().map(choose).collect::<Result<_, _>>()?;
    Ok(Gift { policy: needed.policy, families })
}

impl Gift {
    /// Whether a pool must give one of the addresses, so that the server must not choose.
    pub fn is_bound(&self) -> bool {
        self.families.iter().any(|(_, choice)| match choice {
            Choice::Offered(offer) => offer.bound_to.is_some(),
            Choice::Named(_) => false,
        })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Service {}: {}", self.service, self.refusal)
    }
}
