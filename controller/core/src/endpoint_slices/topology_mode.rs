//! Topology mode: the ready endpoints of a family are shared out over the zones by the CPU of their
//! Nodes, each for its own zone as far as that goes (KEP-2433).
//!
//! What is published stays as long as no zone gets more than its share allows, so that a Pod more
//! or less does not move the traffic of all.

use std::collections::BTreeMap;

use super::hints::{Hints, HintsOutcome, is_ready};
use crate::facts::{self, Endpoint, EndpointSlice};
use crate::key::Text;

/// How much more than its share a zone may have to bear.
const OVERLOAD: f64 = 0.2;

/// What each zone is to get.
struct Shares(BTreeMap<Text, Share>);

struct Share {
    /// How many endpoints it should have; need not be whole.
    target: f64,
    /// How many it may have before something is moved.
    maximum: usize,
}

/// Endpoints by the zone that they are for.
type Tally = BTreeMap<Text, usize>;

/// How many endpoints to take from a zone, by where they go.
type Moves = BTreeMap<Text, BTreeMap<Text, usize>>;

impl Hints<'_> {
    /// Shares the ready endpoints out, or says why they cannot be.
    pub(super) fn share_out(
        &mut self,
        zones: Option<&BTreeMap<Text, f64>>,
    ) -> Result<(), HintsOutcome> {
        let zones = zones.ok_or(HintsOutcome::NodesUnclear)?;
        let shares = Shares::new(zones, self.ready_endpoints().count())?;
        if !self.written_endpoints().any(|endpoint| is_ready(endpoint)) && self.is_fair(&shares) {
            return Ok(());
        }
        self.write_what_is_unfair(&shares);
        self.set_hints(&shares)?;
        if !self.is_fair(&shares) {
            // What stayed leaves too little to choose from. From scratch it comes out the same
            // whatever there was before.
            self.write_if(|slice| slice.endpoints.iter().any(is_ready));
            self.set_hints(&shares)?;
        }
        Ok(())
    }

    /// Whether every ready endpoint has its hints, and moving some would not help.
    fn is_fair(&self, shares: &Shares) -> bool {
        let mut tally = Tally::new();
        let complete = self.ready_endpoints().all(|endpoint| shares.count(endpoint, &mut tally));
        complete && (shares.allow(&tally) || shares.moves(&tally).is_empty())
    }

    /// Keeps slices, in their order, as long as their hints are known zones and give none of them
    /// too much.
    fn write_what_is_unfair(&mut self, shares: &Shares) {
        let mut tally = Tally::new();
        self.write_if(|slice| {
            let mut with_it = tally.clone();
            let fair = ready(slice).all(|endpoint| shares.count(endpoint, &mut with_it));
            let fits = fair && shares.allow(&with_it);
            if fits {
                tally = with_it;
            }
            !fits
        });
    }

    /// Every ready endpoint that is written is for its own zone, but for those that another zone
    /// needs more.
    fn set_hints(&mut self, shares: &Shares) -> Result<(), HintsOutcome> {
        let mut tally = Tally::new();
        for endpoint in self.kept.iter().flat_map(|slice: &_| ready(slice)) {
            shares.count(endpoint, &mut tally);
        }
        // In an order that does not depend on the slices they stand in.
        let mut endpoints: Vec<&mut Endpoint> =
            self.written_endpoints().filter(|endpoint| is_ready(endpoint)).collect();
        endpoints.sort_by(|one, other| place(one).cmp(&place(other)));
        for endpoint in &mut endpoints {
            let zone = endpoint.zone.clone().ok_or(HintsOutcome::NoZone)?;
            *tally.entry(zone.clone()).or_default() += 1;
            endpoint.hints = Some(for_zone(zone));
        }
        let mut moves = shares.moves(&tally);
        for endpoint in endpoints {
            let taken = endpoint.zone.as_ref().and_then(|zone| moves.get_mut(zone));
            if let Some(zone) = taken.and_then(take_one) {
                endpoint.hints = Some(for_zone(zone));
            }
        }
        Ok(())
    }
}

