//! What becomes of addresses that a Service gives up.

use serde_json::json;
use support::{World, service};

use crate::view::{claims, is_consistent, is_settled, roster, until_addressed};

#[tokio::test(start_paused = true)]
async fn an_address_that_is_given_up_is_free() {
    let world = World::without_allocator("10.96.0.0/16", Some("fd00:96::/112")).await;
    let roster = roster(&world);
    for name in ["deleted", "renamed", "halved", "again"] {
        let spec = json!({"ipFamilyPolicy": "RequireDualStack"});
        world.cluster.create(service(name, spec)).await;
        until_addressed(&world, name, 2).await;
    }
    world.cluster.delete("Service", "deleted").await;
    let external = json!({"type": "ExternalName", "externalName": "example.com", "clusterIP": "",
                          "clusterIPs": null, "ipFamilies": null, "ipFamilyPolicy": null});
    world.cluster.patch("Service", "renamed", json!({"spec": external})).await;
    let single = json!({"ipFamilyPolicy": "SingleStack"});
    world.cluster.patch("Service", "halved", json!({"spec": single})).await;
    until_addressed(&world, "halved", 1).await;
    world.cluster.delete("Service", "again").await;
    world.cluster.create(service("again", json!({}))).await;
    until_addressed(&world, "again", 1).await;
    is_consistent(&world).await;
    is_settled(&world).await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_stays_while_a_finalizer_holds_its_service() {
    let world = World::without_allocator("10.96.0.0/16", None).await;
    let roster = roster(&world);
    let mut held = service("web", json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/held"]);
    world.cluster.create(held).await;
    let given = until_addressed(&world, "web", 1).await;
    world.cluster.delete("Service", "web").await;
    is_settled(&world).await;
    assert!(claims(&world).await.contains(&format!("{} web", given[0])));
    world.cluster.patch("Service", "web", json!({"metadata": {"finalizers": null}})).await;
    is_consistent(&world).await;
    roster.stop().await;
}
