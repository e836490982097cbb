//! The scenarios of the differential test, each in a namespace of its own.

mod endpoints;
mod hints;
mod mirroring;
mod repairs;
mod slices;

use support::Op;

/// A history and the Services that are compared.
pub struct Scenario {
    /// Also the namespace.
    pub name: &'static str,
    /// The Services compared after each step.
    pub services: Vec<&'static str>,
    /// What happens.
    pub steps: Vec<Step>,
}

/// What is done, and how the two must stand afterwards.
pub struct Step {
    /// Done one after another.
    pub ops: Vec<Op>,
    /// What must hold then.
    pub then: Then,
}

/// How the two managers stand to each other.
pub enum Then {
    /// They have published the same, in as many slices.
    Same,
    /// They have published the same. How many slices it takes depends on which endpoints stood
    /// together before, which is random in the stock manager.
    SameInSomeSlices,
    /// They differ, as the deviation of this name says.
    Differs(&'static str),
}

/// Where Roster is meant to differ from 1.36.3, and why.
pub const DEVIATIONS: [(&str, &str); 11] = [
    (
        "ended-pod",
        "a Pod that ends while its Ready condition stays leaves at once, not at the next event",
    ),
    (
        "late-zone",
        "a zone label set on a Node later reaches its endpoints (kubernetes/kubernetes#117245)",
    ),
    ("lost-node", "the endpoints of a deleted Node go at once, not at the next event"),
    ("late-node-zone", "a Node that arrives late gives its zone to endpoints published before"),
    (
        "bad-address",
        "a Pod with an address that no slice may hold is left out instead of blocking its neighbours",
    ),
    ("headless-label", "a stale headless label is repaired, or kube-proxy would ignore the slice"),
    (
        "stolen-slice",
        "a slice relabelled away is replaced; the stock manager waits for it for ever",
    ),
    ("held-slice", "a slice that a finalizer holds blocks nobody (kubernetes/kubernetes#109624)"),
    (
        "stolen-mirror",
        "a mirrored slice relabelled away is replaced; the stock manager waits for it for ever",
    ),
    (
        "edited-endpoints",
        "Endpoints that somebody edits are put right at once, not at the next event",
    ),
    ("old-placeholder", "a new Service does not rely on the placeholder of its deleted namesake"),
];

/// All scenarios.
pub fn all() -> Vec<Scenario> {
    [slices::all(), repairs::all(), hints::all(), endpoints::all(), mirroring::all()]
        .into_iter()
        .flatten()
        .collect()
}

fn scenario(name: &'static str, services: &[&'static str], steps: Vec<Step>) -> Scenario {
    Scenario { name, services: services.to_vec(), steps }
}

fn same(ops: Vec<Op>) -> Step {
    Step { ops, then: Then::Same }
}

fn some(ops: Vec<Op>) -> Step {
    Step { ops, then: Then::SameInSomeSlices }
}

fn differs(deviation: &'static str, ops: Vec<Op>) -> Step {
    Step { ops, then: Then::Differs(deviation) }
}
