//! Many Services at once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use serde_json::json;
use support::{Cluster, service};

/// How many are created at a time.
const AT_ONCE: usize = 8;

/// What became of one creation.
#[derive(Debug)]
pub struct Creation {
    /// The ClusterIP, or the refusal.
    pub outcome: Result<String, String>,
    /// How long the API server took.
    pub took: Duration,
}

/// Creates Services, eight at a time. What comes back is in the order in which they were answered.
pub async fn burst(cluster: &Cluster, prefix: &str, count: usize) -> Vec<Creation> {
    let creations = (0..count).map(|number| create(cluster, format!("{prefix}-{number}")));
    stream::iter(creations).buffer_unordered(AT_ONCE).collect().await
}

/// Creates one Service.
pub async fn create(cluster: &Cluster, name: String) -> Creation {
    let started = Instant::now();
    let created = cluster.try_create(service(&name, json!({}))).await;
    let outcome = match created {
        Ok(service) => Ok(service.data["spec"]["clusterIP"].as_str().unwrap().to_owned()),
        Err(error) => Err(error.to_string()),
    };
    Creation { outcome, took: started.elapsed() }
}

/// The addresses that were given.
pub fn given(creations: &[Creation]) -> Vec<String> {
    creations.iter().filter_map(|it| it.outcome.clone().ok()).collect()
}

/// The refusals.
pub fn refusals(creations: &[Creation]) -> Vec<String> {
    creations.iter().filter_map(|it| it.outcome.clone().err()).collect()
}

/// Whether no address is there twice.
pub fn are_distinct(addresses: &[String]) -> bool {
    addresses.iter().collect::<BTreeSet<_>>().len() == addresses.len()
}

/// The time within which half of the creations, and 99 of 100, were answered.
pub fn times(creations: &[Creation]) -> String {
    let mut times: Vec<Duration> = creations.iter().map(|it| it.took).collect();
    times.sort();
    let of = |hundredths: usize| times[(times.len() - 1) * hundredths / 100];
    format!("median {:.0?}, 99 of 100 within {:.0?}", of(50), of(99))
}
