//! Hints: which clients an endpoint is meant for, by zone or node (KEP-2433, KEP-4444, KEP-3015).
//! They are set last, when it is decided which slices are written and which stay; slices that would
//! have stayed are written, too, if their hints are wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::facts::{
    self, Endpoint, EndpointSlice, HintMode, IpFamily, Service, TrafficDistribution,
};
use crate::memory::HintsTold;
use crate::reason::Reason;
use crate::reconcile::{Notice, NoticeSeverity, Reference};
use crate::slice_plan::{Change, Sorted};
use crate::topology::Zones;

/// Whether the endpoints of one family have hints, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HintsOutcome {
    /// None are asked for.
    NotAsked,
    /// By trafficDistribution.
    Close,
    /// Shared out over the zones.
    SharedOut,
    /// A Node has no zone or no CPU, or there are fewer than two zones.
    NodesUnclear,
    /// Fewer ready endpoints than zones.
    TooFew {
        /// Ready endpoints.
        endpoints: usize,
        /// Zones.
        zones: usize,
    },
    /// The least that each zone needs is more than there is.
    Overload {
        /// Ready endpoints.
        endpoints: usize,
        /// Zones.
        zones: usize,
    },
    /// A ready endpoint has no zone.
    NoZone,
}

impl HintsOutcome {
    /// The reason.
    pub fn reason(&self) -> Reason {
        match self {
            HintsOutcome::NotAsked => Reason::HintsNotAsked,
            HintsOutcome::Close | HintsOutcome::SharedOut => Reason::HintsOn,
            HintsOutcome::NodesUnclear => Reason::HintsNodeInfo,
            HintsOutcome::TooFew { .. } => Reason::HintsTooFew,
            HintsOutcome::Overload { .. } => Reason::HintsOverload,
            HintsOutcome::NoZone => Reason::HintsNoZone,
        }
    }

    /// Why topology mode gives no hints, in kube-controller-manager's words.
    fn refusal(&self) -> Option<String> {
        match self {
            HintsOutcome::NotAsked | HintsOutcome::Close | HintsOutcome::SharedOut => None,
            HintsOutcome::NodesUnclear => Some(
                "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes".to_owned(),
            ),
            HintsOutcome::TooFew { endpoints, zones } => {
                Some(format!("Insufficient number of endpoints ({endpoints} endpoints, {zones} zones)"))
            }
            HintsOutcome::Overload { endpoints, zones } => Some(format!(
                "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ({endpoints} endpoints, {zones} zones)"
            )),
            HintsOutcome::NoZone => {
                Some("One or more endpoints do not have a zone specified".to_owned())
            }
        }
    }
}

/// The slices of one family while hints are set.
pub(super) struct Hints<'a> {
    pub(super) sorted: &'a mut Sorted,
    /// Slices that stay as they are.
    pub(super) kept: &'a mut Vec<Arc<EndpointSlice>>,
}

impl<'a> Hints<'a> {
    pub(super) fn new(sorted: &'a mut Sorted, kept: &'a mut Vec<Arc<EndpointSlice>>) -> Self {
        Self { sorted, kept }
    }

    /// Sets what a mode asks for.
    pub(super) fn set(mut self, mode: HintMode, zones: &Zones) -> HintsOutcome {
        match mode {
            HintMode::Off => {
                self.remove();
                HintsOutcome::NotAsked
            }
            HintMode::Traffic(distribution) => {
                self.keep_close(distribution);
                HintsOutcome::Close
            }
            HintMode::Topology => match self.share_out(zones.as_deref()) {
                Ok(()) => HintsOutcome::SharedOut,
                Err(refused) => {
                    self.remove();
                    refused
                }
            },
        }
    }

    fn remove(&mut self) {
        self.write_if(|slice| slice.endpoints.iter().any(|endpoint| endpoint.hints.is_some()));
        self.written_endpoints().for_each(|endpoint| endpoint.hints = None);
    }

