//! The whole manager twice from one seed in one thread: what it logs and what it asks of the API
//! server is the same, byte for byte.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::io;
use std::sync::Arc;
use std::time::Duration;

use controller::config::logging::Format;
use controller::environment::Clock;
use controller::logging::Verbosity;
use parking_lot::Mutex;
use sandbox::{Action, Fault, Refused, Verb};
use serde_json::json;
use support::history::{labels, pods};
use support::{Op, World, node, pod, service};

/// The time between two steps of the history; it passes at once.
const STEP: Duration = Duration::from_millis(100);

/// Long enough for every retry.
const LONG: Duration = Duration::from_secs(60);

/// What one run leaves behind.
#[derive(PartialEq)]
struct Trail {
    log: String,
    requests: Vec<String>,
}

fn run() -> Trail {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let world = World::new().await;
        let sink = Sink::default();
        let writer = sink.clone();
        let clock: Clock = world.clock.clone();
        let subscriber = controller::logging::subscriber(
            Format::Text,
            Verbosity::new(10, &[]),
            clock,
            1,
            move || writer.clone(),
        );
        let _logging = tracing::subscriber::set_default(subscriber);
        let roster = world.roster_with(support::roster::settings());
        play(&world).await;
        roster.stop().await;
        let requests = world.sandbox.requests();
        let requests = requests.iter().map(|served| format!("{} {served}", served.at)).collect();
        let log = String::from_utf8(sink.0.lock().clone()).unwrap();
        Trail { log, requests }
    })
}

/// A history with a bit of everything, and with failures in between.
async fn play(world: &World) {
    let cluster = &world.cluster;
    let refused = Action::refuse(500, "InternalError");
    let mut history = vec![Op::Node(node("node-b", "zone-b"))];
    for app in ["web", "api", "db", "cache"] {
        history.push(Op::Create(service(app, json!({}))));
        history.extend(pods(app, 12));
    }
    history.push(Op::pod(pod("lost", "web", "10.3.0.1").on("nowhere")));
    history.push(Op::Readiness("web-3", "False"));
    history.push(Op::Terminate("api-2"));
    history.push(Op::Patch("Pod", "db-1", labels(json!({"app": "cache"}))));
    history.push(Op::Patch("Service", "web", labels(json!({"tier": "front"}))));
    history.push(Op::DeleteSlices("db"));
    history.push(Op::EditSlices("cache", labels(json!({"edited": "yes"}))));
    history.push(Op::Delete("Node", "node-b"));
    history.push(Op::Delete("Service", "api"));
    for (place, op) in history.iter().enumerate() {
        match place % 10 {
            3 => world.fault(Fault::of(Verb::Update, "endpointslices", refused.clone())),
            5 => world.fault(Fault::of(
                Verb::Create,
                "endpointslices",
                Action::RefuseAfterwards(Refused::with(504, "Timeout")),
            )),
            7 => world.sandbox.faults().close_watches("pods"),
            9 => world.sandbox.expire("endpointslices"),
            _ => {}
        }
        op.apply(cluster).await;
        tokio::time::sleep(STEP).await;
    }
    world.sandbox.faults().clear();
    tokio::time::sleep(LONG).await;
    cluster.stays_silent().await;
    let apps = ["web", "api", "db", "cache"];
    let mut ready = Vec::new();
    for app in apps {
        ready.push(cluster.ready(app).await.len());
    }
    assert_eq!(ready, [11, 0, 11, 13]);
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn every_run_from_one_seed_leaves_the_same_trail() {
    let first = run();
    assert!(first.log.lines().count() > 150, "too little was logged:\n{}", first.log);
    assert!(first.requests.len() > 200, "too little was asked for:\n{:#?}", first.requests);
    for _ in 0..4 {
        let again = run();
        for (before, now) in first.log.lines().zip(again.log.lines()) {
            assert_eq!(before, now);
        }
        assert!(first == again, "one run goes on where the other ends");
    }
}
