//! Many watchers of one kind, of which one reads nothing.

use std::time::{Duration, Instant};

use futures::future::join_all;
use http_body_util::BodyExt;
use sandbox::Answer;
use serde_json::Value;

use crate::client::{Client, HISTORY};
use crate::cost::{cpu_time, resident};
use crate::figures::Figures;
use crate::objects;

/// Shows an event to many watchers, and then more than the slow one can catch up with.
pub async fn measure(client: &Client, count: usize, limit: Duration, figures: &mut Figures) {
    let before = resident();
    let list: Value = serde_json::from_slice(&client.get(&page()).await).unwrap();
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let path = format!("{}?watch=true&resourceVersion={version}", objects::PODS);
    let mut slow = client.watch(&path).await;
    let mut quick: Vec<Answer> = join_all((0..count).map(|_| client.watch(&path))).await;
    let (cpu, begun) = (cpu_time(), Instant::now());
    // They wait already when it happens.
    tokio::join!(join_all(quick.iter_mut().map(next)), touch(client, 0));
    figures.time("until each of 1,000 watchers has an event", begun.elapsed(), Some(limit));
    figures.time("CPU for that", cpu_time() - cpu, None);
    // From the one that reads nothing, the history runs away.
    for number in 1..=HISTORY + 1 {
        touch(client, number).await;
        join_all(quick.iter_mut().take(1).map(next)).await;
    }
    let mut codes = Vec::new();
    while let Some(event) = line(&mut slow).await {
        codes.push(event["object"]["code"].clone());
    }
    assert_eq!(codes.last().and_then(Value::as_u64), Some(410), "the slow one has to list again");
    assert!(codes.len() < HISTORY, "what waits for the slow one is bounded");
    figures.memory("memory for those watchers", resident().saturating_sub(before), None);
}

fn page() -> String {
    format!("{}?limit=1", objects::PODS)
}

async fn touch(client: &Client, number: usize) {
    let path = format!("{}/{}", objects::PODS, objects::pod_name(7));
    let labels = format!("{{\"metadata\":{{\"labels\":{{\"touched\":\"{number}\"}}}}}}");
    client.ask("PATCH", &path, labels, 200).await;
}

async fn next(watch: &mut Answer) {
    let event = line(watch).await;
    assert_eq!(event.unwrap()["type"], "MODIFIED");
}

/// The next event; none if the watch has ended.
async fn line(watch: &mut Answer) -> Option<Value> {
    let frame = watch.frame().await?.unwrap();
    serde_json::from_slice(frame.data_ref().unwrap()).unwrap()
}
