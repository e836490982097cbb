//! Carries out what an audit has found can be repaired, by the same executor as a running controller:
//! each write is preceded by a live read, and conditional.

use std::sync::Arc;

use controller_core::cluster_ip::audit::Finding;

use crate::environment::Randomness;
use crate::executor::{Execution, Executor};
use crate::leader::Fence;
use crate::limiter::Limiter;
use crate::shared_index::SharedIndex;
use crate::wire::Wire;

/// A repair, and what came of it.
pub struct Repaired {
    /// What was wrong.
    pub finding: Finding,
    /// How it went.
    pub result: RepairResult,
}

/// What came of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepairResult {
    /// It was written.
    Done,
    /// By a live read there was nothing to repair any more.
    NotNeeded,
    /// The API server refused, or could not be reached.
    Failed(String),
}

impl RepairResult {
    /// In a few words.
    pub fn describe(&self) -> String {
        match self {
            RepairResult::Done => "done".to_owned(),
            RepairResult::NotNeeded => "not needed any more".to_owned(),
            RepairResult::Failed(error) => format!("failed: {error}"),
        }
    }
}

/// Repairs.
pub struct Repairer(Executor);

impl Repairer {
    /// Writes by `wire`, starting from what was seen.
    pub fn new(wire: &Wire, seen: Arc<SharedIndex>) -> Self {
        let (unlimited, randomness) = (Limiter::new(None, 1), Randomness::seeded(0));
        Self(Executor::new(wire.clone(), seen, unlimited, Fence::open(), randomness))
    }

    /// Carries out one repair after the other. What fails stops nothing else.
    pub async fn carry_out(&self, findings: Vec<Finding>) -> Vec<Repaired> {
        let mut repaired = Vec::new();
        for finding in findings {
            if let Some(result) = self.repair(&finding).await {
                repaired.push(Repaired { finding, result });
            }
        }
        repaired
    }

    async fn repair(&self, finding: &Finding) -> Option<RepairResult> {
        let (stage, service) = (finding.repair.stage()?, finding.service.as_ref()?);
        Some(judge(&self.0.execute(service, &[stage]).await))
    }
}

fn judge(execution: &Execution) -> RepairResult {
    match execution.failures.first() {
        Some(failure) => RepairResult::Failed(failure.error.clone()),
        None if execution.writes.iter().all(|write| write.error.is_some()) => {
            RepairResult::NotNeeded
        }
        None => RepairResult::Done,
    }
}
