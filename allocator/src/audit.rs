//! Compares the addresses in use with the claims on them: what is wrong, and what would mend it.
//!
//! An address in use is a fact that only its owner can change, so a repair never touches it; what
//! can be mended is the claim. Who is too young to be judged, the caller leaves out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::range::Range;

/// A claim on an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim<Owner> {
    /// Made for this owner, who should be using the address.
    For(Owner),
    /// Made by others for purposes of their own. It keeps the address from being given.
    Reservation,
}

/// What the audit compares.
#[derive(Clone, Debug)]
pub struct View<Owner> {
    /// Who uses which address, the elder owners first.
    pub in_use: Vec<(IpAddr, Owner)>,
    /// The claims.
    pub claims: BTreeMap<IpAddr, Claim<Owner>>,
    /// The ranges that addresses are given from.
    pub open: Vec<Range>,
    /// The ranges that give no more addresses: they are about to go.
    pub closing: Vec<Range>,
}

/// Something that is wrong with an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding<Owner> {
    /// It is in use, and nobody claimed it: it could be given a second time.
    Unclaimed {
        /// The eldest of those who use it.
        owner: Owner,
    },
    /// It is in use, and claimed for one who does not use it, or as a reservation.
    ClaimedForOther {
        /// The eldest of those who use it.
        owner: Owner,
        /// The claim.
        claim: Claim<Owner>,
    },
    /// It is claimed for somebody, and nobody uses it.
    Leaked {
        /// For whom it is claimed.
        claimed_for: Owner,
    },
    /// Several use it. All but the one with the claim must give it up.
    Duplicate {
        /// Who has the claim, or will get it.
        keeps: Owner,
        /// Who else uses it.
        others: Vec<Owner>,
    },
    /// It is in use, and no range has it.
    OutOfRange {
        /// The eldest of those who use it.
        owner: Owner,
    },
    /// It is in use, and all ranges that have it are about to go.
    RangeClosing {
        /// The eldest of those who use it.
        owner: Owner,
    },
}

/// What mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair<Owner> {
    /// Claim the address for its owner.
    Claim(Owner),
    /// Replace the claim by one for the owner of the address.
    HandOver(Owner),
    /// Remove the claim.
    Release,
}

impl<Owner: Clone> Finding<Owner> {
    /// What mends it; nothing if only the owners can.
    pub fn repair(&self) -> Option<Repair<Owner>> {
        match self {
            Finding::Unclaimed { owner } => Some(Repair::Claim(owner.clone())),
            Finding::ClaimedForOther { owner, .. } => Some(Repair::HandOver(owner.clone())),
            Finding::Leaked { .. } => Some(Repair::Release),
            Finding::Duplicate { .. }
            | Finding::OutOfRange { .. }
            | Finding::RangeClosing { .. } => None,
        }
    }
}

/// All that is wrong, in the order of the addresses. After the repairs only that is left which
/// has none.
pub fn audit<Owner: Clone + Eq>(view: &View<Owner>) -> Vec<(IpAddr, Finding<Owner>)> {
    let mut users: BTreeMap<IpAddr, Vec<&Owner>> = BTreeMap::new();
    for (address, owner) in &view.in_use {
        let users = users.entry(*address).or_default();
        // One owner may name an address twice.
        if !users.contains(&owner) {
            users.push(owner);
        }
    }
    let used = users.iter().flat_map(|(address, users)| {
        judge_used(view, *address, users).into_iter().map(|finding| (*address, finding))
    });
    let unused = view.claims.iter().filter_map(|(address, claim)| match claim {
        Claim::For(owner) if !users.contains_key(address) => {
            Some((*address, Finding::Leaked { claimed_for: owner.clone() }))
        }
        _ => None,
    });
    let mut findings: Vec<_> = used.chain(unused).collect();
    findings.sort_by_key(|(address, _)| *address);
    findings
}

/// What is wrong with an address in use.
fn judge_used<Owner: Clone + Eq>(
    view: &View<Owner>,
    address: IpAddr,
    users: &[&Owner],
) -> Vec<Finding<Owner>> {
    let Some(eldest) = users.first() else { return Vec::new() };
    let claim = view.claims.get(&address);
    let claimant = users.iter().find(|user| matches!(claim, Some(Claim::For(it)) if it == **user));
    let keeps = claimant.unwrap_or(eldest);

    let mut findings = Vec::new();
    let owner = (*keeps).clone();
    match judge_range(view, address) {
        Place::Open => {}
        Place::Closing => findings.push(Finding::RangeClosing { owner: owner.clone() }),
        Place::Nowhere => findings.push(Finding::OutOfRange { owner: owner.clone() }),
    }
    match (claim, claimant) {
        (None, _) => findings.push(Finding::Unclaimed { owner: owner.clone() }),
        (Some(claim), None) => {
            findings.push(Finding::ClaimedForOther { owner: owner.clone(), claim: claim.clone() })
        }
        (Some(_), Some(_)) => {}
    }
    let others: Vec<Owner> =
        users.iter().filter(|user| *user != keeps).map(|user| (*user).clone()).collect();
    if !others.is_empty() {
        findings.push(Finding::Duplicate { keeps: owner, others });
    }
    findings
}

