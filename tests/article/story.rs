//! What happens on the stage.

mod changes;
mod families;
mod judge;
mod latency;
mod named_port;
mod observations;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::narrator::seen;
use crate::requester::{Request, requests};
use crate::stage::Stage;
use crate::statistics::unevenness;

pub use changes::changes;
pub use observations::observations;

/// How even a spread must be: an even one is more uneven than this less than once in a million times.
const UNEVEN: f64 = 5.0;

/// Creates a Service for the Pods of the example, with further fields.
async fn service(stage: &Stage, name: &str, spec: Value) {
    let mut service = support::service(name, json!({"selector": {"app": "hostnames"}}));
    support::objects::merge(&mut service["spec"], spec);
    stage.cluster.create(service).await;
}

/// Sends 300 requests and checks that all are answered, and by these Pods evenly.
async fn reaches_evenly(stage: &Stage, to: SocketAddr, pods: &BTreeSet<String>) {
    let requests = requests(&stage.client, to, 100, 300).await;
    let counts = answers(&requests);
    let stalled = requests.iter().filter(|request| request.stalled()).count();
    for (pod, count) in &counts {
        seen(&format!("{count:>4} of 300 connections were answered by {pod}"));
    }
    seen(&format!("{stalled:>4} of them had to repeat their SYN"));
    assert_eq!(&counts.keys().cloned().collect::<BTreeSet<_>>(), pods);
    let unevenness = unevenness(&counts.values().copied().collect::<Vec<_>>());
    assert!(unevenness < UNEVEN, "{counts:?} is {unevenness} too uneven");
}

/// Sends some requests, and checks that all are answered and none by this Pod.
async fn avoids(stage: &Stage, to: SocketAddr, pod: &str) {
    let requests = requests(&stage.client, to, 50, 60).await;
    let counts = answers(&requests);
    assert!(!counts.contains_key(pod), "{pod} is still reached: {counts:?}");
    seen(&format!("60 of 60 connections were answered by the others: {:?}", counts.keys()));
}

/// How many requests each Pod has answered. All must be answered.
fn answers(requests: &[Request]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts.entry(request.pod().to_owned()).or_default() += 1;
    }
    counts
}
