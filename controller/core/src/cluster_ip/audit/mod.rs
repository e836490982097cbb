//! What does not fit together between Services, claims, ranges and pools, and what could be done about
//! it without moving an address that is in use.

mod address;
mod pools;
mod ranges;
mod service;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::NewClaim;
use super::ledger::Ledger;
use crate::facts::{IpAddress, Labels};
use crate::key::{NamespacedName, Text};
use crate::reason::{Reason, Severity};
use crate::reconcile::Stage;

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// To claim the address for its eldest Service, in place of the claim there may be.
    Claim(NewClaim),
    /// To give the claim the labels of kube-apiserver.
    Relabel(Arc<IpAddress>),
    /// To delete the claim.
    Release(Arc<IpAddress>),
    /// Only people can decide.
    ByHand,
}

/// Looks at everything: addresses in their order, then Services, ranges and pools.
pub fn audit(
    ledger: &Ledger,
    namespace_labels: &BTreeMap<Text, Labels>,
    now: Timestamp,
) -> Vec<Finding> {
    let mut findings = address::findings(ledger, now);
    findings.extend(service::findings(ledger, namespace_labels, now));
    findings.extend(ranges::findings(ledger));
    findings.extend(pools::findings(ledger, namespace_labels));
    findings
}

impl Finding {
    /// Whether it is more than worth knowing.
    pub fn is_wrong(&self) -> bool {
        self.reason.severity() >= Severity::Warning
    }

    fn about_service(reason: Reason, service: &NamespacedName, detail: String) -> Self {
        let service = Some(service.clone());
        Finding { reason, address: None, service, detail, repair: Repair::ByHand }
    }

    fn about_cluster(reason: Reason, detail: String) -> Self {
        Finding { reason, address: None, service: None, detail, repair: Repair::ByHand }
    }
}

impl Repair {
    /// In a few words.
    pub fn name(&self) -> &'static str {
        match self {
            Repair::Claim(NewClaim { instead_of: None, .. }) => "claim",
            Repair::Claim(_) => "claim again",
            Repair::Relabel(_) => "relabel",
            Repair::Release(_) => "release",
            Repair::ByHand => "by hand",
        }
    }

    /// The write that it takes, if one helps.
    pub fn stage(&self) -> Option<Stage<'_>> {
        match self {
            Repair::Claim(claim) => Some(Stage::Claim(claim)),
            Repair::Relabel(claim) => Some(Stage::Relabelling(claim)),
            Repair::Release(claim) => Some(Stage::Release(claim)),
            Repair::ByHand => None,
        }
    }
}

fn is_young(created: Option<Timestamp>, now: Timestamp) -> bool {
    created.is_some_and(|created| now.duration_since(created) < YOUNG)
}
