//! What is wrong with pools: their conditions tell.

use std::collections::BTreeMap;

use super::Finding;
use crate::cluster_ip::ledger::Ledger;
use crate::cluster_ip::pool_status::{self, Condition, PoolStatus};
use crate::cluster_ip::pools::Pool;
use crate::facts::Labels;
use crate::key::Text;
use crate::reason::Reason;

/// In the order of the pools.
pub fn findings(ledger: &Ledger, namespace_labels: &BTreeMap<Text, Labels>) -> Vec<Finding> {
    let statuses = pool_status::pool_statuses(ledger, namespace_labels);
    let pools = ledger.pools().iter().zip(&statuses);
    pools.flat_map(|(pool, status)| of_pool(pool, status)).collect()
}

fn of_pool(pool: &Pool, status: &PoolStatus) -> impl Iterator<Item = Finding> {
    let binds = pool.pool.binds();
    status.conditions.iter().filter_map(move |condition| {
        let Condition { kind, holds, reason, message } = condition;
        let reason = match (*kind, *holds) {
            (pool_status::CONFLICT, true) => Reason::PoolConflict,
            // Who prefers a pool does without it.
            (pool_status::EXHAUSTED, true) if binds => Reason::PoolExhausted,
            (pool_status::READY, false) if *reason == pool_status::OUTSIDE => Reason::RangeUnusable,
            _ => return None,
        };
        Some(Finding::about_cluster(reason, format!("ClusterIPPool {}: {message}", status.name)))
    })
}
