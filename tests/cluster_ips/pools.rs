//! Addresses out of pools.

use std::time::Duration;

use serde_json::json;
use support::{World, service};

use crate::view::{is_consistent, roster, until_addressed};

#[tokio::test(start_paused = true)]
async fn pools_count_from_when_they_are_defined() {
    let world = World::without_allocator("10.96.0.0/16", None).await;
    let roster = roster(&world);
    world.cluster.create(service("before", json!({}))).await;
    until_addressed(&world, "before", 1).await;
    let definition = include_str!("../../crds/yaml/clusterippools.yaml");
    world.cluster.create(serde_saphyr::from_str(definition).unwrap()).await;
    let pool = json!({
        "apiVersion": "roster.dev/v1alpha1", "kind": "ClusterIPPool",
        "metadata": {"name": "two"},
        "spec": {"ranges": ["10.96.8.4/31"], "namespaces": ["default"], "enforcement": "Require"},
    });
    world.cluster.create(pool).await;
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
        let status = &pool["status"];
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let holds = |kind: &str| {
            let mut of_kind = conditions.iter().filter(|condition| condition["type"] == kind);
            of_kind.next().map(|condition| condition["status"].clone())
        };
        json!([
            status["used"]["IPv4"],
            status["available"]["IPv4"],
            holds("Ready"),
            holds("Exhausted")
        ])
    };
    world.cluster.until(json!([2, 0, "True", "True"]), status).await;
    world.cluster.patch("ClusterIPPool", "two", json!({"spec": {"enforcement": "Prefer"}})).await;
    until_addressed(&world, "three", 1).await;
    is_consistent(&world).await;
    roster.stop().await;
}
