//! What is wrong with addresses: their claims, and where they lie.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Finding, Repair, is_young};
use crate::cluster_ip::NewClaim;
use crate::cluster_ip::ledger::Ledger;
use crate::facts::ip_address::Manager;
use crate::facts::{IpAddress, Service};
use crate::key::NamespacedName;
use crate::reason::Reason;

/// An address and all that has to do with it.
struct Held<'a> {
    address: IpAddr,
    claim: Option<&'a Arc<IpAddress>>,
    /// The Services that list it, the eldest first.
    users: Vec<&'a Arc<Service>>,
}

/// In the order of the addresses.
pub fn findings(ledger: &Ledger, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (address, claim, names) in ledger.holders() {
        let mut users: Vec<&Arc<Service>> =
            names.iter().filter_map(|name| ledger.service_of(name)).collect();
        users.sort_by_key(|service| (service.created, service.key.clone()));
        let held = Held { address, claim, users };
        held.duplicates(&mut findings);
        findings.extend(held.claim(ledger, now));
        held.range(ledger, &mut findings);
    }
    findings
}

impl Held<'_> {
    fn finding(
        &self,
        reason: Reason,
        service: Option<&NamespacedName>,
        detail: impl Into<String>,
        repair: Repair,
    ) -> Finding {
        let (address, service) = (Some(self.address), service.cloned());
        Finding { reason, address, service, detail: detail.into(), repair }
    }

    fn duplicates(&self, findings: &mut Vec<Finding>) {
        let Some((eldest, others)) = self.users.split_first() else {
            return;
        };
        for other in others {
            let detail = format!("{} has it, too, and is older; make this one anew", eldest.key);
            let reason = Reason::ClaimedByOther;
            findings.push(self.finding(reason, Some(&other.key), detail, Repair::ByHand));
        }
    }

    fn claim(&self, ledger: &Ledger, now: Timestamp) -> Option<Finding> {
        let eldest = self.users.first().copied();
        match self.claim {
            None => self.unclaimed(eldest?, ledger, now),
            Some(claim) if claim.deleting => {
                let user = eldest.map(|service| &service.key);
                let detail = "its IPAddress is deleted and held by a finalizer";
                Some(self.finding(Reason::ClaimDeleting, user, detail, Repair::ByHand))
            }
            Some(claim) if is_young(claim.created, now) => None,
            Some(claim) => match eldest {
                Some(eldest) => self.claim_in_use(claim, eldest),
                None => self.claim_in_vain(claim, ledger),
            },
        }
    }

    fn unclaimed(&self, eldest: &Service, ledger: &Ledger, now: Timestamp) -> Option<Finding> {
        let anybody_young = self.users.iter().any(|service| is_young(service.created, now));
        if anybody_young || !ledger.is_in_range(self.address) {
            return None;
        }
        let repair = Repair::Claim(self.new_claim(eldest, None));
        Some(self.finding(Reason::Unclaimed, Some(&eldest.key), "no IPAddress holds it", repair))
    }

    fn claim_in_use(&self, claim: &Arc<IpAddress>, eldest: &Service) -> Option<Finding> {
        let named = claim.service.as_ref();
        let user = Some(&eldest.key);
        if self.users.iter().any(|service| Some(&service.key) == named) {
            let relabel = Repair::Relabel(claim.clone());
            let detail = match claim.manager {
                Manager::Other => "its IPAddress has the label of another manager, or none",
                _ if claim.labelled_family.is_none() => "its IPAddress tells no IP family",
                _ if claim.is_of_labelled_family() => return None,
                _ => "the label of its IPAddress tells another IP family",
            };
            return Some(self.finding(Reason::ClaimMislabelled, named, detail, relabel));
        }
        let again = Repair::Claim(self.new_claim(eldest, Some(claim)));
        let (reason, detail) = match (claim.manager, named) {
            (Manager::Other, _) => (Reason::ClaimForeign, "somebody else's IPAddress holds it"),
            (_, None) => (Reason::ClaimWrongReference, "its IPAddress names no Service"),
            (_, Some(_)) => (
                Reason::ClaimWrongReference,
                "its IPAddress names another Service, which does not list it",
            ),
        };
        Some(self.finding(reason, user, detail, again))
    }

    fn claim_in_vain(&self, claim: &Arc<IpAddress>, ledger: &Ledger) -> Option<Finding> {
        let named = claim.service.as_ref();
        let exists = named.is_some_and(|key| ledger.service_of(key).is_some());
        let release = Repair::Release(claim.clone());
        let (reason, detail, repair) = match (claim.manager, named) {
            (Manager::Other, _) => return Some(self.reserved(claim)),
            (_, None) => {
                (Reason::ClaimWrongReference, "its IPAddress names no Service", Repair::ByHand)
            }
            (_, Some(_)) if exists => {
                (Reason::ClaimWrongReference, "its Service does not list it", release)
            }
            (_, Some(_)) => (Reason::ClaimLeaked, "its Service is gone", release),
        };
        Some(self.finding(reason, named, detail, repair))
    }

    fn reserved(&self, claim: &IpAddress) -> Finding {
        let detail = match claim.created {
            Some(created) => format!("another manager has kept it since {created}"),
            None => "another manager keeps it".to_owned(),
        };
        self.finding(Reason::Reserved, claim.service.as_ref(), detail, Repair::ByHand)
    }

    fn range(&self, ledger: &Ledger, findings: &mut Vec<Finding>) {
        let names: Vec<&str> = ledger.service_cidrs_with(self.address).collect();
        let (reason, detail) = match names[..] {
            _ if ledger.is_in_open_range(self.address) => return,
            [] => (
                Reason::OutOfRange,
                "no ServiceCIDR has it; add one, or make the Service anew".to_owned(),
            ),
            _ => (
                Reason::RangeClosing,
                format!(
                    "of ServiceCIDRs only {} has it, which is not ready; make the Service anew, or \
                     add a ServiceCIDR",
                    names.join(", ")
                ),
            ),
        };
        findings.extend(self.users.iter().map(|service| {
            self.finding(reason, Some(&service.key), detail.clone(), Repair::ByHand)
        }));
    }

    fn new_claim(&self, eldest: &Service, instead_of: Option<&Arc<IpAddress>>) -> NewClaim {
        let service_uid = eldest.uid.clone();
        NewClaim { address: self.address, service_uid, instead_of: instead_of.cloned() }
    }
}