impl Shares {
    fn new(zones: &BTreeMap<Text, f64>, endpoints: usize) -> Result<Self, HintsOutcome> {
        if zones.len() > endpoints {
            return Err(HintsOutcome::TooFew { endpoints, zones: zones.len() });
        }
        // The floating-point steps and their order decide how halves are rounded, so they are
        // kube-controller-manager's.
        let desired = |ratio: &f64| ratio * endpoints as f64;
        let minimum = |ratio: &f64| (desired(ratio) * (1.0 / (1.0 + OVERLOAD))).ceil();
        let minimums: usize = zones.values().map(|ratio| minimum(ratio) as usize).sum();
        let Some(spare) = endpoints.checked_sub(minimums) else {
            return Err(HintsOutcome::Overload { endpoints, zones: zones.len() });
        };
        let share = |ratio: &f64| Share {
            target: desired(ratio).max(minimum(ratio)),
            maximum: minimum(ratio) as usize + spare,
        };
        Ok(Self(zones.iter().map(|(name, ratio)| (name.clone(), share(ratio))).collect()))
    }

    /// Adds an endpoint to a tally by its hints. Says whether it has some, all for known zones.
    fn count(&self, endpoint: &Endpoint, tally: &mut Tally) -> bool {
        let zones = endpoint.hints.as_ref().map_or(&[][..], |hints| &hints.for_zones);
        zones.iter().for_each(|zone| *tally.entry(zone.clone()).or_default() += 1);
        !zones.is_empty() && zones.iter().all(|zone| self.0.contains_key(zone))
    }

    /// Whether no zone gets more than it may.
    fn allow(&self, tally: &Tally) -> bool {
        self.0.iter().all(|(zone, share)| tally.get(zone).is_none_or(|has| *has <= share.maximum))
    }

    /// What to move: one endpoint at a time, from the zone that has the most too many to the one
    /// that has the most too few, until both are off by less than one, or one by less than a half.
    fn moves(&self, tally: &Tally) -> Moves {
        let has = |zone: &Text| tally.get(zone).copied().unwrap_or(0) as f64;
        let mut gaps: Vec<(&Text, f64)> =
            self.0.iter().map(|(zone, share)| (zone, has(zone) - share.target)).collect();
        let mut moves = Moves::new();
        // Every step brings two zones nearer to their targets, so it ends.
        while let Some((from, to)) = worst(&gaps) {
            let (Some(giving), Some(receiving)) = (gaps.get(from), gaps.get(to)) else { break };
            let (too_many, too_few) = (giving.1, -receiving.1);
            if too_many < 0.5 || too_few < 0.5 || (too_many < 1.0 && too_few < 1.0) {
                break;
            }
            let goes = moves.entry(giving.0.clone()).or_default();
            *goes.entry(receiving.0.clone()).or_default() += 1;
            if let Some(gap) = gaps.get_mut(from) {
                gap.1 -= 1.0;
            }
            if let Some(gap) = gaps.get_mut(to) {
                gap.1 += 1.0;
            }
        }
        moves
    }
}

/// The zone with the most too many, and the one with the most too few; of equals the first by name.
fn worst(gaps: &[(&Text, f64)]) -> Option<(usize, usize)> {
    let gaps = || gaps.iter().map(|(_, gap)| *gap).enumerate();
    let giving = gaps().rev().max_by(|one, other| one.1.total_cmp(&other.1))?;
    let receiving = gaps().min_by(|one, other| one.1.total_cmp(&other.1))?;
    (giving.1 > 0.0 && receiving.1 < 0.0).then_some((giving.0, receiving.0))
}

fn take_one(goes: &mut BTreeMap<Text, usize>) -> Option<Text> {
    let mut entry = goes.first_entry()?;
    *entry.get_mut() -= 1;
    let zone = entry.key().clone();
    if *entry.get() == 0 {
        entry.remove();
    }
    Some(zone)
}

fn ready(slice: &EndpointSlice) -> impl Iterator<Item = &Endpoint> {
    slice.endpoints.iter().filter(|endpoint| is_ready(endpoint))
}

fn for_zone(zone: Text) -> facts::Hints {
    facts::Hints { for_zones: vec![zone], for_nodes: Vec::new() }
}

fn place(endpoint: &Endpoint) -> (Option<&Text>, &[Text]) {
    let name = endpoint.target_ref.as_ref().and_then(|target| target.name.as_ref());
    (name, &endpoint.addresses)
}