    /// Every ready endpoint for its own zone, and for its own node if that is asked for. Hints of
    /// others mean nothing to consumers and stay as they are.
    fn keep_close(&mut self, distribution: TrafficDistribution) {
        let wrong = |endpoint: &Endpoint| {
            let hints = endpoint.hints.clone().unwrap_or_default();
            hints != close(endpoint, distribution).unwrap_or_default()
        };
        self.write_if(|slice| slice.endpoints.iter().filter(|one| is_ready(one)).any(wrong));
        for endpoint in self.written_endpoints().filter(|endpoint| is_ready(endpoint)) {
            endpoint.hints = close(endpoint, distribution);
        }
    }

    /// Has slices written that would have stayed.
    pub(super) fn write_if(&mut self, mut wanted: impl FnMut(&EndpointSlice) -> bool) {
        let moved = self.kept.extract_if(.., |slice| wanted(slice));
        let changes = moved.map(|before| Change { after: (*before).clone(), before });
        self.sorted.update.extend(changes);
    }

    /// The endpoints of all slices that are written, new ones first.
    pub(super) fn written_endpoints(&mut self) -> impl Iterator<Item = &mut Endpoint> {
        let updated = self.sorted.update.iter_mut().map(|change| &mut change.after);
        let written = self.sorted.create.iter_mut().chain(updated);
        written.flat_map(|slice| &mut slice.endpoints)
    }

    /// All ready endpoints, in slices that are written and in those that stay.
    pub(super) fn ready_endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let updated = self.sorted.update.iter().map(|change| &change.after);
        let kept = self.kept.iter().map(|slice| &**slice);
        let all = self.sorted.create.iter().chain(updated).chain(kept);
        all.flat_map(|slice| &slice.endpoints).filter(|endpoint| is_ready(endpoint))
    }
}

pub(super) fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.ready == Some(true)
}

fn close(endpoint: &Endpoint, distribution: TrafficDistribution) -> Option<facts::Hints> {
    let node = endpoint.node_name.as_ref().filter(|_| match distribution {
        TrafficDistribution::PreferSameNode => true,
        TrafficDistribution::PreferClose | TrafficDistribution::PreferSameZone => false,
    });
    let hints = facts::Hints {
        for_zones: endpoint.zone.iter().cloned().collect(),
        for_nodes: node.into_iter().cloned().collect(),
    };
    Some(hints).filter(|hints| *hints != facts::Hints::default())
}

/// What to tell, and what has been told then.
pub(super) struct Telling {
    pub(super) notices: Vec<Notice>,
    pub(super) told: BTreeMap<IpFamily, HintsTold>,
}

/// Tells of topology aware hints what users do not know yet. That there are hints is told once for
/// all families, and again where there were none; kube-controller-manager repeats a refusal at every
/// visit (kubernetes/kubernetes#114215).
pub(super) fn telling<'a>(
    service: &Service,
    outcomes: impl Iterator<Item = (IpFamily, &'a HintsOutcome)>,
    known: &BTreeMap<IpFamily, HintsTold>,
) -> Telling {
    let mut telling = Telling { notices: Vec::new(), told: BTreeMap::new() };
    let mut enabled = known.values().any(|told| *told == HintsTold::Enabled);
    for (family, outcome) in outcomes {
        let notice = |severity, reason, text: &str| Notice {
            about: Reference::service(service),
            severity,
            reason,
            message: format!("{text}, addressType: {family}"),
        };
        let disabled = |text: &str| notice(NoticeSeverity::Warning, DISABLED, text);
        let before = known.get(&family);
        match (outcome, outcome.refusal()) {
            (HintsOutcome::SharedOut, _) => {
                if !std::mem::replace(&mut enabled, true)
                    || matches!(before, Some(HintsTold::Disabled(_)))
                {
                    let text = "Topology Aware Hints has been enabled";
                    telling.notices.push(notice(NoticeSeverity::Normal, ENABLED, text));
                }
                telling.told.insert(family, HintsTold::Enabled);
            }
            (_, Some(text)) => {
                let told = HintsTold::Disabled(text.as_str().into());
                if before != Some(&told) {
                    telling.notices.push(disabled(&text));
                }
                telling.told.insert(family, told);
            }
            (_, None) => {
                if std::mem::take(&mut enabled) {
                    telling.notices.push(disabled("Topology Aware Hints has been disabled"));
                }
            }
        }
    }
    telling
}

/// The event reasons.
const ENABLED: &str = "TopologyAwareHintsEnabled";
const DISABLED: &str = "TopologyAwareHintsDisabled";
