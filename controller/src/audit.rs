//! `roster audit clusterips`: what does not fit together between Services and their ClusterIPs, worked
//! out from fresh lists. It writes nothing unless it is told to repair what can safely be.

mod arguments;
mod repairs;
mod report;
mod view;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use controller_core::cluster_ip::audit::{Finding, Repair};
use jiff::Timestamp;

use crate::config::Config;
use crate::metrics::Metrics;
use repairs::Repairer;
use report::Report;
use view::look;

pub use arguments::{Action, Form, Selection, parse};

/// Looks at the cluster of a configuration, repairs it if asked to, and prints what is wrong. The exit
/// code is 0 if nothing is, or nothing is left, and 1 if something is.
///
/// # Errors
/// If the cluster cannot be looked at.
pub async fn cluster_ips(config: &Config, selection: Selection) -> Result<ExitCode> {
    let wire = config.connect(&Arc::new(Metrics::new()?)).await?;
    let index = look(&wire).await?;
    let mut findings = index.with(|index| index.audit_cluster_ips(Timestamp::now()));
    let wrong = findings.iter().any(Finding::is_wrong);
    if selection.action != Action::Look {
        findings.retain(|finding| finding.repair != Repair::ByHand);
    }
    let (repaired, findings, wrong) = match selection.action {
        Action::Look | Action::PlanRepairs => (None, findings, wrong),
        Action::Repair => {
            let repaired = Repairer::new(&wire, index).carry_out(findings).await;
            let left = look(&wire).await?;
            let left = left.with(|index| index.audit_cluster_ips(Timestamp::now()));
            let wrong = left.iter().any(Finding::is_wrong);
            (Some(repaired), left, wrong)
        }
    };
    print!("{}", Report { repaired, findings }.render(selection.form)?);
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
