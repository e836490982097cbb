//! What does not fit together between Services, claims, ranges and pools, and what could be done about
//! it without moving an address that is in use.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::ledger::{Ledger, addresses};
use super::pools::Refusal;
use crate::facts::ip_address::Manager;
use crate::facts::{ClusterIp, IpAddress, IpFamily, IpFamilyPolicy, Labels, Service};
use crate::key::{NamespacedName, Text};
use crate::reason::{Reason, Severity};

/// What is younger may be half of something that is being done.
const YOUNG: SignedDuration = SignedDuration::from_secs(60);

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which of the closed list.
    pub reason: Reason,
    /// The address.
    pub address: Option<IpAddr>,
    /// The Service that has the trouble, or that a claim names.
    pub service: Option<NamespacedName>,
    /// What exactly.
    pub detail: String,
    /// What helps.
    pub repair: Repair,
}

/// What helps without moving an address that is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// To claim the address for its eldest Service.
    Claim,
    /// To delete the claim and make it again for the eldest Service of the address.
    ClaimAgain,
    /// To delete the claim.
    Release,
    /// Only people can decide.
    ByHand,
}

/// An address and all that has to do with it.
struct Held<'a> {
    address: IpAddr,
    claim: Option<&'a Arc<IpAddress>>,
    /// The Services that list it, the eldest first.
    users: Vec<&'a Arc<Service>>,
}

/// Looks at everything, in the order of addresses and then of Services.
pub fn audit(
    ledger: &Ledger,
    namespace_labels: &BTreeMap<Text, Labels>,
    now: Timestamp,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (address, claim, names) in ledger.holders() {
        let mut users: Vec<&Arc<Service>> =
            names.iter().filter_map(|name| ledger.service_of(name)).collect();
        users.sort_by_key(|service| (service.created, service.key.clone()));
        let held = Held { address, claim, users };
        held.duplicates(&mut findings);
        held.claim(ledger, now, &mut findings);
        held.range(ledger, &mut findings);
    }
    for service in ledger.all_services() {
        fields(service, &mut findings);
        waiting(service, now, &mut findings);
        let labels = namespace_labels.get(&service.key.namespace).cloned().unwrap_or_default();
        pools(service, ledger, &labels, &mut findings);
    }
    findings
}

impl Finding {
    /// Whether it is more than worth knowing.
    pub fn is_wrong(&self) -> bool {
        self.reason.severity() >= Severity::Warning
    }
}

impl Repair {
    /// In a few words.
    pub fn name(self) -> &'static str {
        match self {
            Repair::Claim => "claim",
            Repair::ClaimAgain => "claim again",
            Repair::Release => "release",
            Repair::ByHand => "by hand",
        }
    }
}

impl Held<'_> {
    fn finding(
        &self,
        reason: Reason,
        service: Option<&NamespacedName>,
        detail: &str,
        repair: Repair,
    ) -> Finding {
        let (address, service) = (Some(self.address), service.cloned());
        Finding { reason, address, service, detail: detail.to_owned(), repair }
    }

    fn duplicates(&self, findings: &mut Vec<Finding>) {
        let Some((eldest, others)) = self.users.split_first() else {
            return;
        };
        for other in others {
            let detail = format!("{} has it, too, and is older; make this one anew", eldest.key);
            let reason = Reason::ClaimedByOther;
            findings.push(self.finding(reason, Some(&other.key), &detail, Repair::ByHand));
        }
    }

    fn claim(&self, ledger: &Ledger, now: Timestamp, findings: &mut Vec<Finding>) {
        let user = self.users.first().map(|service| &service.key);
        let Some(claim) = self.claim else {
            if self.users.iter().all(|service| !is_young(service.created, now))
                && user.is_some()
                && ledger.is_in_range(self.address)
            {
                let detail = "no IPAddress holds it";
                findings.push(self.finding(Reason::Unclaimed, user, detail, Repair::Claim));
            }
            return;
        };
        if claim.deleting {
            let detail = "its IPAddress is deleted and held by a finalizer";
            findings.push(self.finding(Reason::ClaimDeleting, user, detail, Repair::ByHand));
        } else if !is_young(claim.created, now) {
            findings.extend(match user {
                Some(user) => self.claim_in_use(claim, user),
                None => self.claim_in_vain(claim, ledger),
            });
        }
    }

    fn claim_in_use(&self, claim: &IpAddress, user: &NamespacedName) -> Option<Finding> {
        let named = claim.service.as_ref();
        let names_a_user = self.users.iter().any(|service| Some(&service.key) == named);
        let (reason, detail, repair) = match (names_a_user, claim.manager) {
            (true, Manager::Server | Manager::Roster) => return None,
            (true, Manager::Other) => {
                (Reason::ClaimMislabelled, "its IPAddress has another manager", Repair::ByHand)
            }
            (false, Manager::Other) => {
                (Reason::ClaimForeign, "somebody else's IPAddress holds it", Repair::ByHand)
            }
            (false, _) => (
                Reason::ClaimWrongReference,
                "its IPAddress names another Service, which does not list it",
                Repair::ClaimAgain,
            ),
        };
        Some(self.finding(reason, Some(user), detail, repair))
    }

    fn claim_in_vain(&self, claim: &IpAddress, ledger: &Ledger) -> Option<Finding> {
        let named = claim.service.as_ref();
        let exists = named.is_some_and(|key| ledger.service_of(key).is_some());
        let (reason, detail, repair) = match (claim.manager, named) {
            (Manager::Other, _) => (Reason::Reserved, "another manager keeps it", Repair::ByHand),
            (_, None) => {
                (Reason::ClaimWrongReference, "its IPAddress names no Service", Repair::ByHand)
            }
            (_, Some(_)) if exists => {
                (Reason::ClaimWrongReference, "its Service does not list it", Repair::Release)
            }
            (_, Some(_)) => (Reason::ClaimLeaked, "its Service is gone", Repair::Release),
        };
        Some(self.finding(reason, named, detail, repair))
    }

    fn range(&self, ledger: &Ledger, findings: &mut Vec<Finding>) {
        let (reason, detail) = match self.address {
            address if ledger.is_in_open_range(address) => return,
            address if ledger.is_in_range(address) => (
                Reason::RangeClosing,
                "its ServiceCIDR is not ready; the Service will have to move",
            ),
            _ => (Reason::OutOfRange, "no ServiceCIDR has it; add one, or make the Service anew"),
        };
        let users = self.users.iter();
        findings.extend(
            users.map(|service| self.finding(reason, Some(&service.key), detail, Repair::ByHand)),
        );
    }
}

