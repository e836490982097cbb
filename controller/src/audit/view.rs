//! The cluster as fresh lists show it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use controller_core::index::Source;
use controller_core::key::{Controller, Kind, NamespacedName, ResourceVersion};
use jiff::Timestamp;

use crate::environment::Randomness;
use crate::queue::Queue;
use crate::shared_index::{Intake, SharedIndex};
use crate::wire::Wire;

/// Lists everything that ClusterIPs depend on.
pub async fn look(wire: &Wire) -> Result<Arc<SharedIndex>> {
    let queue = Arc::new(Queue::new(Randomness::seeded(0)));
    // Nobody visits: whoever looks goes through the findings by themselves.
    let intake = Intake { queue, batch_period: Duration::ZERO };
    let intakes = BTreeMap::from([(Controller::ClusterIp, intake)]);
    let index = Arc::new(SharedIndex::new(intakes, Arc::new(Timestamp::now)));
    for kind in Controller::ClusterIp.kinds() {
        list(wire, *kind, &index).await.with_context(|| format!("cannot list {kind}s"))?;
    }
    Ok(index)
}

async fn list(wire: &Wire, kind: Kind, index: &SharedIndex) -> Result<()> {
    let mut listed: HashSet<NamespacedName> = HashSet::new();
    let (mut next, mut version) = (None, ResourceVersion::default());
    loop {
        let page = match wire.list(kind, next.as_deref()).await {
            // A cluster may lack our kinds.
            Err(error) if kind.is_custom() && error.is_not_found() => break,
            page => page?,
        };
        version = page.resource_version;
        for (fact, resource_version) in page.items {
            listed.insert(fact.key());
            index.apply(fact, resource_version, Source::List(version));
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    index.reset(kind, &listed, version);
    Ok(())
}
