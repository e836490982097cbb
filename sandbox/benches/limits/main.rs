//! What the sandbox can bear: `make limits` fills it with as much as it promises to hold, counts CPU
//! and memory, and fails if a limit of `docs/sandbox.md` is not kept.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)] // a benchmark may panic

mod client;
mod cost;
mod figures;
mod objects;
mod watchers;

use std::process::ExitCode;
use std::time::Duration;

use client::Client;
use cost::{cpu_time, resident};
use figures::Figures;
use serde_json::Value;

const PODS: usize = 50_000;
const SERVICES: usize = 5_000;
const WATCHERS: usize = 1_000;

/// What a create may cost.
const CREATE: Duration = Duration::from_micros(100);
/// What everything may take, in bytes.
const MEMORY: u64 = 1 << 30;
/// How long it may take until the last of the watchers has an event.
const EVENT: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let client = Client::new();
    let mut figures = Figures::default();
    let services = (0..SERVICES).map(objects::service);
    let each = created(&client, "/api/v1/namespaces/default/services", services).await;
    figures.time("CPU for a Service, with its address", each, Some(CREATE));
    let pods = (0..PODS).map(objects::pod);
    let each = created(&client, objects::PODS, pods).await;
    figures.time("CPU for a Pod", each, Some(CREATE));
    figures.time("CPU for the status of a Pod", with_status(&client).await, None);
    let memory = resident();
    figures.memory("memory with 50,000 Pods and 5,000 Services", memory, Some(MEMORY));
    let before = cpu_time();
    let bytes = client.get(objects::PODS).await.len();
    figures.time("CPU for a list of 50,000 Pods", cpu_time() - before, None);
    figures.memory("the same list", bytes as u64, None);
    watchers::measure(&client, WATCHERS, EVENT, &mut figures).await;
    figures.verdict()
}

/// Creates objects, and says what one cost: the median, since on a busy machine those that are
/// interrupted cost what others left in the caches.
async fn created(client: &Client, path: &str, objects: impl Iterator<Item = Value>) -> Duration {
    let mut costs = Vec::new();
    for object in objects {
        let body = object.to_string();
        let before = cpu_time();
        client.ask("POST", path, body, 201).await;
        costs.push(cpu_time() - before);
    }
    median(costs)
}

/// Writes the status of every Pod, and says what one cost.
async fn with_status(client: &Client) -> Duration {
    let mut costs = Vec::new();
    for number in 0..PODS {
        let path = format!("{}/{}/status", objects::PODS, objects::pod_name(number));
        let status = objects::status(number).to_string();
        let before = cpu_time();
        client.ask("PATCH", &path, status, 200).await;
        costs.push(cpu_time() - before);
    }
    median(costs)
}

fn median(mut costs: Vec<Duration>) -> Duration {
    costs.sort_unstable();
    costs[costs.len() / 2]
}
