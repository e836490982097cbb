//! ClusterIPs on an API server that gives none: what the ClusterIP controller claims and writes, and
//! what is left of that when the API server or Roster itself breaks off. Time stands still in these
//! tests while anything runs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::time::Duration;

use controller_core::key::Controller;
use sandbox::{Action, Fault, Refused, Verb};
use serde_json::{Value, json};
use support::roster::of_controllers;
use support::{Roster, World, service};

const CLAIMS: &str = "ipaddresses";
const SERVICES: &str = "services";

/// Claims that have no Service go after this long, if nobody saw the Service go.
const GRACE: Duration = Duration::from_secs(140);

fn roster(world: &World) -> Roster {
    world.roster_with(of_controllers(&[Controller::ClusterIp]))
}

/// The four fields of a Service that tell its addresses.
async fn fields(world: &World, name: &str) -> Value {
    let service = world.cluster.get("Service", name).await.unwrap();
    let spec = &service["spec"];
    json!([spec["clusterIP"], spec["clusterIPs"], spec["ipFamilies"], spec["ipFamilyPolicy"]])
}

async fn addresses(world: &World, name: &str) -> Vec<String> {
    let service = world.cluster.get("Service", name).await.unwrap();
    let listed = service["spec"]["clusterIPs"].as_array().cloned().unwrap_or_default();
    listed.iter().map(|address| address.as_str().unwrap().to_owned()).collect()
}

async fn until_addressed(world: &World, name: &str, count: usize) -> Vec<String> {
    world.cluster.until(count, async || addresses(world, name).await.len()).await;
    addresses(world, name).await
}

/// The Services that addresses are claimed for: `ADDRESS NAME`.
async fn claims(world: &World) -> Vec<String> {
    let claims = world.cluster.list("IPAddress", "").await.into_iter();
    let mut claims: Vec<String> = claims
        .map(|claim| {
            let name = claim["metadata"]["name"].as_str().unwrap().to_owned();
            format!("{name} {}", claim["spec"]["parentRef"]["name"].as_str().unwrap())
        })
        .collect();
    claims.sort();
    claims
}

/// Everything that is listed is claimed for whoever lists it, and nothing else is claimed.
async fn is_consistent(world: &World) {
    let mut wanted = Vec::new();
    for service in world.cluster.list("Service", "").await {
        let name = service["metadata"]["name"].as_str().unwrap();
        let listed = service["spec"]["clusterIPs"].as_array().cloned().unwrap_or_default();
        let real = listed.iter().filter_map(Value::as_str).filter(|address| *address != "None");
        wanted.extend(real.map(|address| format!("{address} {name}")));
    }
    wanted.sort();
    world.cluster.until(wanted, async || claims(world).await).await;
}

/// Nothing is written for a while.
async fn is_settled(world: &World) {
    let writes = || (world.writes(CLAIMS).len(), world.writes(SERVICES).len());
    let before = writes();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(writes(), before, "something is written to a settled cluster");
}

async fn events(world: &World, name: &str) -> Vec<String> {
    world.cluster.events(name).await.into_iter().map(|(reason, _)| reason).collect()
}

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

/// Breaks off at one write, each way that it can, and starts another Roster.
#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_leaves_nothing_behind_and_gives_nothing_twice() {
    for (verb, plural) in [(Verb::Create, CLAIMS), (Verb::Update, SERVICES), (Verb::Delete, CLAIMS)]
    {
        for action in [
            Action::CutBefore,
            Action::Cut,
            Action::Garble,
            Action::RefuseAfterwards(Refused::with(504, "Timeout")),
        ] {
            let world = World::without_allocator("10.96.0.0/28", None).await;
            let first = roster(&world);
            is_consistent(&world).await;
            world.fault(Fault::of(verb, plural, action.clone()));
            world.cluster.create(service("web", json!({}))).await;
            if verb == Verb::Delete {
                until_addressed(&world, "web", 1).await;
                world.cluster.delete("Service", "web").await;
            }
            let tried = async || world.writes(plural).iter().any(|write| !write.ends_with("201"));
            if verb != Verb::Create {
                world.cluster.until(true, tried).await;
            }
            drop(first);
            let made = claims(&world).await;
            let second = roster(&world);
            if verb == Verb::Delete {
                tokio::time::sleep(GRACE).await;
            } else {
                let given = until_addressed(&world, "web", 1).await;
                if let Some(claim) = made.iter().find(|claim| claim.ends_with(" web")) {
                    assert_eq!(*claim, format!("{} web", given[0]), "the claim is taken up");
                }
            }
            is_consistent(&world).await;
            is_settled(&world).await;
            second.stop().await;
        }
    }
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
async fn pools_count_from_when_they_are_defined() {
    let world = World::without_allocator("10.96.0.0/16", None).await;
    let roster = roster(&world);
    world.cluster.create(service("before", json!({}))).await;
    until_addressed(&world, "before", 1).await;
    let definition = include_str!("../crds/yaml/clusterippools.yaml");
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
async fn damage_is_found_at_the_start_and_while_it_runs_and_what_is_safe_is_repaired() {
    let world = World::without_allocator("10.96.0.0/24", None).await;
    let claim = |last: &str, name: &str, manager: &str| {
        let labels = json!({"ipaddress.kubernetes.io/managed-by": manager});
        let parent = json!({"resource": "services", "namespace": "default", "name": name});
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
            "metadata": {"name": format!("10.96.0.{last}"), "labels": labels},
            "spec": {"parentRef": parent},
        })
    };
    let asks = |address: &str| json!({"clusterIP": address, "clusterIPs": [address]});
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

#[tokio::test(start_paused = true)]
async fn metrics_tell_how_full_ranges_are_from_the_first_answer_on() {
    let world = World::without_allocator("10.96.0.0/24", Some("fd00:96::/120")).await;
    let roster = roster(&world);
    assert!(!roster.metrics().contains("roster_cluster_ip_range_used"), "nothing is known yet");
    roster.synced().await;
    let value = |name: &str, labels: &str| {
        let series = format!("roster_cluster_ip_range_{name}{{{labels}}} ");
        let metrics = roster.metrics();
        let line = metrics.lines().find_map(|line| line.strip_prefix(&series).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {series}in {metrics}"))
    };
    let v4 = r#"family="IPv4",range="10.96.0.0/24""#;
    let v6 = r#"family="IPv6",range="fd00:96::/120""#;
    assert_eq!((value("capacity", v4), value("used", v4)), ("254".into(), "1".into()));
    assert_eq!((value("used", v6), value("available", v6)), ("0".into(), "255".into()));
    let dual = json!({"ipFamilyPolicy": "RequireDualStack"});
    world.cluster.create(service("web", dual)).await;
    until_addressed(&world, "web", 2).await;
    assert_eq!((value("used", v4), value("available", v4)), ("2".into(), "252".into()));
    assert_eq!(value("used", v6), "1");
    roster.stop().await;
}
