//! `roster audit clusterips`: what does not fit together between Services and their ClusterIPs, worked
//! out from fresh lists. Nothing is written; the running controller repairs what it safely can.

mod report;

use std::collections::HashSet;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use controller_core::index::{Index, Observation, Source};
use controller_core::key::{Controller, Kind, NamespacedName, ResourceVersion};
use jiff::Timestamp;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::wire::Wire;

pub use report::{Form, Selection, parse};

/// Looks at the cluster of a configuration and prints what is wrong. The exit code is 0 if nothing is,
/// and 1 if something is.
///
/// # Errors
/// If the cluster cannot be looked at.
pub async fn cluster_ips(config: &Config, selection: Selection) -> Result<ExitCode> {
    let wire = config.connect(&Arc::new(Metrics::new()?)).await?;
    let now = Timestamp::now();
    let index = look(&wire, now).await?;
    let findings = index.audit_cluster_ips(now);
    print!("{}", report::render(&findings, selection)?);
    let wrong = findings.iter().any(|finding| finding.is_wrong());
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn look(wire: &Wire, now: Timestamp) -> Result<Index> {
    let kinds = Controller::ClusterIp.kinds();
    let mut index = Index::of(kinds.iter().copied().collect());
    for kind in kinds {
        list(wire, *kind, &mut index, now).await.with_context(|| format!("cannot list {kind}s"))?;
    }
    Ok(index)
}

async fn list(wire: &Wire, kind: Kind, index: &mut Index, now: Timestamp) -> Result<()> {
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
            let source = Source::List(version);
            index.apply(Observation { fact, resource_version, source, seen: now });
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    index.reset(kind, &listed, version, now);
    Ok(())
}
