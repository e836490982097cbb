//! Requests under change, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::programmed;
use crate::requester::{Outcome, Request, Requests};
use crate::stage::Stage;

/// How often it looks at the rules.
const PERIOD: Duration = Duration::from_millis(100);

/// Fifty requests a second to a Service, and a look at what kube-proxy has programmed meanwhile.
pub struct Watched {
    requests: Requests,
    left: Arc<Mutex<BTreeMap<IpAddr, SystemTime>>>,
    looking: JoinHandle<()>,
}

/// What came of the requests of one change.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// How many were sent.
    pub sent: usize,
    /// How many had lost a SYN.
    pub stalled: usize,
    /// How many were refused or cut, and how.
    pub failed: Vec<String>,
    /// How many were answered by a Pod to which kube-proxy sent none any more when they began.
    pub late: usize,
}

impl Watched {
    /// Begins.
    pub async fn begin(stage: &Stage, service: &str) -> Self {
        let address = stage.address(service, 0).await;
        let left = Arc::default();
        let looking = tokio::spawn(look(address, Arc::clone(&left)));
        Self { requests: Requests::begin(&stage.client, address, 50), left, looking }
    }

    /// Stops, and judges. A Pod is known by its address, so this needs to know whose is whose.
    pub async fn stop(self, stage: &Stage) -> Judgement {
        let requests = tokio::task::spawn_blocking(|| self.requests.stop()).await.unwrap();
        self.looking.abort();
        let left = self.left.lock().clone();
        let late = |request: &&Request| match &request.outcome {
            Outcome::Answered(pod) => {
                let left = left.get(&stage.kubelet.ip(pod));
                left.is_some_and(|left| request.began > *left)
            }
            Outcome::Failed(_) => false,
        };
        let failed = requests.iter().filter_map(|request| match &request.outcome {
            Outcome::Failed(why) => Some(why.clone()),
            Outcome::Answered(_) => None,
        });
        Judgement {
            sent: requests.len(),
            stalled: requests.iter().filter(|request| request.stalled()).count(),
            failed: failed.collect(),
            late: requests.iter().filter(late).count(),
        }
    }
}

impl Judgement {
    /// How many of a hundred stalled.
    pub fn stalls(&self) -> f64 {
        100.0 * self.stalled as f64 / self.sent.max(1) as f64
    }

    /// Fails unless each request was answered by a Pod of the Service.
    pub fn check(&self) {
        assert!(self.sent > 100, "too few requests to tell: {}", self.sent);
        assert_eq!(self.failed, Vec::<String>::new(), "requests failed");
        assert_eq!(self.late, 0, "requests were answered by Pods that had left");
    }
}

/// Notes when each Pod was first seen to be no goal any more.
async fn look(service: SocketAddr, left: Arc<Mutex<BTreeMap<IpAddr, SystemTime>>>) {
    let mut before = BTreeSet::new();
    loop {
        let now =
            tokio::task::spawn_blocking(move || programmed::endpoints(service)).await.unwrap();
        let seen = SystemTime::now();
        left.lock().extend(before.difference(&now).map(|gone: &SocketAddr| (gone.ip(), seen)));
        before = now;
        tokio::time::sleep(PERIOD).await;
    }
}
