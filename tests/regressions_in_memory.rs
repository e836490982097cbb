//! Known bugs of kube-controller-manager that need a slow server: answers that are late, watches that
//! lag. Time stands still in these tests while anything runs. `docs/known-bugs.md` is the list.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::time::Duration;

use sandbox::{Action, Fault, Verb};
use serde_json::{Value, json};
use support::history::by_hand;
use support::roster::settings;
use support::{Roster, World, pod, service};

const SLICES: &str = "endpointslices";
const ENDPOINTS: &str = "endpoints";
/// Long enough for a watch to be late, short enough to be waited for.
const LATE: Duration = Duration::from_secs(5);

/// Service `web` with its Pod `one`, and Service `bare` with Endpoints written by hand: both
/// published by all three controllers.
async fn published() -> (World, Roster) {
    let world = World::new().await;
    world.cluster.pod(pod("one", "web", "10.1.0.1")).await;
    world.cluster.create(service("web", json!({}))).await;
    world.cluster.create(service("bare", json!({"selector": null}))).await;
    by_hand("bare", http(&["10.5.0.1"])).apply(&world.cluster).await;
    let roster = world.roster_with(settings());
    world.cluster.until_ready("web", &["one"]).await;
    until_listed(&world, &["10.1.0.1"]).await;
    until_mirrored(&world, &["10.5.0.1"]).await;
    world.cluster.stays_silent().await;
    (world, roster)
}

fn http(ips: &[&str]) -> Value {
    let addresses: Vec<Value> = ips.iter().map(|ip| json!({"ip": ip})).collect();
    json!([{"addresses": addresses, "ports": [{"name": "http", "port": 80}]}])
}

/// Waits until the Endpoints of `web` have these ready addresses.
async fn until_listed(world: &World, ips: &[&str]) {
    let listed = async || {
        let endpoints = world.cluster.get("Endpoints", "web").await?;
        Some(ips_of(&endpoints["subsets"][0]["addresses"], "/ip"))
    };
    world.cluster.until(Some(texts(ips)), listed).await;
}

/// Waits until the slices of `bare` have these addresses.
async fn until_mirrored(world: &World, ips: &[&str]) {
    let mirrored = async || {
        let mut addresses = Vec::new();
        for slice in world.cluster.slices("bare").await {
            let endpoints = slice.endpoints.unwrap_or_default().into_iter();
            addresses.extend(endpoints.flat_map(|endpoint| endpoint.addresses));
        }
        addresses
    };
    world.cluster.until(texts(ips), mirrored).await;
}

fn ips_of(list: &Value, pointer: &str) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.map(|item| item.pointer(pointer).unwrap().as_str().unwrap().to_owned()).collect()
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

async fn edit_bare(world: &World, ips: &[&str]) {
    world.cluster.patch("Endpoints", "bare", json!({"subsets": http(ips)})).await;
}

/// kubernetes/kubernetes#141592: the stock manager waits for the slice for ever.
#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_deletion_brings_no_slice_back() {
    let (world, roster) = published().await;
    world.fault(Fault::of(Verb::Update, SLICES, Action::AnswerLate(LATE)));
    world.cluster.pod(pod("two", "web", "10.1.0.2")).await;
    world.cluster.until_ready("web", &["one", "two"]).await;
    let slice = world.cluster.slice_names("web").await.remove(0);
    world.cluster.delete("EndpointSlice", &slice).await;
    tokio::time::sleep(LATE + Duration::from_secs(2)).await;
    assert_eq!(world.cluster.ready("web").await, ["one", "two"]);
    world.cluster.stays_silent().await;
    roster.stop().await;
}

/// kubernetes/kubernetes#141593, of the mirroring controller.
#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_deletion_brings_no_mirror_back() {
    let (world, roster) = published().await;
    world.fault(Fault::of(Verb::Update, SLICES, Action::AnswerLate(LATE)));
    edit_bare(&world, &["10.5.0.1", "10.5.0.2"]).await;
    until_mirrored(&world, &["10.5.0.1", "10.5.0.2"]).await;
    let slice = world.cluster.slice_names("bare").await.remove(0);
    for (kind, name) in [("EndpointSlice", &*slice), ("Endpoints", "bare"), ("Service", "bare")] {
        world.cluster.delete(kind, name).await;
    }
    world.cluster.create(service("bare", json!({"selector": null}))).await;
    by_hand("bare", http(&["10.5.0.3"])).apply(&world.cluster).await;
    tokio::time::sleep(LATE + Duration::from_secs(2)).await;
    until_mirrored(&world, &["10.5.0.3"]).await;
    world.cluster.stays_silent().await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_deletion_brings_no_endpoints_back() {
    let (world, roster) = published().await;
    world.fault(Fault::of(Verb::Update, ENDPOINTS, Action::AnswerLate(LATE)));
    world.cluster.pod(pod("two", "web", "10.1.0.2")).await;
    until_listed(&world, &["10.1.0.1", "10.1.0.2"]).await;
    world.cluster.delete("Endpoints", "web").await;
    tokio::time::sleep(LATE + Duration::from_secs(2)).await;
    until_listed(&world, &["10.1.0.1", "10.1.0.2"]).await;
    world.cluster.stays_silent().await;
    roster.stop().await;
}

