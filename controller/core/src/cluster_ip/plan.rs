//! What to write so that a Service has the addresses that it needs, each under a claim of its own.
//!
//! An address comes to a Service in this order: it is picked, the IPAddress object of its name is
//! created, and only then the Service is written, under the resourceVersion that was planned from. A
//! crash in between leaves a claim that tells by its annotation for which Service it was made; the
//! next plan takes it up.

use std::sync::Arc;

use super::Snapshot;
use super::ledger::{Held, addresses};
use super::needs::{Asked, Needs, Reach, needs};
use super::pools::{Offer, Refusal};
use crate::facts::ip_address::Manager;
use crate::facts::{ClusterIp, IpAddress, IpFamily, IpFamilyPolicy, Service};
use crate::key::{NamespacedName, ResourceVersion, Text};
use crate::reason::Reason;
use crate::reconcile::{Notice, NoticeSeverity, Reference};

/// The event on a Service whose address is not of the pool that must give it.
pub(super) const POOL_MISMATCH: &str = "ClusterIPPoolMismatch";

/// What to do about one Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Addresses that the Service lists and nobody claims for it.
    pub claim: Vec<NewClaim>,
    /// Claims of the Service on addresses that it lists, to be given the labels of kube-apiserver.
    pub relabel: Vec<Arc<IpAddress>>,
    /// The addresses that it lacks or has too many of, and the write that says so.
    pub assignment: Option<Assignment>,
    /// Claims that are of no use to it any more. Before each goes, a live read has to tell that no
    /// Service of this name lists the address.
    pub release: Vec<Arc<IpAddress>>,
    /// What users are told.
    pub notices: Vec<Notice>,
    /// What keeps the Service from what it needs, so that it is looked at again.
    pub errors: Vec<String>,
    /// How the Service stands.
    pub reason: Reason,
}

/// A claim to make on an address that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewClaim {
    /// The address.
    pub address: std::net::IpAddr,
    /// `metadata.uid` of the Service.
    pub service_uid: Text,
    /// The claim that must go first. It is for somebody who does not list the address.
    pub instead_of: Option<Arc<IpAddress>>,
}

/// The four fields of a Service that tell its addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// `metadata.uid` of the Service.
    pub service_uid: Text,
    /// The version of the Service that the write is conditional on.
    pub resource_version: ResourceVersion,
    /// `spec.ipFamilyPolicy`.
    pub policy: IpFamilyPolicy,
    /// `spec.ipFamilies`, each with its address.
    pub families: Vec<(IpFamily, Source)>,
}

impl Assignment {
    /// How many claims are still to be made.
    pub fn new_claims(&self) -> usize {
        let offered = |(_, source): &&(IpFamily, Source)| matches!(source, Source::Offered(_));
        self.families.iter().filter(offered).count()
    }
}

/// Where an address comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The Service lists it, in this spelling, which may not change.
    Listed(Text),
    /// It is claimed for the Service already: an earlier try got so far.
    Claimed(std::net::IpAddr),
    /// It is to be picked from here.
    Offered(Offer),
}

/// Decides.
pub fn plan(snapshot: &Snapshot) -> Plan {
    match &snapshot.service {
        Some((service, _)) if service.deleting => Plan::nothing(Reason::ServiceDeleting),
        Some((service, version)) => match service.cluster_ip {
            _ if service.external_name => released(snapshot, Reason::ExternalName),
            ClusterIp::Headless => released(snapshot, Reason::NoAddressByDesign),
            ClusterIp::Unset | ClusterIp::Address(_) => supplied(snapshot, service, *version),
        },
        None => released(snapshot, Reason::ServiceNotFound),
    }
}

/// A name that needs no addresses lets go of those it has.
fn released(snapshot: &Snapshot, reason: Reason) -> Plan {
    let live = snapshot.service.as_ref().map(|(service, _)| &service.uid);
    let release = snapshot.held.iter().filter_map(|held| held.claim.clone());
    let release = release.filter(|claim| is_left_over(snapshot, claim, live)).collect();
    Plan { release, ..Plan::nothing(reason) }
}

/// Whether a claim that names the Service was made for it or for one that was seen to go. A claim
/// that is newer than what we know of its Service is left alone.
fn is_left_over(snapshot: &Snapshot, claim: &IpAddress, live: Option<&Text>) -> bool {
    let is_its_own = claim.service.as_ref() == Some(&snapshot.key);
    let known = match &claim.service_uid {
        Some(uid) => live == Some(uid) || snapshot.departed.contains(uid),
        None => claim.manager == Manager::Server && !snapshot.departed.is_empty(),
    };
    is_its_own && claim.manager != Manager::Other && !claim.deleting && known
}

