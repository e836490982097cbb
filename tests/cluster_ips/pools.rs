//! Addresses out of pools.

use std::time::Duration;

use serde_json::{Value, json};
use support::{World, service};

use crate::view::{addresses, events, is_consistent, roster, until_addressed};

async fn define_pools(world: &World) {
    let definition = include_str!("../../crds/yaml/clusterippools.yaml");
    world.cluster.create(serde_saphyr::from_str(definition).unwrap()).await;
}

/// A pool for the namespace `default`.
fn pool(name: &str, enforcement: &str, range: &str) -> Value {
    json!({
        "apiVersion": "roster.dev/v1alpha1", "kind": "ClusterIPPool",
        "metadata": {"name": name},
        "spec": {"ranges": [range], "namespaces": ["default"], "enforcement": enforcement},
    })
}

/// The status of a condition of a pool.
fn condition(pool: &Value, kind: &str) -> Value {
    let conditions = pool["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let condition = conditions.into_iter().find(|condition| condition["type"] == kind);
    condition.map(|condition| condition["status"].clone()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn pools_count_from_when_they_are_defined() {
    let world = World::without_allocator("10.96.0.0/16", None).await;
    let roster = roster(&world);
    world.cluster.create(service("before", json!({}))).await;
    until_addressed(&world, "before", 1).await;
    define_pools(&world).await;
    world.cluster.create(pool("two", "Require", "10.96.8.4/31")).await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    for name in ["one", "two"] {
        world.cluster.create(service(name, json!({}))).await;
        let given = until_addressed(&world, name, 1).await;
        assert!(["10.96.8.4", "10.96.8.5"].contains(&&*given[0]), "{given:?}");
    }
    world.cluster.create(service("three", json!({}))).await;
    let full = "failed to allocate a cluster IP: ClusterIPPool two must give the address and is \
                exhausted (0 of 2 free); free an address or add a range";
    let told = vec![("FailedToAllocateClusterIP".to_owned(), full.to_owned())];
    world.cluster.until(told, async || world.cluster.events("three").await).await;
    let status = async || {
        let pool = world.cluster.get("ClusterIPPool", "two").await.unwrap();
        let [used, available] = ["used", "available"].map(|of| pool["status"][of]["IPv4"].clone());
        json!([used, available, condition(&pool, "Ready"), condition(&pool, "Exhausted")])
    };
    world.cluster.until(json!([2, 0, "True", "True"]), status).await;
    world.cluster.patch("ClusterIPPool", "two", json!({"spec": {"enforcement": "Prefer"}})).await;
    until_addressed(&world, "three", 1).await;
    is_consistent(&world).await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_nearly_full_says_so_once_and_its_gauges_follow() {
    let world = World::without_allocator("10.96.0.0/16", None).await;
    define_pools(&world).await;
    world.cluster.create(pool("ten", "Prefer", "10.96.8.10-10.96.8.19")).await;
    let roster = roster(&world);
    for name in 0..8 {
        world.cluster.create(service(&format!("web-{name}"), json!({}))).await;
        until_addressed(&world, &format!("web-{name}"), 1).await;
    }
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(events(&world, "ten").await, [""; 0], "eight of ten are not nearly all");
    world.cluster.create(service("ninth", json!({}))).await;
    let told = ("NearlyFull".to_owned(), "9 of 10 IPv4 addresses are used".to_owned());
    world.cluster.until(vec![told.clone()], async || world.cluster.events("ten").await).await;
    for (what, value) in [("capacity", 10), ("used", 9), ("available", 1)] {
        let line = format!("roster_cluster_ip_pool_{what}{{family=\"IPv4\",pool=\"ten\"}} {value}");
        assert!(roster.metrics().contains(&line), "{line}");
    }
    world.cluster.create(service("tenth", json!({}))).await;
    let exhausted =
        async || condition(&world.cluster.get("ClusterIPPool", "ten").await.unwrap(), "Exhausted");
    world.cluster.until(json!("True"), exhausted).await;
    assert_eq!(world.cluster.events("ten").await, [told]);
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn of_two_pools_that_bind_a_service_the_second_is_in_conflict() {
    let world = World::without_allocator("10.96.0.0/16", None).await;
    define_pools(&world).await;
    world.cluster.create(pool("first", "Require", "10.96.8.0/28")).await;
    world.cluster.create(pool("second", "Exclusive", "10.96.9.0/28")).await;
    let roster = roster(&world);
    world.cluster.create(service("web", json!({}))).await;
    let conflicts = async || {
        let [first, second] = ["first", "second"].map(async |name| {
            condition(&world.cluster.get("ClusterIPPool", name).await.unwrap(), "Conflict")
        });
        (first.await, second.await)
    };
    world.cluster.until((json!("False"), json!("True")), conflicts).await;
    let given = until_addressed(&world, "web", 1).await;
    assert!(given[0].starts_with("10.96.8."), "{given:?}");
    world.cluster.delete("ClusterIPPool", "second").await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_a_pool_touches_no_address_in_use() {
    let world = World::without_allocator("10.96.0.0/16", None).await;
    define_pools(&world).await;
    world.cluster.create(pool("shop", "Require", "10.96.8.0/28")).await;
    world.cluster.create(pool("other", "Prefer", "10.96.9.0/28")).await;
    let roster = roster(&world);
    world.cluster.create(service("web", json!({}))).await;
    let given = until_addressed(&world, "web", 1).await;

    let moved = json!({"spec": {"ranges": ["10.96.10.0/28"]}});
    world.cluster.patch("ClusterIPPool", "shop", moved).await;
    let told = vec!["ClusterIPPoolMismatch".to_owned()];
    world.cluster.until(told, async || events(&world, "web").await).await;
    let disabled = json!({"spec": {"disabled": true}});
    world.cluster.patch("ClusterIPPool", "shop", disabled).await;
    world.cluster.create(service("late", json!({}))).await;
    let refused = "failed to allocate a cluster IP: ClusterIPPool shop must give the address and is \
                   disabled; enable it";
    let told = vec![("FailedToAllocateClusterIP".to_owned(), refused.to_owned())];
    world.cluster.until(told, async || world.cluster.events("late").await).await;

    let status =
        async || world.cluster.get("ClusterIPPool", "other").await.unwrap()["status"].clone();
    let before = status().await;
    world.cluster.delete("ClusterIPPool", "shop").await;
    until_addressed(&world, "late", 1).await;
    assert_eq!(addresses(&world, "web").await, given);
    assert_eq!(status().await["capacity"], before["capacity"]);
    is_consistent(&world).await;
    roster.stop().await;
}