/// kubernetes/kubernetes#125638: a Pod that flips back while the watch lags looks as if nothing had
/// happened. The stock manager waits for the watch, and gives up after 164 s.
#[tokio::test(start_paused = true)]
async fn endpoints_follow_a_pod_that_flips_while_their_watch_lags_for_minutes() {
    let (world, roster) = published().await;
    world.sandbox.faults().hold_watches(ENDPOINTS);
    for _ in 0..4 {
        world.cluster.readiness("one", "False").await;
        until_listed(&world, &[]).await;
        world.cluster.readiness("one", "True").await;
        until_listed(&world, &["10.1.0.1"]).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    world.sandbox.faults().release_watches(ENDPOINTS);
    world.cluster.stays_silent().await;
    until_listed(&world, &["10.1.0.1"]).await;
    roster.stop().await;
}

/// The stock manager tries to create them again, and is refused.
#[tokio::test(start_paused = true)]
async fn endpoints_that_the_watch_has_not_shown_yet_are_not_created_again() {
    let (world, roster) = published().await;
    world.sandbox.faults().hold_watches(ENDPOINTS);
    let before = world.writes(ENDPOINTS).len();
    world.cluster.create(service("late", json!({"selector": {"app": "web"}}))).await;
    let exist = async || world.cluster.endpoints("late").await.is_some();
    world.cluster.until(true, exist).await;
    world.cluster.patch("Service", "late", json!({"metadata": {"labels": {"a": "b"}}})).await;
    let labelled = async || world.cluster.endpoints("late").await.unwrap().labels.contains_key("a");
    world.cluster.until(true, labelled).await;
    assert_eq!(world.writes(ENDPOINTS)[before..], ["create 201", "update 200"]);
    assert_eq!(world.cluster.events("late").await, []);
    world.sandbox.faults().release_watches(ENDPOINTS);
    world.cluster.stays_silent().await;
    roster.stop().await;
}

/// The stock manager deletes by name, whoever's they are by then.
#[tokio::test(start_paused = true)]
async fn a_late_deletion_spares_the_endpoints_of_a_new_service() {
    let (world, roster) = published().await;
    world.fault(Fault::of(Verb::Delete, ENDPOINTS, Action::Delay(LATE)));
    let before = world.writes(ENDPOINTS).len();
    world.cluster.delete("Service", "web").await;
    // The deletion is on its way. Meanwhile all is made anew.
    tokio::time::sleep(LATE / 5).await;
    world.cluster.delete("Endpoints", "web").await;
    by_hand("web", http(&["10.5.0.9"])).apply(&world.cluster).await;
    let uid =
        async || world.cluster.get("Endpoints", "web").await.unwrap()["metadata"]["uid"].clone();
    let made = uid().await;
    world.cluster.create(service("web", json!({}))).await;
    until_listed(&world, &["10.1.0.1"]).await;
    assert_eq!(uid().await, made);
    let writes = ["delete 200", "create 201", "delete 409", "update 200"];
    assert_eq!(world.writes(ENDPOINTS)[before..], writes, "the first two are not ours");
    world.cluster.stays_silent().await;
    roster.stop().await;
}

/// kubernetes/kubernetes#100033.
#[tokio::test(start_paused = true)]
async fn a_mirror_that_the_watch_has_not_shown_yet_is_not_created_again() {
    let world = World::new().await;
    let roster = world.roster_with(settings());
    world.cluster.create(service("bare", json!({"selector": null}))).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.sandbox.faults().hold_watches(SLICES);
    by_hand("bare", http(&["10.5.0.1"])).apply(&world.cluster).await;
    until_mirrored(&world, &["10.5.0.1"]).await;
    edit_bare(&world, &["10.5.0.1", "10.5.0.2"]).await;
    until_mirrored(&world, &["10.5.0.1", "10.5.0.2"]).await;
    assert_eq!(world.slice_writes(), ["create 201", "update 200"]);
    world.sandbox.faults().release_watches(SLICES);
    world.cluster.stays_silent().await;
    roster.stop().await;
}

/// The stock manager takes a 404 for a failure, and tries again and again.
#[tokio::test(start_paused = true)]
async fn a_mirror_that_is_gone_already_counts_as_deleted() {
    let (world, roster) = published().await;
    world.sandbox.faults().hold_watches(SLICES);
    let before = world.slice_writes().len();
    let slice = world.cluster.slice_names("bare").await.remove(0);
    world.cluster.delete("EndpointSlice", &slice).await;
    world.cluster.delete("Endpoints", "bare").await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(world.slice_writes()[before..], ["delete 200", "delete 404"], "ours is the last");
    world.sandbox.faults().release_watches(SLICES);
    world.cluster.stays_silent().await;
    roster.stop().await;
}