/// A Service that is reached by its own addresses.
fn supplied(snapshot: &Snapshot, service: &Arc<Service>, version: ResourceVersion) -> Plan {
    let Some(served) = snapshot.served else {
        return Plan::nothing(Reason::WaitingForAllocator);
    };
    let needs = match needs(&asked(service), served) {
        Ok(needs) => needs,
        Err(problems) => {
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return refused(service, Reason::FamilyNotServed, &texts.join("; "));
        }
    };
    let families = match sources(snapshot, service, &needs) {
        Ok(families) => families,
        Err(refusal) => return refused(service, refusal.reason(), &refusal.to_string()),
    };

    let mut plan = judged(snapshot, service);
    plan.release = surplus(snapshot, service, &families);
    let complete = service.cluster_ips.len() == families.len();
    if !complete {
        plan.reason = match service.cluster_ips.is_empty() {
            true => Reason::WaitingForAllocator,
            false => Reason::SecondFamilyMissing,
        };
        plan.assignment = Some(Assignment {
            service_uid: service.uid.clone(),
            resource_version: version,
            policy: needs.policy,
            families,
        });
    }
    plan
}

/// What the author of a Service asked for. A second address under SingleStack is one to let go of:
/// an API server that allocates by itself has cut it off by now.
fn asked(service: &Service) -> Asked {
    let policy = service.ip_family_policy;
    let limit = match policy {
        Some(IpFamilyPolicy::SingleStack) if service.cluster_ips.len() > 1 => 1,
        _ => 2,
    };
    Asked {
        addresses: addresses(service).into_iter().take(limit).collect(),
        families: service.ip_families.iter().copied().take(limit).collect(),
        policy,
        reach: Reach::ClusterIp,
    }
}

/// Where the address of each family comes from.
fn sources(
    snapshot: &Snapshot,
    service: &Service,
    needs: &Needs,
) -> Result<Vec<(IpFamily, Source)>, Refusal> {
    let source = |(place, family): (usize, &IpFamily)| {
        if let Some(listed) = service.cluster_ips.get(place) {
            return Ok((*family, Source::Listed(listed.clone())));
        }
        let claimed = snapshot.held.iter().find(|held| {
            let claim = held.claim.as_ref().filter(|claim| !claim.deleting);
            IpFamily::of(held.address) == *family
                && claim.is_some_and(|claim| claim.service_uid.as_ref() == Some(&service.uid))
        });
        if let Some(held) = claimed {
            return Ok((*family, Source::Claimed(held.address)));
        }
        let pools = &snapshot.pools;
        let offer = pools.offer(service, &snapshot.namespace_labels, (*family).into())?;
        Ok((*family, Source::Offered(offer)))
    };
    needs.families.iter().enumerate().map(source).collect()
}

/// Looks at the addresses that a Service lists: each should be in a range, and under its own claim.
fn judged(snapshot: &Snapshot, service: &Arc<Service>) -> Plan {
    let mut plan = Plan::nothing(match service.cluster_ips.is_empty() {
        true => Reason::WaitingForAllocator,
        false => Reason::AssignedByServer,
    });
    let listed = addresses(service);
    for held in snapshot.held.iter().filter(|held| listed.contains(&held.address)) {
        match origin(snapshot, service, held) {
            Origin::Pool => plan.reason = Reason::AssignedByPool,
            Origin::Elsewhere => {}
            Origin::Mismatch(refusal) => {
                plan.reason = Reason::PoolMismatch;
                plan.notices.push(warning(service, POOL_MISMATCH, refusal.to_string()));
            }
        }
        match &held.claim {
            None if held.in_range => plan.claim.push(new_claim(service, held)),
            None => {}
            Some(claim) => plan.judge(service, held, claim, &snapshot.key),
        }
        if !held.in_range {
            plan.reason = Reason::OutOfRange;
            plan.notices.push(warning(service, "ClusterIPOutOfRange", out_of_range(held)));
        } else if !held.in_open_range {
            plan.reason = Reason::RangeClosing;
        }
    }
    plan
}

/// Where an address that is in use came from, as far as pools tell.
enum Origin {
    /// A pool that the Service matches.
    Pool,
    /// Anywhere else.
    Elsewhere,
    /// From where it should not: a pool has changed, or did not get to decide.
    Mismatch(Refusal),
}

