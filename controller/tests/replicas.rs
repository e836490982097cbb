//! Two replicas of the program on the real API server: who leads, how long a hand-over takes, and that
//! never two of them write.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod program;

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use program::stage::{LEASE, Stage};
use serde_json::json;
use testbed::{ControllerManager, ControllerManagerOptions, Signal};

#[tokio::test(flavor = "multi_thread")]
async fn leadership_goes_from_one_to_the_other_and_never_do_two_write() {
    let stage = Stage::set().await;
    let mut a = stage.replica("a").await;
    let first = stage.new_holder(LEASE, "").await;
    let mut b = stage.replica("b").await;
    b.says("Standing by").await;
    b.says("Listed\" kind=\"EndpointSlice\"").await;
    let churn = stage.churn();
    stage.until_writes("a", 20).await;

    let planned = Instant::now();
    a.signal("TERM");
    let second = stage.new_holder(LEASE, &first).await;
    let planned = planned.elapsed();
    assert_eq!(a.ends().await.code(), Some(0));
    assert_eq!(stage.lease(LEASE).await.unwrap().spec.unwrap().lease_transitions, Some(1));

    let mut a = stage.replica("a").await;
    a.says("Standing by").await;
    stage.until_writes("b", 20).await;
    let killed = Instant::now();
    b.signal("KILL");
    let third = stage.new_holder(LEASE, &second).await;
    let killed = killed.elapsed();
    assert_eq!(b.ends().await.code(), None);

    let b = stage.replica("b").await;
    b.says("Standing by").await;
    stage.until_writes("a", 20).await;
    let stopped = Instant::now();
    a.signal("STOP");
    stage.new_holder(LEASE, &third).await;
    let stopped = stopped.elapsed();
    stage.until_writes("b", 20).await;
    let woken = Instant::now();
    a.signal("CONT");
    assert_eq!(a.ends().await.code(), Some(1));
    let woken = woken.elapsed();
    a.says("leaderelection lost").await;

    churn.abort();
    stage.all_ready().await;
    assert_eq!(stage.audit.writers(), ["a", "b", "a", "b"], "in blocks, and never in turns");
    println!(
        "Roster: SIGTERM {planned:.1?}, kill -9 {killed:.1?}, SIGSTOP {stopped:.1?}, ended {woken:.1?} \
         after it was resumed"
    );
    assert!(planned < Duration::from_secs(2), "a planned hand-over took {planned:?}");
    for unplanned in [killed, stopped] {
        assert!(unplanned < Duration::from_secs(18), "a take-over took {unplanned:?}");
    }
    assert!(woken < Duration::from_secs(3), "it went on for {woken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_deleted_is_made_again_and_one_that_is_stolen_ends_the_leader() {
    let stage = Stage::set().await;
    let mut a = stage.replica("a").await;
    let holder = stage.new_holder(LEASE, "").await;
    let acquired = stage.lease(LEASE).await.unwrap().spec.unwrap().acquire_time;
    let leases: Api<Lease> = Api::namespaced(stage.cluster.client.clone(), "kube-system");
    leases.delete(LEASE, &kube::api::DeleteParams::default()).await.unwrap();
    assert_eq!(stage.new_holder(LEASE, "").await, holder);
    assert_eq!(stage.lease(LEASE).await.unwrap().spec.unwrap().acquire_time, acquired);

    let theft = json!({"spec": {"holderIdentity": "thief"}});
    let merge = kube::api::Patch::Merge(theft);
    leases.patch(LEASE, &kube::api::PatchParams::default(), &merge).await.unwrap();
    let stolen = Instant::now();
    assert_eq!(a.ends().await.code(), Some(1));
    assert!(stolen.elapsed() < Duration::from_secs(5), "it took {:?}", stolen.elapsed());
    a.says("the Lease is held by thief").await;
    assert_eq!(stage.holder(LEASE).await, "thief");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_silent_at_the_end_holds_nobody_up() {
    let stage = Stage::set().await;
    let freeze = |name: &str| {
        let pid = stage.server.pid().unwrap().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    };
    let mut a = stage.replica("a").await;
    stage.new_holder(LEASE, "").await;
    stage.all_ready().await;
    stage.cluster.until_silent().await;
    freeze("STOP");
    let asked = Instant::now();
    a.signal("TERM");
    assert_eq!(a.ends().await.code(), Some(0), "nothing was in flight");
    assert!(asked.elapsed() < Duration::from_secs(9), "it took {:?}", asked.elapsed());
    a.says("Failed to release lease; it expires by itself").await;

    freeze("CONT");
    // What the first one sent at the end may be read only now, and then the Lease is free at once.
    let mut b = stage.replica("b").await;
    b.says("Successfully acquired lease").await;
    freeze("STOP");
    b.signal("TERM");
    b.says("Shutting down").await;
    let again = Instant::now();
    b.signal("TERM");
    assert_eq!(b.ends().await.code(), Some(1));
    assert!(again.elapsed() < Duration::from_secs(2), "it took {:?}", again.elapsed());
    freeze("CONT");
}

/// For the same run on the same machine: what kube-controller-manager needs.
#[tokio::test(flavor = "multi_thread")]
async fn the_stock_manager_beside_it_has_an_election_of_its_own() {
    let stage = Stage::set().await;
    let start = async || {
        let mut options = ControllerManagerOptions::unhurried(&["endpointslice-controller"]);
        options.flags.push("--leader-elect=true".to_owned());
        ControllerManager::start(&stage.server, options).await.unwrap()
    };
    let lease = "kube-controller-manager";
    let a = start().await;
    let first = stage.new_holder(lease, "").await;
    let b = start().await;
    stage.until_renewed(lease, 3).await;
    let planned = Instant::now();
    a.stop(Signal::TERM);
    let second = stage.new_holder(lease, &first).await;
    let planned = planned.elapsed();
    let _a = start().await;
    stage.until_renewed(lease, 3).await;
    let killed = Instant::now();
    b.stop(Signal::KILL);
    stage.new_holder(lease, &second).await;
    let killed = killed.elapsed();
    println!("kube-controller-manager: SIGTERM {planned:.1?}, kill -9 {killed:.1?}");
    assert!(planned > Duration::from_secs(2) && killed > Duration::from_secs(2));
}
