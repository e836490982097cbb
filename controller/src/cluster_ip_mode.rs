//! `--cluster-ip-mode`: whether the ClusterIP controller gives addresses, or the API server does.

use std::time::Duration;

use controller_core::cluster_ip::Duty;

use crate::wire::Wire;

/// The wait between two questions to an API server that cannot answer.
const AGAIN: Duration = Duration::from_secs(2);

/// Who decides what the ClusterIP controller has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterIpMode {
    /// The API server: it is asked whether it gives addresses by itself.
    Auto,
    /// The operator.
    Fixed(Duty),
}

impl ClusterIpMode {
    /// Reads the flag.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(ClusterIpMode::Auto),
            "reconcile" => Some(ClusterIpMode::Fixed(Duty::Reconcile)),
            "audit" => Some(ClusterIpMode::Fixed(Duty::Audit)),
            _ => None,
        }
    }

    /// What there is to do. Waits for an API server that does not answer; one that lets nobody ask
    /// is taken for a stock one, to which writing addresses could only be wrong.
    pub async fn duty(self, wire: &Wire) -> Duty {
        let duty = match self {
            ClusterIpMode::Fixed(duty) => duty,
            ClusterIpMode::Auto => ask(wire).await,
        };
        tracing::info!(mode = duty.name(), "Knows who gives ClusterIPs");
        duty
    }
}

async fn ask(wire: &Wire) -> Duty {
    loop {
        match wire.gives_cluster_ips().await {
            Ok(true) => return Duty::Audit,
            Ok(false) => return Duty::Reconcile,
            Err(error) if error.is_ambiguous() => {
                tracing::debug!(err = %error, "Cannot ask whether the API server gives ClusterIPs");
            }
            Err(error) => {
                tracing::warn!(err = %error, "Not allowed to ask whether the API server gives ClusterIPs; taking it that it does. --cluster-ip-mode says otherwise");
                return Duty::Audit;
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}
