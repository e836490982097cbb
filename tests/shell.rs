//! What the shell does when the API server is slow, refuses, breaks off, forgets, or sends rubbish.
//! Time stands still in these tests while anything runs, so their times are exact.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::time::Duration;

use controller_core::key::Controller;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;
use kube::client::Body;
use sandbox::{Action, Fault, Refused, Verb};
use serde_json::json;
use support::roster::of_controllers;
use support::{Cluster, Roster, World, pod, service};

const SLICES: &str = "endpointslices";

/// A world with Service `web` and its one ready Pod, not yet published.
async fn web() -> World {
    let world = World::new().await;
    world.cluster.pod(pod("one", "web", "10.1.0.1")).await;
    world.cluster.create(service("web", json!({}))).await;
    world
}

async fn another(cluster: &Cluster, name: &str) {
    let last = name.len();
    cluster.pod(pod(name, "web", &format!("10.1.1.{last}"))).await;
}

fn refuse(verb: Verb, code: u16) -> Fault {
    Fault::of(verb, SLICES, Action::refuse(code, ""))
}

fn failures(events: Vec<(String, String)>) -> usize {
    events.iter().filter(|(reason, _)| reason == "FailedToUpdateEndpointSlices").count()
}

#[tokio::test(start_paused = true)]
async fn a_refused_write_comes_again_after_one_second_two_and_four() {
    let world = web().await;
    world.fault(refuse(Verb::Create, 500).times(3));
    let roster = world.roster();
    world.cluster.until_ready("web", &["one"]).await;
    world.cluster.stays_silent().await;
    assert_eq!(world.slice_writes(), ["create 500", "create 500", "create 500", "create 201"]);
    assert_eq!(world.write_times(), [0, 10, 30, 70]);
    let events = world.cluster.events("web").await;
    assert_eq!(
        events,
        [(
            "FailedToUpdateEndpointSlices".to_owned(),
            "Error updating Endpoint Slices for Service default/web: failed to create EndpointSlice for Service default/web: Internal Server Error (a fault made for a test)".to_owned()
        )],
        "one event, counted"
    );
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_key_is_never_dropped_and_never_waits_longer_than_five_minutes_and_a_bit() {
    let world = web().await;
    world.fault(refuse(Verb::Create, 500).times(40));
    let roster = world.roster();
    while world.slice_writes().len() < 41 {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    world.cluster.until_ready("web", &["one"]).await;
    let times = world.write_times();
    let waits: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.iter().all(|wait| *wait <= 3300), "{waits:?}");
    assert!(waits[30..].iter().all(|wait| *wait >= 2700), "{waits:?}");
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_mended_by_a_live_read_while_the_watch_is_silent() {
    let world = web().await;
    let roster = world.roster();
    world.cluster.until_ready("web", &["one"]).await;
    world.sandbox.faults().hold_watches(SLICES);
    let slice = world.cluster.slice_names("web").await.remove(0);
    let annotation = json!({"metadata": {"annotations": {"by": "somebody"}}});
    world.cluster.patch("EndpointSlice", &slice, annotation).await;
    another(&world.cluster, "two").await;
    world.cluster.until_ready("web", &["one", "two"]).await;
    assert_eq!(world.slice_writes(), ["create 201", "update 409", "update 200"]);
    assert_eq!(failures(world.cluster.events("web").await), 1);
    world.sandbox.faults().release_watches(SLICES);
    world.cluster.stays_silent().await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_slice_that_is_gone_already_counts_as_deleted() {
    let world = web().await;
    let port = json!([{"name": "http", "port": 80, "targetPort": "web"}]);
    world.cluster.patch("Service", "web", json!({"spec": {"ports": port}})).await;
    let mut other = pod("other", "web", "10.1.0.2");
    other.spec["containers"][0]["ports"][0]["containerPort"] = json!(8080);
    world.cluster.pod(other).await;
    let roster = world.roster();
    world.cluster.until_ready("web", &["one", "other"]).await;
    world.sandbox.faults().hold_watches(SLICES);
    let slices = world.cluster.slices("web").await.into_iter();
    let of_other = |slice: &EndpointSlice| format!("{:?}", slice.endpoints).contains("\"other\"");
    let gone = slices.filter(of_other).filter_map(|slice| slice.metadata.name).next().unwrap();
    world.cluster.delete("EndpointSlice", &gone).await;
    world.cluster.delete("Pod", "other").await;
    let writes = async || world.slice_writes().len();
    world.cluster.until(4, writes).await;
    world.sandbox.faults().release_watches(SLICES);
    world.cluster.stays_silent().await;
    world.cluster.until_ready("web", &["one"]).await;
    assert_eq!(
        world.slice_writes(),
        ["create 201", "create 201", "delete 200", "delete 404"],
        "ours is the last"
    );
    assert_eq!(world.cluster.events("web").await, []);
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_going_away_is_left_in_silence() {
    let world = World::new().await;
    let going = Cluster::in_namespace(world.cluster.client.clone(), "going").await;
    let mut held = service("web", json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/wait"]);
    going.create(held).await;
    let mut namespace = json!({"metadata": {"name": "going"}, "status": {"phase": "Terminating"}});
    namespace["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z");
    world.sandbox.smuggle("namespaces", namespace);
    let roster = world.roster();
    world.cluster.until(vec!["create 403".to_owned()], async || world.slice_writes()).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(world.slice_writes(), ["create 403"], "nothing is tried again");
    assert_eq!(going.events("web").await, []);
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_creation_whose_answer_is_lost_makes_no_second_slice() {
    for action in [
        Action::Cut,
        Action::CutBefore,
        Action::Garble,
        Action::RefuseAfterwards(Refused::with(504, "Timeout")),
    ] {
        let world = web().await;
        // The watch must not be what tells.
        world.fault(Fault::of(Verb::Create, SLICES, action));
        let roster = world.roster();
        roster_is_synced(&world).await;
        world.sandbox.faults().hold_watches(SLICES);
        world.cluster.until_ready("web", &["one"]).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(world.cluster.slice_names("web").await.len(), 1, "{:?}", world.slice_writes());
        world.sandbox.faults().release_watches(SLICES);
        world.cluster.stays_silent().await;
        roster.stop().await;
    }
}

/// Every kind is watched by now.
async fn roster_is_synced(world: &World) {
    let watched = async || {
        let requests = world.sandbox.requests();
        requests.iter().filter(|served| served.verb == Verb::Watch).count()
    };
    world.cluster.until(4, watched).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_written_is_known_before_the_watch_shows_it() {
    let world = web().await;
    let roster = world.roster();
    world.cluster.until_ready("web", &["one"]).await;
    world.sandbox.faults().hold_watches(SLICES);
    another(&world.cluster, "two").await;
    world.cluster.until_ready("web", &["one", "two"]).await;
    another(&world.cluster, "three").await;
    world.cluster.until_ready("web", &["one", "three", "two"]).await;
    assert_eq!(world.slice_writes(), ["create 201", "update 200", "update 200"]);
    world.sandbox.faults().release_watches(SLICES);
    world.cluster.stays_silent().await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_write_that_the_watch_never_shows_is_settled_by_a_live_read() {
    let world = web().await;
    let roster = world.roster();
    a_deletion_that_nobody_tells_is_noticed(&world).await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn that_live_read_is_the_controllers_own_since_the_main_user_may_only_list_and_watch() {
    let world = web().await;
    let writer = Client::new(world.sandbox.clone(), "default");
    let roster = Roster::start_writing_through(writer, lister(&world), world.clock.clone());
    a_deletion_that_nobody_tells_is_noticed(&world).await;
    roster.stop().await;
}

async fn a_deletion_that_nobody_tells_is_noticed(world: &World) {
    world.cluster.until_ready("web", &["one"]).await;
    world.sandbox.faults().hold_watches(SLICES);
    another(&world.cluster, "two").await;
    world.cluster.until_ready("web", &["one", "two"]).await;
    // Somebody deletes the slice; nobody tells us.
    let slice = world.cluster.slice_names("web").await.remove(0);
    world.cluster.delete("EndpointSlice", &slice).await;
    tokio::time::sleep(Duration::from_secs(45)).await;
    assert_eq!(world.cluster.ready("web").await, ["one", "two"]);
}

/// A client that gets no answer to a question for a single slice.
fn lister(world: &World) -> Client {
    let sandbox = world.sandbox.clone();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let mut sandbox = sandbox.clone();
        async move {
            if request.uri().path().contains("/endpointslices/") {
                return std::future::pending().await;
            }
            tower::Service::call(&mut sandbox, request).await
        }
    });
    Client::new(service, "default")
}

#[tokio::test(start_paused = true)]
async fn without_a_batch_period_three_changes_are_three_writes() {
    assert_eq!(writes_for_three_changes(Duration::ZERO, 100).await, 3);
}

#[tokio::test(start_paused = true)]
async fn within_a_batch_period_three_changes_are_one_write() {
    assert_eq!(writes_for_three_changes(Duration::from_secs(1), 100).await, 1);
}

#[tokio::test(start_paused = true)]
async fn changes_further_apart_than_the_batch_period_are_separate_writes() {
    assert_eq!(writes_for_three_changes(Duration::from_secs(1), 600).await, 2);
}

/// How often the slice controller has visited its Services, well or badly.
fn visits(roster: &Roster) -> u64 {
    let metrics = roster.metrics();
    let visits = metrics.lines().filter_map(|line| {
        line.strip_prefix("roster_visits_total{")?.rsplit_once(' ')?.1.parse::<u64>().ok()
    });
    visits.sum()
}

#[tokio::test(start_paused = true)]
async fn everything_is_visited_again_after_one_to_two_resync_periods_and_nothing_is_written() {
    let world = web().await;
    let hour = Duration::from_secs(3600);
    let mut settings = of_controllers(&[Controller::EndpointSlice]);
    settings.min_resync_period = Some(hour);
    let roster = world.roster_with(settings);
    world.cluster.until_ready("web", &["one"]).await;
    world.cluster.stays_silent().await;
    let (before, written) = (visits(&roster), world.slice_writes().len());
    tokio::time::sleep(hour - Duration::from_secs(60)).await;
    assert_eq!(visits(&roster), before);
    tokio::time::sleep(hour).await;
    assert_eq!(visits(&roster), before + 1);
    assert_eq!(world.slice_writes().len(), written);
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_controller_begins_one_to_two_start_intervals_after_leading_has() {
    let world = web().await;
    let mut settings = of_controllers(&[Controller::EndpointSlice]);
    settings.start_interval = Duration::from_secs(60);
    let roster = world.roster_with(settings.clone());
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(world.slice_writes().len(), 0);
    tokio::time::sleep(Duration::from_secs(62)).await;
    assert_eq!(world.cluster.ready("web").await, ["one"]);
    roster.stop().await;
    let again = world.roster_with(settings);
    tokio::time::timeout(Duration::from_secs(1), again.stop()).await.unwrap();
}

/// Three Pods turn not ready, so many milliseconds apart.
async fn writes_for_three_changes(batch_period: Duration, apart: u64) -> usize {
    let world = web().await;
    for name in ["two", "three"] {
        another(&world.cluster, name).await;
    }
    let mut settings = of_controllers(&[Controller::EndpointSlice]);
    settings.controllers.values_mut().for_each(|pace| pace.batch_period = batch_period);
    let roster = world.roster_with(settings);
    world.cluster.until_ready("web", &["one", "three", "two"]).await;
    world.cluster.stays_silent().await;
    let before = world.slice_writes().len();
    for name in ["one", "two", "three"] {
        world.cluster.readiness(name, "False").await;
        tokio::time::sleep(Duration::from_millis(apart)).await;
    }
    world.cluster.until_ready("web", &[]).await;
    world.cluster.stays_silent().await;
    roster.stop().await;
    world.slice_writes().len() - before
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_server_is_given_the_time_that_it_asks_for() {
    let world = web().await;
    let overloaded = Refused { retry_after: Some(7), ..Refused::with(429, "TooManyRequests") };
    world.fault(Fault::of(Verb::Create, SLICES, Action::Refuse(overloaded)));
    let roster = world.roster();
    world.cluster.until_ready("web", &["one"]).await;
    assert_eq!(world.slice_writes(), ["create 429", "create 201"]);
    assert_eq!(world.write_times(), [0, 70]);
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_a_write_is_given_up_after_half_a_minute() {
    let world = web().await;
    world.fault(Fault::of(Verb::Create, SLICES, Action::Delay(Duration::from_secs(3600))));
    let roster = world.roster();
    tokio::time::sleep(Duration::from_secs(40)).await;
    world.cluster.until_ready("web", &["one"]).await;
    assert_eq!(world.cluster.slice_names("web").await.len(), 1);
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_service_that_fails_holds_no_other_back() {
    let world = web().await;
    world.fault(refuse(Verb::Create, 500));
    let roster = world.roster();
    roster_is_synced(&world).await;
    world.cluster.create(service("other", json!({"selector": {"app": "web"}}))).await;
    world.cluster.until_ready("other", &["one"]).await;
    world.cluster.until_ready("web", &["one"]).await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_before_every_kind_was_listed() {
    for plural in ["services", "pods", "nodes", SLICES] {
        let world = web().await;
        world.fault(Fault::of(Verb::Watch, plural, Action::refuse(403, "Forbidden")).times(20));
        let roster = world.roster();
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(world.slice_writes(), Vec::<String>::new(), "without a list of {plural}");
        world.sandbox.faults().clear();
        tokio::time::sleep(Duration::from_secs(60)).await;
        world.cluster.until_ready("web", &["one"]).await;
        roster.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_closed_goes_on_where_it_was() {
    let world = web().await;
    let roster = world.roster();
    world.cluster.until_ready("web", &["one"]).await;
    for name in ["two", "three"] {
        world.sandbox.faults().close_watches("pods");
        another(&world.cluster, name).await;
        let published = async || world.cluster.ready("web").await.contains(&name.to_owned());
        world.cluster.until(true, published).await;
    }
    let requests = world.sandbox.requests();
    let reads = requests.iter().filter(|served| {
        served.plural == "pods" && matches!(served.verb, Verb::List | Verb::Watch)
    });
    assert_eq!(reads.count(), 3, "a list that goes on as a watch, and two more watches");
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_whose_history_is_lost_is_made_up_for_by_a_list() {
    let world = web().await;
    let roster = world.roster();
    another(&world.cluster, "two").await;
    world.cluster.until_ready("web", &["one", "two"]).await;
    for plural in ["services", "pods", "nodes", SLICES] {
        world.sandbox.faults().hold_watches(plural);
    }
    world.cluster.delete("Pod", "one").await;
    another(&world.cluster, "three").await;
    for plural in ["services", "pods", "nodes", SLICES] {
        world.sandbox.expire(plural);
        world.sandbox.faults().release_watches(plural);
    }
    world.cluster.until_ready("web", &["three", "two"]).await;
    world.cluster.stays_silent().await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_every_watch_at_once_is_not_asked_in_a_loop() {
    let world = web().await;
    world.fault(Fault::of(Verb::Watch, "pods", Action::Garble).times(1_000_000));
    let roster = world.roster();
    tokio::time::sleep(Duration::from_secs(300)).await;
    let watches = world.sandbox.requests().iter().filter(|served| served.plural == "pods").count();
    assert!((5..100).contains(&watches), "{watches} requests in five minutes");
    world.sandbox.faults().clear();
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.cluster.until_ready("web", &["one"]).await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_object_of_unknown_shape_is_left_out_and_the_rest_goes_on() {
    let world = web().await;
    world.sandbox.smuggle(
        "pods",
        json!({"metadata": {"name": "odd", "namespace": "default", "labels": {"app": "web"}}, "spec": {"nodeName": 7}}),
    );
    world.sandbox.smuggle(
        "services",
        json!({"metadata": {"name": "odd", "namespace": "default"}, "spec": {"ports": "many"}}),
    );
    let roster = world.roster();
    world.cluster.until_ready("web", &["one"]).await;
    world.sandbox.smuggle(
        "pods",
        json!({"metadata": {"name": "odd", "namespace": "default", "labels": {"app": "web"}}, "status": {"conditions": {}}}),
    );
    another(&world.cluster, "two").await;
    world.cluster.until_ready("web", &["one", "two"]).await;
    world.cluster.stays_silent().await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_becomes_unreadable_stays_as_it_was_last_known() {
    let world = web().await;
    let roster = world.roster();
    world.cluster.until_ready("web", &["one"]).await;
    world.sandbox.smuggle(
        "pods",
        json!({"metadata": {"name": "one", "namespace": "default", "labels": {"app": "web"}}, "spec": {"nodeName": {}}}),
    );
    world.sandbox.expire("pods");
    tokio::time::sleep(Duration::from_secs(30)).await;
    world.cluster.until_ready("web", &["one"]).await;
    world.cluster.stays_silent().await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_list_is_read_in_pages() {
    let world = World::new().await;
    world.cluster.create(service("web", json!({}))).await;
    for number in 0..1201 {
        let ip = format!("10.1.{}.{}", number / 200, number % 200 + 1);
        world.cluster.pod(pod(&format!("pod-{number:04}"), "web", &ip)).await;
    }
    // It does not stream lists.
    world.fault(Fault::of(Verb::Watch, "pods", Action::refuse(422, "Invalid")));
    let roster = world.roster();
    let published = async || world.cluster.ready("web").await.len();
    world.cluster.until(1201, published).await;
    let requests = world.sandbox.requests();
    let lists =
        requests.iter().filter(|served| served.verb == Verb::List && served.plural == "pods");
    assert_eq!(lists.count(), 3);
    let mut sizes: Vec<usize> = Vec::new();
    for slice in world.cluster.slices("web").await {
        sizes.push(slice.endpoints.unwrap_or_default().len());
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [[1].as_slice(), &[100; 12]].concat());
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_with_an_unusable_address_is_left_out_and_told_once_when_it_lasts() {
    let world = web().await;
    world.cluster.pod(pod("bad", "web", "127.0.0.1")).await;
    let roster = world.roster();
    world.cluster.until_ready("web", &["one"]).await;
    assert_eq!(world.cluster.events("web").await, []);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let events = world.cluster.events("web").await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0].0, "AddressInvalid");
    assert!(
        events[0].1.contains("`127.0.0.1`") && events[0].1.contains("Pod `bad`"),
        "{events:#?}"
    );
    assert_eq!(world.slice_writes(), ["create 201"]);
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_is_sent_again_while_nobody_answers_and_not_once_it_is_refused() {
    for (action, arrived) in
        [(Action::CutBefore, 1), (Action::Cut, 1), (Action::refuse(403, "Forbidden"), 0)]
    {
        let world = web().await;
        world.fault(refuse(Verb::Create, 500));
        world.fault(Fault::of(Verb::Create, "events", action));
        let roster = world.roster();
        world.cluster.until_ready("web", &["one"]).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(world.cluster.events("web").await.len(), arrived);
        roster.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn events_that_cannot_be_written_hold_nothing_up() {
    let world = web().await;
    world.fault(
        Fault::of(Verb::Create, "events", Action::Delay(Duration::from_secs(3600))).times(100),
    );
    world.fault(refuse(Verb::Create, 500));
    let roster = world.roster();
    world.cluster.until_ready("web", &["one"]).await;
    assert_eq!(world.write_times(), [0, 10]);
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_a_write_in_flight_finish_and_starts_no_other() {
    let world = web().await;
    world.fault(Fault::of(Verb::Create, SLICES, Action::Delay(Duration::from_secs(5))));
    let roster = world.roster();
    roster_is_synced(&world).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    another(&world.cluster, "late").await;
    roster.stop().await;
    assert_eq!(world.slice_writes(), ["create 201"]);
    assert_eq!(world.cluster.ready("web").await, ["one"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_writes_nothing() {
    let world = web().await;
    let roster = world.roster();
    world.cluster.until_ready("web", &["one"]).await;
    roster.stop().await;
    let roster = world.roster();
    tokio::time::sleep(Duration::from_secs(60)).await;
    roster.stop().await;
    assert_eq!(world.slice_writes(), ["create 201"]);
}

#[tokio::test(start_paused = true)]
async fn a_slice_deleted_while_nobody_ran_or_right_after_a_restart_comes_back() {
    let world = web().await;
    let roster = world.roster();
    world.cluster.until_ready("web", &["one"]).await;
    roster.stop().await;
    let roster = world.roster();
    roster_is_synced(&world).await;
    let slice = world.cluster.slice_names("web").await.remove(0);
    world.cluster.delete("EndpointSlice", &slice).await;
    world.cluster.until_ready("web", &["one"]).await;
    roster.stop().await;
}
