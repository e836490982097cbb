//! Services get the addresses that they need, or are told why not.

use sandbox::{Action, Fault, Verb};
use serde_json::json;
use support::{World, service};

use crate::view::{
    CLAIMS, GRACE, SERVICES, addresses, claims, events, fields, is_consistent, is_settled, roster,
    until_addressed,
};

#[tokio::test(start_paused = true)]
async fn a_service_gets_an_address_under_a_claim_that_was_there_first() {
    let world = World::without_allocator("10.96.0.0/16", None).await;
    let roster = roster(&world);
    world.cluster.create(service("web", json!({}))).await;
    let given = until_addressed(&world, "web", 1).await;
    assert_eq!(fields(&world, "web").await, json!([given[0], given, ["IPv4"], "SingleStack"]));
    let requests = world.sandbox.requests().into_iter();
    let writes: Vec<(Verb, &str)> = requests
        .filter(|served| served.place.contains("web") || served.place.contains(&given[0]))
        .filter(|served| matches!(served.verb, Verb::Create | Verb::Update))
        .map(|served| (served.verb, served.plural))
        .collect();
    assert_eq!(
        writes.last(),
        Some(&(Verb::Update, SERVICES)),
        "the Service is written last, and once: {writes:?}"
    );
    let claim = world.cluster.get("IPAddress", &given[0]).await.unwrap();
    let uid = world.cluster.get("Service", "web").await.unwrap()["metadata"]["uid"].clone();
    assert_eq!(claim["metadata"]["annotations"]["roster.dev/service-uid"], uid);
    assert_eq!(
        claim["spec"]["parentRef"],
        json!({"group": "", "resource": "services", "namespace": "default", "name": "web"})
    );
    is_consistent(&world).await;
    is_settled(&world).await;
    assert_eq!(world.writes(SERVICES).iter().filter(|write| *write == "update 200").count(), 1);
    assert_eq!(events(&world, "web").await, [""; 0]);
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn services_of_all_shapes_get_the_addresses_that_they_ask_for() {
    let world = World::without_allocator("10.96.0.0/16", Some("fd00:96::/112")).await;
    let roster = roster(&world);
    for (name, spec, families) in [
        ("plain", json!({}), json!(["IPv4"])),
        ("prefer", json!({"ipFamilyPolicy": "PreferDualStack"}), json!(["IPv4", "IPv6"])),
        ("require", json!({"ipFamilyPolicy": "RequireDualStack"}), json!(["IPv4", "IPv6"])),
        ("six", json!({"ipFamilies": ["IPv6"]}), json!(["IPv6"])),
        (
            "six-first",
            json!({"ipFamilies": ["IPv6"], "ipFamilyPolicy": "PreferDualStack"}),
            json!(["IPv6", "IPv4"]),
        ),
        (
            "given-and-another",
            json!({"clusterIP": "10.96.7.7", "clusterIPs": ["10.96.7.7"],
                   "ipFamilyPolicy": "RequireDualStack"}),
            json!(["IPv4", "IPv6"]),
        ),
        ("node-port", json!({"type": "NodePort"}), json!(["IPv4"])),
    ] {
        world.cluster.create(service(name, spec)).await;
        let count = families.as_array().unwrap().len();
        let given = until_addressed(&world, name, count).await;
        let fields = fields(&world, name).await;
        assert_eq!((&fields[0], &fields[2]), (&json!(given[0]), &families), "{name}");
        for (family, address) in families.as_array().unwrap().iter().zip(&given) {
            assert_eq!(family == "IPv6", address.contains(':'), "{name} {given:?}");
        }
    }
    for (name, spec) in [
        ("headless", json!({"clusterIP": "None"})),
        ("external", json!({"type": "ExternalName", "externalName": "example.com"})),
    ] {
        world.cluster.create(service(name, spec)).await;
    }
    is_consistent(&world).await;
    is_settled(&world).await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_had_is_told_on_the_service() {
    let world = World::without_allocator("10.96.0.0/24", None).await;
    let roster = roster(&world);
    let asks = |address: &str| json!({"clusterIP": address, "clusterIPs": [address]});
    world.cluster.create(service("first", asks("10.96.0.9"))).await;
    is_consistent(&world).await;
    for (name, spec, reason) in [
        ("second", asks("10.96.0.9"), "ClusterIPAlreadyAllocated"),
        ("stray", asks("10.97.0.9"), "ClusterIPOutOfRange"),
        ("network", asks("10.96.0.0"), "ClusterIPOutOfRange"),
        ("two", json!({"ipFamilyPolicy": "RequireDualStack"}), "FailedToAllocateClusterIP"),
        ("other", json!({"ipFamilies": ["IPv6"]}), "FailedToAllocateClusterIP"),
    ] {
        world.cluster.create(service(name, spec)).await;
        let told = vec![reason.to_owned()];
        world.cluster.until(told, async || events(&world, name).await).await;
    }
    assert_eq!(
        claims(&world).await,
        ["10.96.0.1 kubernetes", "10.96.0.9 first"],
        "nothing is claimed for those"
    );
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_range_says_so_and_the_next_address_that_comes_free_is_given_at_once() {
    let world = World::without_allocator("10.96.0.0/29", None).await;
    let roster = roster(&world);
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        world.cluster.create(service(name, json!({}))).await;
        until_addressed(&world, name, 1).await;
    }
    world.cluster.create(service("late", json!({}))).await;
    let full = "failed to allocate a cluster IP: IPv4: range is full";
    let told = vec![("FailedToAllocateClusterIP".to_owned(), full.to_owned())];
    world.cluster.until(told, async || world.cluster.events("late").await).await;
    let freed = addresses(&world, "c").await;
    let asked = (world.clock)();
    world.cluster.delete("Service", "c").await;
    assert_eq!(until_addressed(&world, "late", 1).await, freed);
    let took = (world.clock)().duration_since(asked);
    assert!(took.as_secs() < 5, "{took}");
    is_consistent(&world).await;
    is_settled(&world).await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_address_that_somebody_else_claims_first_is_left_to_them() {
    let world = World::without_allocator("10.96.0.0/29", None).await;
    let roster = roster(&world);
    is_consistent(&world).await;
    world.sandbox.faults().hold_watches(CLAIMS);
    for last in 2..6 {
        world
            .cluster
            .create(json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
                "metadata": {"name": format!("10.96.0.{last}")},
                "spec": {"parentRef": {"group": "example.com", "resource": "hosts", "name": "h"}},
            }))
            .await;
    }
    world.cluster.create(service("web", json!({}))).await;
    assert_eq!(until_addressed(&world, "web", 1).await, ["10.96.0.6"], "the only one left");
    assert_eq!(events(&world, "web").await, [""; 0]);
    world.sandbox.faults().release_watches(CLAIMS);
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_gives_addresses_by_itself_is_left_to_do_so() {
    let world = World::new().await;
    let api_server = "192.0.2.1:6443".parse().unwrap();
    let addresses = sandbox::Addresses::default();
    world.sandbox.bootstrap(&sandbox::Bootstrap { addresses, api_server });
    let roster = roster(&world);
    world.cluster.create(service("web", json!({}))).await;
    roster.synced().await;
    let asked = async || world.writes(SERVICES);
    world.cluster.until(vec!["create 201".to_owned(); 2], asked).await;
    world.cluster.delete("Service", "web").await;
    tokio::time::sleep(GRACE).await;
    assert_eq!(world.writes(CLAIMS), [""; 0]);
    assert_eq!(claims(&world).await, ["10.96.0.1 kubernetes"]);
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_cannot_be_written_at_once_keeps_its_one_claim() {
    let world = World::without_allocator("10.96.0.0/24", None).await;
    let roster = roster(&world);
    is_consistent(&world).await;
    let before = world.writes(CLAIMS).len();
    let conflict = Fault::of(Verb::Update, SERVICES, Action::refuse(409, "Conflict"));
    world.fault(conflict.times(2));
    world.cluster.create(service("web", json!({}))).await;
    let given = until_addressed(&world, "web", 1).await;
    assert_eq!(world.writes(CLAIMS)[before..], ["create 201"]);
    assert!(claims(&world).await.contains(&format!("{} web", given[0])));
    assert_eq!(events(&world, "web").await, [""; 0], "a conflict is nobody's trouble");
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_service_cidr_serves_those_who_wait_once_it_is_ready() {
    let world = World::without_allocator("10.96.0.0/29", None).await;
    let roster = roster(&world);
    for name in ["a", "b", "c", "d", "e"] {
        world.cluster.create(service(name, json!({}))).await;
        until_addressed(&world, name, 1).await;
    }
    world.cluster.create(service("late", json!({}))).await;
    let told = vec!["FailedToAllocateClusterIP".to_owned()];
    world.cluster.until(told, async || events(&world, "late").await).await;
    world
        .cluster
        .create(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
            "metadata": {"name": "second", "finalizers": ["networking.k8s.io/service-cidr-finalizer"]},
            "spec": {"cidrs": ["10.97.0.0/28"]},
        }))
        .await;
    let given = until_addressed(&world, "late", 1).await;
    assert!(given[0].starts_with("10.97.0."), "{given:?}");

    world.cluster.delete("ServiceCIDR", "second").await;
    world.cluster.create(service("later", json!({}))).await;
    let full = "failed to allocate a cluster IP: IPv4: range is full".to_owned();
    let told = vec![("FailedToAllocateClusterIP".to_owned(), full)];
    world.cluster.until(told, async || world.cluster.events("later").await).await;
    assert_eq!(addresses(&world, "late").await, given, "it keeps its own");
    roster.stop().await;
}
