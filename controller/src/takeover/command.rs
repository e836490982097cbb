//! `roster takeover check`: says whether a stock manager writes what Roster would, and what to do.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client};

use super::sighting::Lookout;
use super::steps::{self, Platform};
use super::verdict::Verdict;
use crate::config::Config;
use crate::metrics::Metrics;

/// Looks at the cluster of a configuration and prints what it finds. The exit code is 0 if nobody
/// else writes, 1 if somebody does, and 2 if that cannot be told.
///
/// # Errors
/// If the cluster cannot be looked at.
pub async fn check(config: &Config) -> Result<ExitCode> {
    let client = config.client(&Arc::new(Metrics::new()?)).await?;
    let sighting = Lookout::new(client.clone()).look().await?;
    let ours = config.contended();
    let verdict = sighting.judge(&ours, Timestamp::now());
    let mut text = String::new();
    let (code, platform) = match &verdict {
        Verdict::Alone(reason) => {
            writeln!(text, "Nobody else writes what Roster writes: {reason}.\n")?;
            (0, None)
        }
        Verdict::Contended(reasons) => {
            writeln!(text, "Another manager writes what Roster would write:")?;
            reasons.iter().try_for_each(|reason| writeln!(text, "  {reason}"))?;
            writeln!(text)?;
            (1, Some(Platform::of(&sighting, &kubelet_version(client).await)))
        }
        Verdict::Unknown(reason) => {
            writeln!(text, "It cannot be told whether another manager writes: {reason}.\n")?;
            (2, Some(Platform::of(&sighting, &kubelet_version(client).await)))
        }
    };
    if let Some(platform) = platform {
        writeln!(text, "{}", steps::there(platform, &sighting, &ours))?;
    }
    text.push_str(&steps::back());
    print!("{text}");
    Ok(ExitCode::from(code))
}

/// The version of some kubelet. Distributions put their name there; without a Node there is none.
async fn kubelet_version(client: Client) -> String {
    let nodes: Api<Node> = Api::all(client);
    let Ok(list) = nodes.list(&ListParams::default().limit(1)).await else {
        return String::new();
    };
    let status = list.items.into_iter().next().and_then(|node| node.status);
    let info = status.and_then(|status| status.node_info);
    info.map(|info| info.kubelet_version).unwrap_or_default()
}
