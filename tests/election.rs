//! Several replicas and one Lease: who leads, how fast another takes over, and that nobody writes who
//! does not lead. Time stands still in these tests while anything runs, so their times are exact.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use sandbox::{Action, Fault, Verb};
use serde_json::{Value, json};
use support::replica::Replica;
use support::{World, pod, service};
use tokio::time::Instant;

/// A world with Service `web` and its one ready Pod.
async fn web() -> World {
    let world = World::new().await;
    world.cluster.pod(pod("one", "web", "10.1.0.1")).await;
    world.cluster.create(service("web", json!({}))).await;
    world
}

async fn second_pod(world: &World) {
    world.cluster.pod(pod("two", "web", "10.1.0.2")).await;
}

/// Changes the record of the Lease, as somebody who does not play by the rules.
async fn edit(world: &World, spec: Value) {
    world.cluster.patch("Lease", "roster", json!({"spec": spec})).await;
}

fn seconds(time: f64) -> Duration {
    Duration::from_secs_f64(time)
}

#[tokio::test(start_paused = true)]
async fn of_three_replicas_that_start_at_once_one_writes() {
    let world = web().await;
    let replicas = ["a", "b", "c"].map(|name| Replica::start(&world, name));
    world.cluster.until_ready("web", &["one"]).await;
    second_pod(&world).await;
    world.cluster.until_ready("web", &["one", "two"]).await;
    tokio::time::sleep(seconds(120.0)).await;
    assert_eq!(world.slice_writes(), ["create 201", "update 200"]);
    let holder = world.lease().await.unwrap().holder_identity.unwrap();
    for replica in &replicas {
        let leads = replica.name() == holder;
        assert_eq!(replica.slice_writes().len(), if leads { 2 } else { 0 });
        let status = format!("leader_election_master_status {}", i32::from(leads));
        assert_eq!(replica.election_metrics(), [status]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_lease_reads_as_client_go_writes_it() {
    let world = web().await;
    let before = (world.clock)();
    let leader = Replica::leading(&world, "a").await;
    let acquired = world.lease().await.unwrap();
    let LeaseSpec { holder_identity, lease_duration_seconds, lease_transitions, .. } = &acquired;
    assert_eq!(holder_identity.as_deref(), Some("a"));
    assert_eq!((*lease_duration_seconds, *lease_transitions), (Some(15), Some(0)));
    assert!(acquired.acquire_time.as_ref().unwrap().0 >= before);
    tokio::time::sleep(seconds(9.0)).await;
    let renewed = world.lease().await.unwrap();
    assert_eq!(renewed.acquire_time, acquired.acquire_time);
    let apart = renewed.renew_time.unwrap().0.duration_since(acquired.renew_time.unwrap().0);
    assert_eq!(apart.as_secs(), 8, "renewed each two seconds");
    assert_eq!(leader.election_metrics(), ["leader_election_master_status 1"], "without a read");
    let told = ("LeaderElection".to_owned(), "a became leader".to_owned());
    assert_eq!(world.cluster.events("roster").await, [told]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_is_taken_up_at_once() {
    let world = web().await;
    let leader = Replica::leading(&world, "a").await;
    world.cluster.until_ready("web", &["one"]).await;
    let standby = Replica::start(&world, "b");
    tokio::time::sleep(seconds(7.0)).await;
    let asked = Instant::now();
    leader.stop().await;
    second_pod(&world).await;
    world.cluster.until_ready("web", &["one", "two"]).await;
    assert!(asked.elapsed() < seconds(0.2), "it took {:?}", asked.elapsed());
    let lease = world.lease().await.unwrap();
    assert_eq!(lease.holder_identity.as_deref(), Some("b"));
    assert_eq!(lease.lease_transitions, Some(1));
    assert_eq!(standby.slice_writes().len(), 1);
    world.cluster.stays_silent().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_standby_the_lease_is_left_empty() {
    let world = web().await;
    let leader = Replica::leading(&world, "a").await;
    // Events of one object are named by the time.
    tokio::time::sleep(seconds(1.0)).await;
    leader.stop().await;
    let lease = world.lease().await.unwrap();
    assert_eq!(lease.holder_identity.as_deref(), Some(""));
    assert_eq!((lease.lease_duration_seconds, lease.lease_transitions), (Some(1), Some(0)));
    assert_eq!(lease.acquire_time, lease.renew_time);
    let told = |message: &str| ("LeaderElection".to_owned(), message.to_owned());
    let wanted = vec![told("a became leader"), told("a stopped leading")];
    world.cluster.until(wanted, async || world.cluster.events("roster").await).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_changes_while_it_is_given_back_is_read_again() {
    let world = web().await;
    let leader = Replica::leading(&world, "a").await;
    let annotation = json!({"metadata": {"annotations": {"by": "somebody"}}});
    world.cluster.patch("Lease", "roster", annotation).await;
    leader.stop().await;
    assert_eq!(world.lease().await.unwrap().holder_identity.as_deref(), Some(""));
    assert_eq!(world.writes("leases"), ["create 201", "update 409", "update 200"]);
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_leader_that_died_is_taken_when_it_has_expired() {
    let world = web().await;
    let leader = Replica::leading(&world, "a").await;
    let standby = Replica::start(&world, "b");
    tokio::time::sleep(seconds(31.0)).await;
    leader.kill();
    let died = Instant::now();
    world.until_held_by("b").await;
    let took = died.elapsed();
    assert!((seconds(13.0)..seconds(16.0)).contains(&took), "it took {took:?}");
    second_pod(&world).await;
    world.cluster.until_ready("web", &["one", "two"]).await;
    assert_eq!(standby.slice_writes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_cannot_watch_the_lease_polls_it() {
    let world = web().await;
    let leader = Replica::leading(&world, "a").await;
    world.fault(Fault::of(Verb::Watch, "leases", Action::refuse(403, "Forbidden")).times(1000));
    let _standby = Replica::start(&world, "b");
    tokio::time::sleep(seconds(7.0)).await;
    leader.stop().await;
    let stopped = Instant::now();
    world.until_held_by("b").await;
    assert!(stopped.elapsed() < seconds(4.5), "it took {:?}", stopped.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_cable_is_pulled_ends_before_another_may_lead() {
    let world = web().await;
    let leader = Replica::leading(&world, "a").await;
    let standby = Replica::start(&world, "b");
    world.cluster.until_ready("web", &["one"]).await;
    tokio::time::sleep(seconds(31.0)).await;
    leader.pull_the_cable();
    let pulled = Instant::now();
    second_pod(&world).await;
    while !leader.has_ended() {
        tokio::time::sleep(seconds(0.1)).await;
    }
    let ended = pulled.elapsed();
    assert!((seconds(8.0)..seconds(10.2)).contains(&ended), "it ended after {ended:?}");
    assert_eq!(standby.slice_writes(), []);
    assert_eq!(leader.election_metrics()[0], "leader_election_master_status 0");
    let why = leader.ends().await;
    assert_eq!(why, "leaderelection lost: the Lease was not renewed within 10s");
    world.cluster.until_ready("web", &["one", "two"]).await;
    assert!(standby.slice_writes()[0] - pulled >= seconds(13.0));
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_refuses_for_six_seconds_is_survived() {
    let world = web().await;
    let leader = Replica::leading(&world, "a").await;
    let refused = Action::refuse(500, "InternalError");
    // Each try is a renewal and a read.
    world.fault(Fault::of(Verb::Update, "leases", refused.clone()).times(3));
    world.fault(Fault::of(Verb::Get, "leases", refused).times(3));
    tokio::time::sleep(seconds(30.0)).await;
    second_pod(&world).await;
    world.cluster.until_ready("web", &["one", "two"]).await;
    assert!(!leader.has_ended());
    assert_eq!(world.lease().await.unwrap().lease_transitions, Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_wakes_from_a_long_sleep_writes_nothing() {
    let world = web().await;
    let leader = Replica::leading(&world, "a").await;
    world.cluster.until_ready("web", &["one"]).await;
    let before = leader.slice_writes().len();
    tokio::time::sleep(seconds(5.5)).await;
    leader.sleep(seconds(18.0));
    second_pod(&world).await;
    let woken = Instant::now();
    assert_eq!(leader.ends().await, "leaderelection lost: the Lease was not renewed within 10s");
    assert!(woken.elapsed() <= seconds(2.0));
    assert_eq!(world.slice_writes().len(), before);
    assert_eq!(world.cluster.ready("web").await, ["one"]);
}

#[tokio::test(start_paused = true)]
async fn clocks_that_are_set_move_no_lease() {
    let world = web().await;
    let leader = Replica::leading(&world, "a").await;
    let standby = Replica::start(&world, "b");
    for hours in [2, -5, 1000] {
        leader.set_clock(SignedDuration::from_hours(hours));
        standby.set_clock(SignedDuration::from_hours(-hours));
        tokio::time::sleep(seconds(31.0)).await;
    }
    assert!(!leader.has_ended() && !standby.has_ended());
    assert_eq!(world.lease().await.unwrap().lease_transitions, Some(0));
    second_pod(&world).await;
    world.cluster.until_ready("web", &["one", "two"]).await;
    leader.kill();
    let died = Instant::now();
    world.until_held_by("b").await;
    let took = died.elapsed();
    assert!((seconds(13.0)..seconds(16.0)).contains(&took), "it took {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_reads_the_name_of_another_ends_at_once() {
    let world = web().await;
    let leader = Replica::leading(&world, "a").await;
    world.cluster.until_ready("web", &["one"]).await;
    tokio::time::sleep(seconds(5.5)).await;
    edit(&world, json!({"holderIdentity": "thief"})).await;
    let stolen = Instant::now();
    assert_eq!(leader.ends().await, "leaderelection lost: the Lease is held by thief");
    assert!(stolen.elapsed() <= seconds(2.1), "it took {:?}", stolen.elapsed());
    assert_eq!(world.lease().await.unwrap().holder_identity.as_deref(), Some("thief"));
}

#[tokio::test(start_paused = true)]
async fn a_leader_is_not_shaken_by_an_annotation_and_counts_the_read_it_cost() {
    let world = web().await;
    let leader = Replica::leading(&world, "a").await;
    let annotation = json!({"metadata": {"annotations": {"by": "somebody"}}});
    world.cluster.patch("Lease", "roster", annotation).await;
    tokio::time::sleep(seconds(5.0)).await;
    let lines = ["leader_election_master_status 1", "leader_election_slowpath_total 1"];
    assert_eq!(leader.election_metrics(), lines);
    assert_eq!(world.writes("leases")[..3], ["create 201", "update 409", "update 200"]);
    let lease = world.cluster.lease("roster").await.unwrap();
    assert_eq!(lease.metadata.annotations.unwrap()["by"], "somebody");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_deleted_is_made_again_by_its_leader() {
    let world = web().await;
    let leader = Replica::leading(&world, "a").await;
    leader.stop().await;
    let leader = Replica::leading(&world, "b").await;
    let before = world.lease().await.unwrap();
    world.cluster.delete("Lease", "roster").await;
    world.until_held_by("b").await;
    let after = world.lease().await.unwrap();
    assert_eq!(after.acquire_time, before.acquire_time);
    assert_eq!((before.lease_transitions, after.lease_transitions), (Some(1), Some(1)));
    assert!(!leader.has_ended());
}

#[tokio::test(start_paused = true)]
async fn a_standby_waits_for_an_api_server_that_refuses_and_then_leads() {
    let world = web().await;
    let refused = Action::refuse(503, "ServiceUnavailable");
    world.fault(Fault::of(Verb::Get, "leases", refused).times(20));
    let replica = Replica::start(&world, "a");
    tokio::time::sleep(seconds(120.0)).await;
    assert_eq!(world.lease().await.unwrap().holder_identity.as_deref(), Some("a"));
    replica.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_happened_while_standing_by_is_put_right_after_taking_over() {
    let world = web().await;
    let first = Replica::leading(&world, "a").await;
    world.cluster.until_ready("web", &["one"]).await;
    let standby = Replica::start(&world, "b");
    tokio::time::sleep(seconds(5.0)).await;
    first.pull_the_cable();
    second_pod(&world).await;
    world.cluster.create(service("other", json!({}))).await;
    world.cluster.delete("Service", "other").await;
    world.cluster.until_ready("web", &["one", "two"]).await;
    assert_eq!(standby.slice_writes().len(), 1, "only what was needed");
    world.cluster.stays_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_is_stopped_leaves_the_lease_alone() {
    let world = web().await;
    let _leader = Replica::leading(&world, "a").await;
    let standby = Replica::start(&world, "b");
    tokio::time::sleep(seconds(5.0)).await;
    standby.stop().await;
    assert_eq!(world.lease().await.unwrap().holder_identity.as_deref(), Some("a"));
}
