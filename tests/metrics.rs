//! What Roster counts. Time stands still in these tests while anything runs, so every number is
//! exact.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::time::Duration;

use controller_core::key::Controller;
use sandbox::{Action, Fault, Verb};
use serde_json::json;
use support::metrics::{Families, five_services};
use support::roster::{of_controllers, settings};
use support::{Roster, World, pod, service};

const SLICES: &str = "endpoint_slice_controller_";
const MIRRORS: &str = "endpoint_slice_mirroring_controller_";

fn lines(roster: &Roster, prefix: &str) -> Vec<String> {
    Families::read(&roster.metrics(), &[prefix]).lines()
}

async fn a_while() {
    tokio::time::sleep(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_counted_before_anything_happens_but_the_queues() {
    let world = World::new().await;
    let roster = world.roster();
    assert_eq!(lines(&roster, "endpoint_slice"), Vec::<String>::new());
    let name = r#"{name="endpoint_slice"}"#;
    let queue = [
        ("adds_total", ""),
        ("depth", ""),
        ("longest_running_processor_seconds", ""),
        ("queue_duration_seconds", "_count"),
        ("queue_duration_seconds", "_sum"),
        ("retries_total", ""),
        ("unfinished_work_seconds", ""),
        ("work_duration_seconds", "_count"),
        ("work_duration_seconds", "_sum"),
    ];
    let zero = queue.map(|(family, part)| format!("workqueue_{family}{part}{name} 0"));
    assert_eq!(lines(&roster, "workqueue_"), zero);
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_service_without_pods_is_one_sync_and_one_new_slice() {
    let world = World::new().await;
    let roster = world.roster();
    a_while().await;
    world.cluster.create(service("empty", json!({}))).await;
    a_while().await;
    let per_sync = r#"{topology="Disabled",traffic_distribution=""}"#;
    assert_eq!(
        lines(&roster, SLICES),
        [
            r#"endpoint_slice_controller_changes{operation="create"} 1"#.to_owned(),
            "endpoint_slice_controller_desired_endpoint_slices 1".to_owned(),
            "endpoint_slice_controller_endpoints_added_per_sync_count 1".to_owned(),
            "endpoint_slice_controller_endpoints_added_per_sync_sum 0".to_owned(),
            "endpoint_slice_controller_endpoints_desired 0".to_owned(),
            "endpoint_slice_controller_endpoints_removed_per_sync_count 1".to_owned(),
            "endpoint_slice_controller_endpoints_removed_per_sync_sum 0".to_owned(),
            format!("endpoint_slice_controller_endpointslices_changed_per_sync_count{per_sync} 1"),
            format!("endpoint_slice_controller_endpointslices_changed_per_sync_sum{per_sync} 1"),
            "endpoint_slice_controller_num_endpoint_slices 1".to_owned(),
            r#"endpoint_slice_controller_syncs{result="success"} 1"#.to_owned(),
        ]
    );
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn gauges_add_up_services_and_families_and_forget_what_is_deleted() {
    let world = World::new().await;
    world.has_both_families();
    let roster = world.roster_with(settings());
    five_services(&world.cluster).await;
    a_while().await;
    let gauges = |prefix: &str| Families::read(&roster.metrics(), &[prefix]).gauges();
    let near = r#"services_count_by_traffic_distribution{traffic_distribution="PreferSameZone"}"#;
    let of_slices = |slices: u8, endpoints: u8, near_count: u8| {
        vec![
            format!("{SLICES}desired_endpoint_slices {slices}"),
            format!("{SLICES}endpoints_desired {endpoints}"),
            format!("{SLICES}num_endpoint_slices {slices}"),
            format!("{SLICES}{near} {near_count}"),
        ]
    };
    let of_mirrors = |slices: u8, endpoints: u8| {
        vec![
            format!("{MIRRORS}desired_endpoint_slices {slices}"),
            format!("{MIRRORS}endpoints_desired {endpoints}"),
            format!("{MIRRORS}num_endpoint_slices {slices}"),
        ]
    };
    assert_eq!(gauges(SLICES), of_slices(5, 7, 1), "two slices and four endpoints are dual's");
    assert_eq!(gauges(MIRRORS), of_mirrors(2, 3));
    for name in ["web", "near", "hand"] {
        world.cluster.delete("Service", name).await;
    }
    a_while().await;
    assert_eq!(gauges(SLICES), of_slices(3, 4, 0), "a value that nobody uses stays at zero");
    assert_eq!(gauges(MIRRORS), of_mirrors(0, 0));
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_mirror_counts_what_changes_for_its_readers() {
    let world = World::new().await;
    let roster = world.roster_with(of_controllers(&[Controller::EndpointSliceMirroring]));
    a_while().await;
    world.cluster.create(service("hand", json!({"selector": null}))).await;
    a_while().await;
    let subsets = |addresses: &[&str], not_ready: &[&str]| {
        let list = |ips: &[&str]| ips.iter().map(|ip| json!({"ip": ip})).collect::<Vec<_>>();
        json!([{
            "addresses": list(addresses),
            "notReadyAddresses": list(not_ready),
            "ports": [{"name": "http", "port": 8080}],
        }])
    };
    let object = json!({
        "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "hand"},
        "subsets": subsets(&["192.0.2.1", "192.0.2.2", "2001:db8::1"], &[]),
    });
    world.cluster.create(object).await;
    a_while().await;
    // One address turns not ready, one is new, and the other family goes.
    let change = json!({"subsets": subsets(&["192.0.2.2", "192.0.2.3"], &["192.0.2.1"])});
    world.cluster.patch("Endpoints", "hand", change).await;
    a_while().await;
    let mut seen = lines(&roster, MIRRORS);
    seen.retain(|line| !line.contains("sync_duration"));
    assert_eq!(
        seen,
        [
            "addresses_skipped_per_sync_count 2",
            "addresses_skipped_per_sync_sum 0",
            r#"changes{operation="create"} 2"#,
            r#"changes{operation="delete"} 1"#,
            r#"changes{operation="update"} 1"#,
            "desired_endpoint_slices 1",
            "endpoints_added_per_sync_count 2",
            "endpoints_added_per_sync_sum 4",
            "endpoints_desired 3",
            "endpoints_removed_per_sync_count 2",
            "endpoints_removed_per_sync_sum 1",
            "endpoints_updated_per_sync_count 2",
            "endpoints_updated_per_sync_sum 1",
            "num_endpoint_slices 1",
        ]
        .map(|line| format!("{MIRRORS}{line}"))
    );
    let visits = r#"roster_visits_total{controller="endpointslice-mirroring-controller",result="success"} 3"#;
    assert_eq!(lines(&roster, "roster_visits"), [visits], "the Service alone was looked at, too");
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_counts_as_error_and_makes_the_way_from_event_to_write_longer() {
    let world = World::new().await;
    world.fault(Fault::of(Verb::Create, "endpointslices", Action::refuse(500, "")).times(2));
    let roster = world.roster();
    a_while().await;
    world.cluster.pod(pod("one", "web", "10.1.0.1")).await;
    world.cluster.create(service("web", json!({}))).await;
    a_while().await;
    let syncs = |result: &str, count: u8| {
        format!(r#"endpoint_slice_controller_syncs{{result="{result}"}} {count}"#)
    };
    assert_eq!(
        lines(&roster, "endpoint_slice_controller_syncs"),
        [syncs("error", 2), syncs("success", 1)]
    );
    assert_eq!(
        lines(&roster, "endpoint_slice_controller_changes"),
        [r#"endpoint_slice_controller_changes{operation="create"} 1"#]
    );
    let controller = r#"controller="endpointslice-controller""#;
    assert_eq!(
        [lines(&roster, "roster_event"), lines(&roster, "roster_visits")].concat(),
        [
            format!("roster_event_to_write_seconds_count{{{controller}}} 1"),
            format!("roster_event_to_write_seconds_sum{{{controller}}} 3"),
            format!(r#"roster_visits_total{{{controller},result="error"}} 2"#),
            format!(r#"roster_visits_total{{{controller},result="success"}} 1"#),
        ]
    );
    assert_eq!(
        lines(&roster, "workqueue_retries_total"),
        [r#"workqueue_retries_total{name="endpoint_slice"} 2"#]
    );
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn work_that_hangs_shows_while_it_hangs() {
    let world = World::new().await;
    let hold = Duration::from_secs(8);
    world.fault(Fault::of(Verb::Create, "endpointslices", Action::Delay(hold)).times(1));
    let roster = world.roster();
    world.cluster.create(service("empty", json!({}))).await;
    a_while().await;
    let running = r#"workqueue_longest_running_processor_seconds{name="endpoint_slice"}"#;
    assert_eq!(lines(&roster, "workqueue_longest"), [format!("{running} 5")]);
    a_while().await;
    assert_eq!(lines(&roster, "workqueue_longest"), [format!("{running} 0")]);
    let work = r#"workqueue_work_duration_seconds_sum{name="endpoint_slice"} 8"#;
    assert!(lines(&roster, "workqueue_work").contains(&work.to_owned()));
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_silence_of_a_watch_grows_until_anything_comes_if_only_a_bookmark() {
    let world = World::new().await;
    let roster = world.roster();
    let silence = || -> f64 {
        let kinds = lines(&roster, "roster_watch_silence_seconds");
        let of_pods = kinds.iter().find(|line| line.contains("\"Pod\"")).unwrap();
        of_pods.rsplit_once(' ').unwrap().1.parse().unwrap()
    };
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert!((49.0..=50.0).contains(&silence()), "{}", silence());
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(silence() < 20.0, "{}", silence());
    world.sandbox.faults().hold_watches("pods");
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(silence() > 100.0, "{}", silence());
    roster.stop().await;
}
