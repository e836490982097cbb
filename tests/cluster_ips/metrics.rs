//! What is counted.

use sandbox::{Action, Fault, Verb};
use serde_json::json;
use support::{Roster, World, service};

use crate::view::{CLAIMS, claims, events, is_consistent, roster, until_addressed};

/// The value of a series.
fn series(roster: &Roster, name: &str) -> String {
    let metrics = roster.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {metrics}")).to_owned()
}

#[tokio::test(start_paused = true)]
async fn metrics_tell_how_full_ranges_are_from_the_first_answer_on() {
    let world = World::without_allocator("10.96.0.0/24", Some("fd00:96::/120")).await;
    let roster = roster(&world);
    assert!(!roster.metrics().contains("roster_cluster_ip_range_used"), "nothing is known yet");
    roster.synced().await;
    let value = |name: &str, labels: &str| {
        series(&roster, &format!("roster_cluster_ip_range_{name}{{{labels}}}"))
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

#[tokio::test(start_paused = true)]
async fn allocations_are_counted_under_the_names_of_kube_apiserver() {
    let world = World::without_allocator("10.96.0.0/29", None).await;
    let roster = roster(&world);
    is_consistent(&world).await;
    let value = |name: &str, labels: &str| {
        let name = format!("kube_apiserver_clusterip_allocator_{name}");
        series(&roster, &format!("{name}{{cidr=\"10.96.0.0/29\"{labels}}}"))
    };
    let [by_name, by_chance] = [r#",scope="static""#, r#",scope="dynamic""#];
    assert_eq!((value("allocated_ips", ""), value("available_ips", "")), ("1".into(), "5".into()));
    assert_eq!(value("allocation_total", by_name), "1", "that of the Service kubernetes");

    world.fault(Fault::of(Verb::Create, CLAIMS, Action::refuse(403, "Forbidden")));
    let given = json!({"clusterIP": "10.96.0.6", "clusterIPs": ["10.96.0.6"]});
    world.cluster.create(service("given", given)).await;
    is_consistent(&world).await;
    assert_eq!(value("allocation_errors_total", by_name), "1");
    for name in ["a", "b", "c", "d"] {
        world.cluster.create(service(name, json!({}))).await;
        until_addressed(&world, name, 1).await;
    }
    world.cluster.create(service("late", json!({}))).await;
    let told = vec!["FailedToAllocateClusterIP".to_owned()];
    world.cluster.until(told, async || events(&world, "late").await).await;
    assert_eq!((value("allocated_ips", ""), value("available_ips", "")), ("6".into(), "0".into()));
    assert_eq!(value("allocation_total", by_name), "2");
    assert_eq!(value("allocation_total", by_chance), "4");
    assert_ne!(value("allocation_errors_total", by_chance), "0");
    assert_eq!(value("allocation_duration_seconds_count", ""), "6");

    for name in ["late", "given", "a", "b", "c", "d"] {
        world.cluster.delete("Service", name).await;
    }
    world.cluster.until(1, async || claims(&world).await.len()).await;
    assert_eq!((value("allocated_ips", ""), value("available_ips", "")), ("1".into(), "5".into()));
    assert_eq!(value("allocation_total", by_chance), "4");
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn where_the_api_server_gives_addresses_only_it_counts_them() {
    let world = World::new().await;
    let api_server = "192.0.2.1:6443".parse().unwrap();
    let addresses = sandbox::Addresses::default();
    world.sandbox.bootstrap(&sandbox::Bootstrap { addresses, api_server });
    let roster = roster(&world);
    roster.synced().await;
    let asked = async || world.writes("services").len();
    world.cluster.until(1, asked).await;
    assert!(roster.metrics().contains("roster_cluster_ip_range_used"));
    assert!(!roster.metrics().contains("kube_apiserver_clusterip_allocator"));
    roster.stop().await;
}