/// Fields that contradict one another or do not parse.
fn fields(service: &Service, findings: &mut Vec<Finding>) {
    let mut tell = |reason, detail: String| {
        let service = Some(service.key.clone());
        findings.push(Finding { reason, address: None, service, detail, repair: Repair::ByHand });
    };
    for text in service.cluster_ips.iter().filter(|text| &***text != "None") {
        match text.parse::<IpAddr>() {
            Err(_) => {
                tell(
                    Reason::ClusterIPInvalid,
                    format!("clusterIPs has {text}, which is no address"),
                );
            }
            Ok(address) if address.to_string() != **text => tell(
                Reason::ClusterIPInvalid,
                format!("clusterIPs has {text}, whose canonical form is {address}"),
            ),
            Ok(_) => {}
        }
    }
    let listed = addresses(service);
    if let ClusterIp::Address(first) = service.cluster_ip
        && listed.first().is_some_and(|listed| *listed != first)
    {
        tell(
            Reason::ClusterIPInvalid,
            format!("clusterIP is {first}, and not the first of clusterIPs"),
        );
    }
    let families = listed.iter().map(|address| IpFamily::of(*address));
    if families.zip(&service.ip_families).any(|(of_address, family)| of_address != *family) {
        tell(Reason::ClusterIPInvalid, "ipFamilies are not those of clusterIPs".to_owned());
    }
    if service.external_name && !listed.is_empty() {
        tell(Reason::ClusterIPInvalid, "an ExternalName with clusterIPs".to_owned());
    }
    let wants_two = service.ip_family_policy == Some(IpFamilyPolicy::RequireDualStack);
    if wants_two && listed.len() == 1 {
        tell(Reason::SecondFamilyMissing, "RequireDualStack, and one address".to_owned());
    }
}

/// A Service that has waited for an address for longer than it takes.
fn waiting(service: &Service, now: Timestamp, findings: &mut Vec<Finding>) {
    let wants = service.cluster_ips.is_empty() && !service.external_name && !service.deleting;
    if wants && !is_young(service.created, now) {
        findings.push(Finding {
            reason: Reason::WaitingForAllocator,
            address: None,
            service: Some(service.key.clone()),
            detail: "no address yet; its Events tell why".to_owned(),
            repair: Repair::ByHand,
        });
    }
}

/// Addresses that the pools of the cluster would not give to the Service.
fn pools(service: &Service, ledger: &Ledger, labels: &Labels, findings: &mut Vec<Finding>) {
    for address in addresses(service) {
        let refusal = ledger.pools().admit(service, labels, address);
        if let Err(refusal @ (Refusal::NotOfPool { .. } | Refusal::OfOthers { .. })) = refusal {
            findings.push(Finding {
                reason: Reason::PoolMismatch,
                address: Some(address),
                service: Some(service.key.clone()),
                detail: refusal.to_string(),
                repair: Repair::ByHand,
            });
        }
    }
}

fn is_young(created: Option<Timestamp>, now: Timestamp) -> bool {
    created.is_some_and(|created| now.duration_since(created) < YOUNG)
}