fn origin(snapshot: &Snapshot, service: &Service, held: &Held) -> Origin {
    let (pools, labels) = (&snapshot.pools, &snapshot.namespace_labels);
    match pools.admit(service, labels, held.address) {
        Err(refusal @ (Refusal::NotOfPool { .. } | Refusal::OfOthers { .. })) => {
            Origin::Mismatch(refusal)
        }
        _ => match pools.giver(service, labels, held.address) {
            Some(_) => Origin::Pool,
            None => Origin::Elsewhere,
        },
    }
}

fn out_of_range(held: &Held) -> String {
    let (family, address) = (IpFamily::of(held.address), held.address);
    format!(
        "Cluster IP [{family}]: {address} is not within any configured Service CIDR; \
         please recreate service"
    )
}

impl Plan {
    /// There is nothing to do.
    pub fn nothing(reason: Reason) -> Self {
        Plan {
            claim: Vec::new(),
            relabel: Vec::new(),
            assignment: None,
            release: Vec::new(),
            notices: Vec::new(),
            errors: Vec::new(),
            reason,
        }
    }

    /// Judges the claim on an address that the Service lists.
    fn judge(
        &mut self,
        service: &Arc<Service>,
        held: &Held,
        claim: &Arc<IpAddress>,
        key: &NamespacedName,
    ) {
        let (family, address) = (IpFamily::of(held.address), held.address);
        match &claim.service {
            Some(owner) if owner == key => self.label(held, claim),
            Some(owner) if held.others.contains(owner) => {
                self.reason = Reason::ClaimedByOther;
                let text = format!(
                    "Cluster IP [{family}]:{address} was assigned to multiple services; \
                     please recreate service"
                );
                self.notices.push(warning(service, "ClusterIPAlreadyAllocated", text));
            }
            _ => {
                self.reason = match claim.manager {
                    Manager::Other => Reason::ClaimForeign,
                    Manager::Server | Manager::Roster => Reason::ClaimWrongReference,
                };
                self.replace(service, held);
            }
        }
    }

    /// The claim is the Service's own. Once the loops of a kube-apiserver have had their time with
    /// it, it gets the labels by which every kube-apiserver knows it as such.
    fn label(&mut self, held: &Held, claim: &Arc<IpAddress>) {
        if claim.manager == Manager::Other || !claim.is_of_labelled_family() {
            self.reason = Reason::ClaimMislabelled;
        }
        let is_right = claim.manager == Manager::Server && claim.is_of_labelled_family();
        if held.settled && !claim.deleting && !is_right {
            self.relabel.push(claim.clone());
        }
    }

    /// Somebody who does not list the address has claimed it. An address in use goes before a claim,
    /// as in kube-apiserver, once whoever claims it has had time to use it.
    fn replace(&mut self, service: &Arc<Service>, held: &Held) {
        let deleting = held.claim.as_ref().is_some_and(|claim| claim.deleting);
        if !held.settled || deleting || !held.in_range {
            return;
        }
        let text = format!(
            "the ClusterIP [{}]: {} for Service {} has a wrong reference; repairing",
            IpFamily::of(held.address),
            held.address,
            service.key
        );
        self.notices.push(warning(service, "ClusterIPNotAllocated", text));
        self.claim.push(NewClaim { instead_of: held.claim.clone(), ..new_claim(service, held) });
    }
}

fn new_claim(service: &Service, held: &Held) -> NewClaim {
    let (address, service_uid) = (held.address, service.uid.clone());
    NewClaim { address, service_uid, instead_of: None }
}

/// Claims made for this very Service on addresses that it will not have.
fn surplus(
    snapshot: &Snapshot,
    service: &Service,
    families: &[(IpFamily, Source)],
) -> Vec<Arc<IpAddress>> {
    let listed = addresses(service);
    let wanted = |held: &&Held| {
        let taken_up = families.iter().any(|(_, source)| match source {
            Source::Claimed(address) => *address == held.address,
            _ => false,
        });
        listed.contains(&held.address) || taken_up
    };
    let unwanted = snapshot.held.iter().filter(|held| !wanted(held));
    let claims = unwanted.filter_map(|held| held.claim.clone());
    claims.filter(|claim| is_left_over(snapshot, claim, Some(&service.uid))).collect()
}

/// A Service that cannot have what it asks for.
fn refused(service: &Arc<Service>, reason: Reason, text: &str) -> Plan {
    let text = format!("failed to allocate a cluster IP: {text}");
    Plan {
        notices: vec![warning(service, "FailedToAllocateClusterIP", text.clone())],
        errors: vec![text],
        ..Plan::nothing(reason)
    }
}

fn warning(service: &Arc<Service>, reason: &'static str, message: String) -> Notice {
    let about = Reference::service(service);
    Notice { about, severity: NoticeSeverity::Warning, reason, message }
}
