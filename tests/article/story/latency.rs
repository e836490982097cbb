//! How long it takes from a change of readiness until kube-proxy has programmed it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::TryStreamExt;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::serde::de::DeserializeOwned;
use kube::api::{WatchEvent, WatchParams};
use kube::{Api, Client};
use parking_lot::Mutex;
use regex::Regex;
use tokio::task::JoinHandle;

use crate::narrator::{seen, step};
use crate::stage::Stage;
use crate::statistics::percentile;

/// How many changes are measured in one lap.
const CHANGES: usize = 100;
/// Over how many Pods, so that each rests for a while after its change. All are ready at the end.
const PODS: usize = 10;
const POLL: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(30);

/// The times of many changes.
#[derive(Default)]
pub struct Latencies {
    /// From the event of the Pod to that of its slice, both seen by one third party.
    written: Vec<Duration>,
    /// From the change to the rules, by kube-proxy's own metric.
    programmed: Vec<Duration>,
}

/// A lap: turns one Pod of the example after the other unready, then ready again, over and over.
pub async fn measure(stage: &Stage, latencies: &mut Latencies) {
    step(&format!("The way of {CHANGES} changes of readiness"));
    stage.scale(PODS).await;
    let pods: Vec<String> = stage.pods().await.into_iter().collect();
    let observer = Observer::start(stage.cluster.client.clone());
    for change in 0..CHANGES {
        let pod = &pods[change % PODS];
        in_another_second(stage.kubelet.changed(pod)).await;
        let before = programming(&stage.proxy.metrics().await.unwrap());
        observer.forget();
        if (change / PODS).is_multiple_of(2) {
            stage.kubelet.disturb(pod);
        } else {
            stage.kubelet.mend(pod);
        }
        let after = until_programmed(stage, before.1).await;
        assert_eq!(after.1, before.1 + 1, "one slice has changed");
        latencies.programmed.push(exactly(after.0 - before.0, stage.kubelet.changed(pod)));
        latencies.written.push(observer.between().await);
    }
    stage.scale(3).await;
}

/// Managers tell two changes of a Pod apart by the time of its condition, which has whole seconds: the
/// second change within one is not noted at the slice, and not counted.
async fn in_another_second(change: SystemTime) {
    let past = change.elapsed().unwrap_or_default();
    tokio::time::sleep(Duration::from_secs(1).saturating_sub(past)).await;
}

/// The metric counts from the time that the manager noted at the slice, which is that of the Pod's
/// condition, in whole seconds. When it really was, the test knows.
fn exactly(counted: f64, changed: SystemTime) -> Duration {
    let since_epoch = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let cut_off = Duration::from_nanos(since_epoch.subsec_nanos().into());
    Duration::from_secs_f64(counted).saturating_sub(cut_off)
}

async fn until_programmed(stage: &Stage, before: u64) -> (f64, u64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = programming(&stage.proxy.metrics().await.unwrap());
        if now.1 > before {
            return now;
        }
        assert!(Instant::now() < deadline, "kube-proxy has programmed nothing");
        tokio::time::sleep(POLL).await;
    }
}

/// Seconds and number of changes that kube-proxy has programmed for IPv4.
fn programming(metrics: &str) -> (f64, u64) {
    let value = |of: &str| {
        let line = format!(
            r#"(?m)^kubeproxy_network_programming_duration_seconds_{of}\{{[^}}]*"IPv4"[^}}]*\}} (\S+)$"#
        );
        let found = Regex::new(&line).unwrap().captures(metrics).map(|found| found[1].to_owned());
        found.map_or(0.0, |number| number.parse().unwrap())
    };
    (value("sum"), value("count") as u64)
}

/// Sees the events of Pods and slices, and when.
struct Observer {
    first: Arc<Mutex<BTreeMap<&'static str, Instant>>>,
    watching: [JoinHandle<()>; 2],
}

impl Observer {
    fn start(client: Client) -> Self {
        let first = Arc::default();
        let watching = [
            tokio::spawn(observe::<Pod>(client.clone(), "pod", Arc::clone(&first))),
            tokio::spawn(observe::<EndpointSlice>(client, "slice", Arc::clone(&first))),
        ];
        Self { first, watching }
    }

    fn forget(&self) {
        self.first.lock().clear();
    }

    async fn between(&self) -> Duration {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let first = self.first.lock().clone();
            if let (Some(pod), Some(slice)) = (first.get("pod"), first.get("slice")) {
                return slice.saturating_duration_since(*pod);
            }
            assert!(Instant::now() < deadline, "the observer has missed an event");
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.watching.iter().for_each(JoinHandle::abort);
    }
}

/// Notes when the first event since the last one that was forgotten came.
async fn observe<K>(
    client: Client,
    what: &'static str,
    first: Arc<Mutex<BTreeMap<&'static str, Instant>>>,
) where
    K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let objects: Api<K> = Api::namespaced(client, "default");
    let events = objects.watch(&WatchParams::default(), "0").await.unwrap();
    let mut events = std::pin::pin!(events);
    while let Ok(Some(event)) = events.try_next().await {
        if let WatchEvent::Modified(_) = event {
            first.lock().entry(what).or_insert_with(Instant::now);
        }
    }
}

/// Prints the figures of both side by side.
pub fn show(of: &[(&str, &Latencies)]) {
    step("How long a change of readiness took, over two hundred of them");
    for (who, latencies) in of {
        for (what, times) in
            [("Pod to slice", &latencies.written), ("change to rules", &latencies.programmed)]
        {
            let [median, tail] = [50, 99].map(|percent| millis(percentile(times, percent)));
            seen(&format!(
                "{who:<24} {what:<16} median {median:>6.1} ms, 99 % within {tail:>6.1} ms"
            ));
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