enum Place {
    Open,
    Closing,
    Nowhere,
}

fn judge_range<Owner>(view: &View<Owner>, address: IpAddr) -> Place {
    let in_any = |ranges: &[Range]| ranges.iter().any(|range| range.contains(address));
    match () {
        _ if in_any(&view.open) => Place::Open,
        _ if in_any(&view.closing) => Place::Closing,
        _ => Place::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Owners = View<&'static str>;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn view(in_use: &[(&str, &'static str)], claims: &[(&str, Claim<&'static str>)]) -> Owners {
        let range = |cidr: &str| Range::new(cidr.parse().unwrap()).unwrap();
        View {
            in_use: in_use.iter().map(|(text, owner)| (address(text), *owner)).collect(),
            claims: claims.iter().map(|(text, claim)| (address(text), claim.clone())).collect(),
            open: vec![range("10.0.0.0/24")],
            closing: vec![range("10.1.0.0/24")],
        }
    }

    fn findings(view: &Owners) -> Vec<Finding<&'static str>> {
        audit(view).into_iter().map(|(_, finding)| finding).collect()
    }

    /// Carries the repairs out.
    fn repair(view: &mut Owners) {
        for (address, finding) in audit(view) {
            match finding.repair() {
                Some(Repair::Claim(owner)) => {
                    assert_eq!(view.claims.insert(address, Claim::For(owner)), None);
                }
                Some(Repair::HandOver(owner)) => {
                    assert!(view.claims.insert(address, Claim::For(owner)).is_some());
                }
                Some(Repair::Release) => assert!(view.claims.remove(&address).is_some()),
                None => {}
            }
        }
    }

    #[test]
    fn what_agrees_is_not_found() {
        let view = view(
            &[("10.0.0.1", "web")],
            &[("10.0.0.1", Claim::For("web")), ("10.0.0.9", Claim::Reservation)],
        );
        assert_eq!(findings(&view), []);
    }

    #[test]
    fn an_address_in_use_gets_the_claim_that_it_lacks() {
        let view = view(&[("10.0.0.1", "web")], &[]);
        assert_eq!(findings(&view), [Finding::Unclaimed { owner: "web" }]);
        assert_eq!(findings(&view)[0].repair(), Some(Repair::Claim("web")));
    }

    #[test]
    fn a_claim_of_an_address_that_nobody_uses_is_released_but_not_a_reservation() {
        let view = view(
            &[("10.0.0.2", "web")],
            &[
                ("10.0.0.1", Claim::For("web")),
                ("10.0.0.2", Claim::For("web")),
                ("10.0.0.3", Claim::Reservation),
            ],
        );
        assert_eq!(findings(&view), [Finding::Leaked { claimed_for: "web" }]);
        assert_eq!(findings(&view)[0].repair(), Some(Repair::Release));
    }

    #[test]
    fn who_uses_an_address_wins_over_who_only_claims_it() {
        for claim in [Claim::For("gone"), Claim::Reservation] {
            let view = view(&[("10.0.0.1", "web")], &[("10.0.0.1", claim.clone())]);
            assert_eq!(findings(&view), [Finding::ClaimedForOther { owner: "web", claim }]);
            assert_eq!(findings(&view)[0].repair(), Some(Repair::HandOver("web")));
        }
    }

    #[test]
    fn of_two_who_use_an_address_the_one_with_the_claim_keeps_it_else_the_elder() {
        let both = [("10.0.0.1", "elder"), ("10.0.0.1", "younger")];
        let claimed = view(&both, &[("10.0.0.1", Claim::For("younger"))]);
        let duplicate = Finding::Duplicate { keeps: "younger", others: vec!["elder"] };
        assert_eq!(findings(&claimed), [duplicate]);
        let unclaimed = view(&both, &[]);
        let duplicate = Finding::Duplicate { keeps: "elder", others: vec!["younger"] };
        assert_eq!(findings(&unclaimed), [Finding::Unclaimed { owner: "elder" }, duplicate]);
    }

    #[test]
    fn edges_of_ranges_and_ranges_about_to_go_are_reported() {
        let view = view(
            &[("10.0.0.255", "edge"), ("10.1.0.1", "closing")],
            &[("10.0.0.255", Claim::For("edge")), ("10.1.0.1", Claim::For("closing"))],
        );
        let expected =
            [Finding::OutOfRange { owner: "edge" }, Finding::RangeClosing { owner: "closing" }];
        assert_eq!(findings(&view), expected);
        assert!(findings(&view).iter().all(|finding| finding.repair().is_none()));
    }

    #[test]
    fn after_the_repairs_there_is_nothing_left_to_repair() {
        let mut view = view(
            &[("10.0.0.1", "a"), ("10.0.0.1", "b"), ("10.0.0.2", "b"), ("10.9.0.1", "c")],
            &[
                ("10.0.0.2", Claim::For("a")),
                ("10.0.0.3", Claim::For("b")),
                ("10.0.0.4", Claim::Reservation),
                ("10.9.0.1", Claim::Reservation),
            ],
        );
        repair(&mut view);
        assert!(findings(&view).iter().all(|finding| finding.repair().is_none()));
        assert_eq!(view.claims.len(), 4);
    }
}
