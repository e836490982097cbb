//! How the process fares: checks by name, for whoever probes it. Who does work adds a check when it
//! begins; a process that has none yet answers, and that is its check.

mod controller;
mod failures;

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::RwLock;

pub use controller::{ControllerCheck, Need};
pub use failures::Failures;

/// One thing that can be well or not. Both answers come at once: a check looks at what is known and
/// asks nobody.
pub trait Check: Send + Sync {
    /// Whether the process should go on.
    ///
    /// # Errors
    /// What is wrong, if a restart would help. Being a standby, or an API server that is away, is
    /// nothing wrong.
    fn live(&self) -> Result<(), String>;

    /// Whether it does what it is for. A standby is ready.
    ///
    /// # Errors
    /// What is wrong.
    fn ready(&self) -> Result<(), String> {
        self.live()
    }
}

/// What a probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// `/healthz`, as kube-controller-manager serves it: the same as [`Probe::Livez`].
    Healthz,
    /// `/livez`: [`Check::live`].
    Livez,
    /// `/readyz`: [`Check::ready`].
    Readyz,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the check.
    pub name: &'static str,
    /// What is wrong, or that nothing is, or that the check was not to be made.
    pub verdict: Verdict,
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Passed,
    /// This is wrong.
    Failed(String),
    /// It was not looked at.
    Excluded,
}

/// The checks of a process.
#[derive(Default)]
pub struct Health(RwLock<Vec<(&'static str, Arc<dyn Check>)>>);

impl Health {
    /// Looks at this, too, from now on, after what was added before. Names are words that an URL may
    /// hold, such as `leaderElection` or `endpoints-controller`.
    pub fn add(&self, name: &'static str, check: Arc<dyn Check>) {
        self.0.write().push((name, check));
    }

    /// Makes all checks but some, in the order in which they were added.
    pub fn examine(&self, probe: Probe, excluded: &BTreeSet<String>) -> Vec<Finding> {
        let checks = self.0.read();
        if checks.is_empty() {
            return vec![finding("ping", &Answers, probe, excluded)];
        }
        let each = checks.iter();
        each.map(|(name, check)| finding(name, &**check, probe, excluded)).collect()
    }

    /// Makes one check, if there is one of the name.
    pub fn examine_one(&self, probe: Probe, name: &str) -> Option<Finding> {
        let mut findings = self.examine(probe, &BTreeSet::new());
        findings.retain(|finding| finding.name == name);
        findings.pop()
    }
}

impl Probe {
    /// All that can be asked.
    pub const ALL: [Probe; 3] = [Probe::Healthz, Probe::Livez, Probe::Readyz];

    /// The name, which is the path without its slash.
    pub fn name(self) -> &'static str {
        match self {
            Probe::Healthz => "healthz",
            Probe::Livez => "livez",
            Probe::Readyz => "readyz",
        }
    }
}

/// Nothing is wrong with a process that answers.
struct Answers;

impl Check for Answers {
    fn live(&self) -> Result<(), String> {
        Ok(())
    }
}

fn finding(
    name: &'static str,
    check: &dyn Check,
    probe: Probe,
    excluded: &BTreeSet<String>,
) -> Finding {
    if excluded.contains(name) {
        return Finding { name, verdict: Verdict::Excluded };
    }
    let result = match probe {
        Probe::Healthz | Probe::Livez => check.live(),
        Probe::Readyz => check.ready(),
    };
    let verdict = match result {
        Ok(()) => Verdict::Passed,
        Err(wrong) => Verdict::Failed(wrong),
    };
    Finding { name, verdict }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NotReady;

    impl Check for NotReady {
        fn live(&self) -> Result<(), String> {
            Ok(())
        }

        fn ready(&self) -> Result<(), String> {
            Err("not yet".to_owned())
        }
    }

    fn passed(name: &'static str) -> Finding {
        Finding { name, verdict: Verdict::Passed }
    }

    #[test]
    fn a_process_without_checks_is_well_because_it_answers() {
        let health = Health::default();
        assert_eq!(health.examine(Probe::Healthz, &BTreeSet::new()), [passed("ping")]);
        assert_eq!(health.examine_one(Probe::Readyz, "ping"), Some(passed("ping")));
    }

    #[test]
    fn checks_answer_in_the_order_in_which_they_were_added() {
        let health = Health::default();
        health.add("second", Arc::new(NotReady));
        health.add("first", Arc::new(Answers));
        let none = BTreeSet::new();
        assert_eq!(health.examine(Probe::Healthz, &none), [passed("second"), passed("first")]);
        assert_eq!(health.examine(Probe::Livez, &none), [passed("second"), passed("first")]);
        let failed = Finding { name: "second", verdict: Verdict::Failed("not yet".to_owned()) };
        assert_eq!(health.examine(Probe::Readyz, &none), [failed.clone(), passed("first")]);
        assert_eq!(health.examine_one(Probe::Readyz, "second"), Some(failed));
        assert_eq!(health.examine_one(Probe::Readyz, "third"), None);
    }

    #[test]
    fn what_is_excluded_is_not_looked_at() {
        let health = Health::default();
        health.add("late", Arc::new(NotReady));
        let excluded = BTreeSet::from(["late".to_owned()]);
        let finding = Finding { name: "late", verdict: Verdict::Excluded };
        assert_eq!(health.examine(Probe::Readyz, &excluded), [finding]);
    }
}
