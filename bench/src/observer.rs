//! A third party that watches Pods and slices, as kube-proxy would: how long after a Pod changed does
//! a slice say so? Both times are taken by the same observer, so that the way to it cancels out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use controller::wire::{WatchEvent, Wire};
use controller_core::facts::{EndpointSlice, Fact, Pod};
use controller_core::key::{Kind, NamespacedName};
use tokio::task::JoinHandle;

/// How long its watches are asked to last.
const LASTING: Duration = Duration::from_secs(7200);

/// How long what is published may be on its way to the observer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait between two looks.
const POLL: Duration = Duration::from_millis(100);

/// A running observer.
pub struct Observer {
    seen: Arc<Mutex<Seen>>,
    tasks: [JoinHandle<Result<()>>; 2],
}

/// What a change of a Pod waited for until a slice showed it.
pub type Delay = (NamespacedName, Duration);

#[derive(Default)]
struct Seen {
    pods: HashMap<NamespacedName, bool>,
    published: HashMap<NamespacedName, bool>,
    /// Changes that no slice has shown yet.
    pending: HashMap<NamespacedName, (bool, Instant)>,
    delays: Vec<Delay>,
}

impl Observer {
    /// Begins to watch, and comes back when it has seen all there is.
    pub async fn start(wire: &Wire) -> Result<Self> {
        let seen = Arc::<Mutex<Seen>>::default();
        let slices = watch(wire, Kind::EndpointSlice, seen.clone()).await?;
        let pods = watch(wire, Kind::Pod, seen.clone()).await?;
        Ok(Self { seen, tasks: [slices, pods] })
    }

    /// The delays since the last time. Changes that no slice has shown are forgotten.
    pub fn take(&self) -> Vec<Delay> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.pending.clear();
        std::mem::take(&mut seen.delays)
    }

    /// The same, when slices have shown every change.
    pub async fn take_all(&self) -> Result<Vec<Delay>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let unseen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).pending.len();
            if unseen == 0 {
                return Ok(self.take());
            }
            ensure!(Instant::now() < deadline, "{unseen} changes were never seen in a slice");
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn watch(wire: &Wire, kind: Kind, seen: Arc<Mutex<Seen>>) -> Result<JoinHandle<Result<()>>> {
    let mut stream = wire.stream(kind, LASTING).await?;
    let mut at = loop {
        match stream.next(|_| false).await? {
            Some(WatchEvent::Listed(version)) => break version,
            Some(event) => take_in(event, &seen, Seen::know),
            None => bail!("the observer cannot watch"),
        }
    };
    let wire = wire.clone();
    Ok(tokio::spawn(async move {
        loop {
            while let Some(event) = stream.next(|_| false).await? {
                at = event.version().unwrap_or(at);
                take_in(event, &seen, Seen::notice);
            }
            // An API server ends the watch of whoever does not read fast enough.
            stream = wire.watch(kind, at, LASTING).await?;
        }
    }))
}

fn take_in(event: WatchEvent, seen: &Mutex<Seen>, how: fn(&mut Seen, Fact)) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    if let WatchEvent::Applied(fact, _) = event {
        how(&mut seen, *fact);
    }
}

impl Seen {
    /// Takes in what was there before.
    fn know(&mut self, fact: Fact) {
        match fact {
            Fact::Pod(pod) => {
                self.pods.insert(pod.key.clone(), is_shown_as_ready(&pod));
            }
            Fact::EndpointSlice(slice) => self.published.extend(shown(&slice)),
            _ => {}
        }
    }

    /// Takes in a change.
    fn notice(&mut self, fact: Fact) {
        let now = Instant::now();
        match fact {
            Fact::Pod(pod) => self.notice_pod(&pod, now),
            Fact::EndpointSlice(slice) => {
                for (pod, ready) in shown(&slice) {
                    self.notice_endpoint(pod, ready, now);
                }
            }
            _ => {}
        }
    }

    fn notice_endpoint(&mut self, pod: NamespacedName, ready: bool, now: Instant) {
        if let Some((_, since)) = self.pending.get(&pod).filter(|(wanted, _)| *wanted == ready) {
            self.delays.push((pod.clone(), now - *since));
            self.pending.remove(&pod);
        }
        self.published.insert(pod, ready);
    }

    fn notice_pod(&mut self, pod: &Pod, now: Instant) {
        let ready = is_shown_as_ready(pod);
        if self.pods.insert(pod.key.clone(), ready) == Some(ready) {
            return;
        }
        if self.published.get(&pod.key) != Some(&ready) {
            self.pending.insert(pod.key.clone(), (ready, now));
        } else if self.pending.remove(&pod.key).is_none() {
            // The slice has come first, on the other connection. Otherwise the Pod is back to what is
            // published, and nothing is left to wait for.
            self.delays.push((pod.key.clone(), Duration::ZERO));
        }
    }
}

/// What a slice says of each Pod.
fn shown(slice: &EndpointSlice) -> Vec<(NamespacedName, bool)> {
    let namespace = &slice.metadata.key.namespace;
    let endpoint = |endpoint: &controller_core::facts::Endpoint| {
        let name = endpoint.target_ref.as_ref()?.name.clone()?;
        let key = NamespacedName { namespace: namespace.clone(), name };
        Some((key, endpoint.conditions.ready?))
    };
    slice.endpoints.iter().filter_map(endpoint).collect()
}

fn is_shown_as_ready(pod: &Pod) -> bool {
    pod.planning.ready && pod.planning.has_ip
}

/// The time that this part of delays is not longer than, in milliseconds.
pub fn percentile(delays: &[Delay], part: f64) -> f64 {
    let mut sorted: Vec<Duration> = delays.iter().map(|(_, delay)| *delay).collect();
    sorted.sort_unstable();
    let place = (sorted.len() as f64 * part).ceil() as usize;
    let delay = sorted.get(place.saturating_sub(1)).copied().unwrap_or_default();
    delay.as_secs_f64() * 1000.0
}
