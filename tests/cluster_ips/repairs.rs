//! What does not fit together is found, and repaired where that is safe.

use std::time::Duration;

use sandbox::{Action, Fault, Verb};
use serde_json::{Value, json};
use support::{World, service};

use crate::view::{
    CLAIMS, GRACE, claims, events, is_consistent, is_settled, roster, until_addressed,
};

/// A claim on an address of 10.96.0.0/24 for a Service, under the label of a manager.
fn claim(last: &str, name: &str, manager: &str) -> Value {
    let labels = json!({
        "ipaddress.kubernetes.io/managed-by": manager,
        "ipaddress.kubernetes.io/ip-family": "IPv4",
    });
    let parent = json!({"resource": "services", "namespace": "default", "name": name});
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
        "metadata": {"name": format!("10.96.0.{last}"), "labels": labels},
        "spec": {"parentRef": parent},
    })
}

fn asks(address: &str) -> Value {
    json!({"clusterIP": address, "clusterIPs": [address]})
}

#[tokio::test(start_paused = true)]
async fn damage_is_found_at_the_start_and_while_it_runs_and_what_is_safe_is_repaired() {
    let world = World::without_allocator("10.96.0.0/24", None).await;
    world.cluster.create(service("bare", asks("10.96.0.20"))).await;
    world.cluster.create(claim("30", "long-gone", "ipallocator.k8s.io")).await;
    world.cluster.create(claim("40", "kept", "example.com")).await;
    let roster = roster(&world);
    tokio::time::sleep(GRACE).await;
    let wanted = ["10.96.0.1 kubernetes", "10.96.0.20 bare", "10.96.0.40 kept"];
    assert_eq!(claims(&world).await, wanted);

    world.cluster.delete("IPAddress", "10.96.0.20").await;
    world.cluster.create(service("twin", asks("10.96.0.20"))).await;
    let twice = vec!["ClusterIPAlreadyAllocated".to_owned()];
    world.cluster.until(twice, async || events(&world, "twin").await).await;
    let counted = async || world.cluster.event_counts("twin").await[0];
    let before = counted().await;
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert!(counted().await > before, "it is told again for as long as it lasts");
    assert_eq!(claims(&world).await.len(), wanted.len());
    roster.stop().await;
}

/// By whom a claim is managed, and its uid.
async fn manager(world: &World, address: &str) -> (String, String) {
    let claim = world.cluster.get("IPAddress", address).await.unwrap();
    let metadata = &claim["metadata"];
    let manager = &metadata["labels"]["ipaddress.kubernetes.io/managed-by"];
    (manager.as_str().unwrap_or_default().to_owned(), metadata["uid"].as_str().unwrap().to_owned())
}

const OURS: &str = "clusterip-controller.roster.dev";
const OF_SERVER: &str = "ipallocator.k8s.io";

#[tokio::test(start_paused = true)]
async fn a_claim_gets_the_labels_of_kube_apiserver_a_minute_after_it_was_made() {
    let world = World::without_allocator("10.96.0.0/24", None).await;
    let roster = roster(&world);
    world.cluster.create(service("web", json!({}))).await;
    let given = until_addressed(&world, "web", 1).await;
    tokio::time::sleep(Duration::from_secs(55)).await;
    let (before, uid) = manager(&world, &given[0]).await;
    assert_eq!(before, OURS);
    let relabelled = (OF_SERVER.to_owned(), uid);
    world.cluster.until(relabelled, async || manager(&world, &given[0]).await).await;
    let claim = world.cluster.get("IPAddress", &given[0]).await.unwrap();
    let service = world.cluster.get("Service", "web").await.unwrap();
    let annotation = &claim["metadata"]["annotations"]["roster.dev/service-uid"];
    assert_eq!(*annotation, service["metadata"]["uid"], "nothing else has changed");
    is_settled(&world).await;
    world.cluster.delete("Service", "web").await;
    is_consistent(&world).await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_service_wins_over_claims_of_others_on_its_address() {
    let world = World::without_allocator("10.96.0.0/24", None).await;
    let roster = roster(&world);
    for (last, manager) in [("20", "example.com"), ("21", OF_SERVER)] {
        let mut reserved = claim(last, "nobody", manager);
        let host = json!({"group": "example.com", "resource": "hosts", "name": "h"});
        reserved["spec"]["parentRef"] = host;
        world.cluster.create(reserved).await;
        world
            .cluster
            .create(service(&format!("on-{last}"), asks(&format!("10.96.0.{last}"))))
            .await;
    }
    world.cluster.create(claim("22", "on-22", "example.com")).await;
    world.cluster.create(service("on-22", asks("10.96.0.22"))).await;
    world.cluster.create(claim("23", "on-23", OF_SERVER)).await;
    world.cluster.create(service("on-23", asks("10.96.0.23"))).await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(manager(&world, "10.96.0.20").await.0, "example.com", "it gets a minute");
    let (_, kept) = manager(&world, "10.96.0.22").await;
    tokio::time::sleep(GRACE).await;
    is_consistent(&world).await;
    for last in 20..24 {
        let address = format!("10.96.0.{last}");
        assert_eq!(manager(&world, &address).await.0, OF_SERVER, "{address}");
    }
    assert_eq!(manager(&world, "10.96.0.22").await.1, kept, "its own claim is relabelled in place");
    for (name, told) in [("on-20", 1), ("on-21", 1), ("on-22", 0), ("on-23", 0)] {
        let repaired = vec!["ClusterIPNotAllocated".to_owned(); told];
        assert_eq!(events(&world, name).await, repaired, "{name}");
    }
    is_settled(&world).await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reservation_that_nobody_uses_stays_for_ever() {
    let world = World::without_allocator("10.96.0.0/28", None).await;
    world.cluster.create(claim("5", "nobody", "example.com")).await;
    let roster = roster(&world);
    let (_, before) = manager(&world, "10.96.0.5").await;
    for number in 0..12 {
        world.cluster.create(service(&format!("web-{number}"), json!({}))).await;
    }
    tokio::time::sleep(Duration::from_secs(400)).await;
    assert_eq!(manager(&world, "10.96.0.5").await.1, before);
    assert_eq!(claims(&world).await.len(), 14, "all others are given");
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn if_one_of_two_families_cannot_be_claimed_the_other_is_not_kept() {
    let world = World::without_allocator("10.96.0.0/24", Some("fd00:96::/120")).await;
    let roster = roster(&world);
    is_consistent(&world).await;
    let before = world.writes(CLAIMS).len();
    for _ in 0..8 {
        world.fault(Fault::of(Verb::Create, CLAIMS, Action::Delay(Duration::ZERO)));
        world.fault(Fault::of(Verb::Create, CLAIMS, Action::refuse(403, "Forbidden")));
    }
    world.cluster.create(service("web", json!({"ipFamilyPolicy": "RequireDualStack"}))).await;
    let tried = async || world.writes(CLAIMS).len() >= before + 15;
    world.cluster.until(true, tried).await;
    for attempt in world.writes(CLAIMS)[before..].chunks_exact(3).take(5) {
        assert_eq!(attempt, ["create 201", "create 403", "delete 200"]);
    }
    let told = vec!["FailedToAllocateClusterIP".to_owned()];
    world.cluster.until(told, async || events(&world, "web").await).await;
    until_addressed(&world, "web", 2).await;
    is_consistent(&world).await;
    roster.stop().await;
}
