//! What probes find when the API server does not let a controller work. Time stands still in these
//! tests while anything runs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use controller::health::Probe;
use sandbox::{Action, Fault, Verb};
use serde_json::json;
use support::{World, service};

/// How long probes may take to notice something.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);
/// More refusals than any test waits for.
const FOR_EVER: usize = 10_000;

async fn until(wanted: &[&str], found: impl Fn() -> Vec<String>) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while found() != wanted {
        assert!(tokio::time::Instant::now() < deadline, "{:?} and not {wanted:?}", found());
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_controller_is_ready_when_all_that_it_depends_on_is_listed() {
    let world = World::new().await;
    world.fault(Fault::of(Verb::Watch, "pods", Action::refuse(500, "")).times(3));
    let roster = world.roster();
    let found = || roster.complaints(Probe::Readyz);
    let unlisted = "endpointslice-controller: not listed yet: Pod; the API server refuses to list or \
                    watch: Pod (Internal Server Error (a fault made for a test))";
    until(&[unlisted], found).await;
    assert_eq!(roster.complaints(Probe::Healthz), [""; 0], "a restart would not help");
    until(&[], found).await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_controller_whose_watch_is_refused_is_not_ready() {
    let world = World::new().await;
    let roster = world.roster();
    roster.synced().await;
    assert_eq!(roster.complaints(Probe::Readyz), [""; 0]);
    world.sandbox.faults().close_watches("nodes");
    world.fault(Fault::of(Verb::Watch, "nodes", Action::refuse(403, "Forbidden")).times(3));
    let refused = "endpointslice-controller: the API server refuses to list or watch: \
                   Node (Forbidden (a fault made for a test))";
    until(&[refused], || roster.complaints(Probe::Readyz)).await;
    assert_eq!(roster.complaints(Probe::Livez), [""; 0], "a restart would not help");
    until(&[], || roster.complaints(Probe::Readyz)).await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_controller_whose_writes_are_all_refused_is_not_ready() {
    let world = World::new().await;
    let refusal = Action::refuse(403, "Forbidden");
    world.fault(Fault::of(Verb::Create, "endpointslices", refusal).times(FOR_EVER));
    let roster = world.roster();
    for name in ["one", "two"] {
        world.cluster.create(service(name, json!({}))).await;
    }
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(
        roster.complaints(Probe::Readyz),
        [""; 0],
        "two Services may be to blame themselves"
    );
    world.cluster.create(service("three", json!({}))).await;
    let failed = "endpointslice-controller: 3 keys have failed since the last accepted write";
    until(&[failed], || roster.complaints(Probe::Readyz)).await;
    assert_eq!(roster.complaints(Probe::Livez), [""; 0], "a restart would not help");
    world.sandbox.faults().clear();
    until(&[], || roster.complaints(Probe::Readyz)).await;
    roster.stop().await;
}
