//! What becomes of holds: the leader lets go of them when they have done their work. Time stands still
//! in these tests while anything runs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::time::Duration;

use controller_core::key::Controller;
use sandbox::{Action, Fault, Refused, Verb};
use serde_json::{Value, json};
use support::roster::of_controllers;
use support::{Roster, World, service};

/// A cluster without an allocator, which knows what a hold is.
async fn world() -> World {
    let world = World::without_allocator("10.96.0.0/28", None).await;
    let definition = include_str!("../crds/yaml/clusteripholds.yaml");
    world.cluster.create(serde_saphyr::from_str(definition).unwrap()).await;
    world
}

fn roster(world: &World) -> Roster {
    world.roster_with(of_controllers(&[Controller::ClusterIp]))
}

fn hold(name: &str) -> Value {
    json!({
        "apiVersion": "roster.dev/v1alpha1", "kind": "ClusterIPHold", "metadata": {"name": name},
        "spec": {
            "service": {"namespace": "default", "name": "web"},
            "requestUID": "request", "holder": "a replica",
        },
    })
}

/// Seconds from now until a hold is gone.
async fn life_of(world: &World, name: &str) -> i64 {
    let began = (world.clock)();
    while world.cluster.get("ClusterIPHold", name).await.is_some() {
        let lasts = (world.clock)().duration_since(began).as_secs();
        assert!(lasts < 600, "it never goes");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (world.clock)().duration_since(began).as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_hold_goes_ten_seconds_after_the_claim_on_its_address_has_appeared() {
    let world = world().await;
    let roster = roster(&world);
    world.cluster.create(hold("v4-10-96-0-9")).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let asks = json!({"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]});
    world.cluster.create(service("web", asks)).await;
    let life = life_of(&world, "v4-10-96-0-9").await;
    assert!((10..=13).contains(&life), "{life}");
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_hold_whose_service_never_came_goes_after_two_minutes() {
    let world = world().await;
    let roster = roster(&world);
    world.cluster.create(hold("v4-10-96-0-9")).await;
    let life = life_of(&world, "v4-10-96-0-9").await;
    assert!((120..=123).contains(&life), "{life}");
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_held_is_given_to_nobody_until_it_is_let_go() {
    let world = world().await;
    let roster = roster(&world);
    for last in 2..15 {
        world.cluster.create(hold(&format!("v4-10-96-0-{last}"))).await;
    }
    let told = async || !world.cluster.events("web").await.is_empty();
    world.cluster.create(service("web", json!({}))).await;
    world.cluster.until(true, told).await;
    let life = life_of(&world, "v4-10-96-0-2").await;
    assert!((110..=123).contains(&life), "{life}");
    let addressed = async || {
        let service = world.cluster.get("Service", "web").await.unwrap();
        service["spec"]["clusterIP"].is_string()
    };
    world.cluster.until(true, addressed).await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_cannot_be_removed_is_removed_later() {
    let world = world().await;
    world.fault(Fault::of(
        Verb::Delete,
        "clusteripholds",
        Action::Refuse(Refused::with(500, "InternalError")),
    ));
    let roster = roster(&world);
    world.cluster.create(hold("v4-10-96-0-9")).await;
    let life = life_of(&world, "v4-10-96-0-9").await;
    assert!((130..=135).contains(&life), "{life}");
    assert_eq!(world.writes("clusteripholds"), ["create 201", "delete 500", "delete 200"]);
    roster.stop().await;
}
