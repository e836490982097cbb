//! Whether a stock manager writes what we would write, decided from what can be seen of it.

use std::collections::BTreeSet;

use controller_core::key::Controller;
use jiff::{SignedDuration, Timestamp};

use super::arguments;

/// A Lease that was last renewed longer ago than this by our clock is nobody's. It is much longer than
/// any lease duration, so that clocks may differ.
const SILENT: SignedDuration = SignedDuration::from_mins(2);

/// What can be seen of stock managers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// Their Pods that have not ended. Some distributions show none.
    pub pods: Vec<StockPod>,
    /// Their Lease, if it is held.
    pub lease: Option<StockLease>,
    /// The last write of slices or Endpoints by one of them; looked for only where no Pod is shown.
    pub last_write: Option<StockWrite>,
}

/// A Pod that runs kube-controller-manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockPod {
    /// `namespace/name`.
    pub name: String,
    /// Its command line.
    pub arguments: Vec<String>,
}

/// The Lease of a leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockLease {
    /// Who holds it.
    pub holder: String,
    /// Since when, by the holder's clock.
    pub acquired: Timestamp,
    /// When it was last renewed, by the holder's clock.
    pub renewed: Timestamp,
}

/// A write, as `metadata.managedFields` of an object tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockWrite {
    /// The name under which it was made.
    pub manager: String,
    /// The object.
    pub object: String,
    /// When, by the API server's clock.
    pub at: Timestamp,
}

/// What to make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody else writes, for this reason.
    Alone(String),
    /// Somebody else writes, for these reasons.
    Contended(Vec<String>),
    /// Somebody may.
    Unknown(String),
}

impl Sighting {
    /// Whether a stock manager writes what these controllers of ours would write.
    pub fn judge(&self, ours: &BTreeSet<Controller>, now: Timestamp) -> Verdict {
        let lease = self.lease.as_ref().filter(|lease| now.duration_since(lease.renewed) < SILENT);
        if !self.pods.is_empty() {
            return self.judge_pods(ours, lease);
        }
        let Some(lease) = lease else {
            return Verdict::Alone(
                "no kube-controller-manager is to be seen: no Pod, and no Lease that is renewed"
                    .to_owned(),
            );
        };
        let StockLease { holder, acquired, .. } = lease;
        match &self.last_write {
            // The time of a write is told in whole seconds.
            Some(StockWrite { manager, object, at }) if at.as_second() >= acquired.as_second() => {
                Verdict::Contended(vec![format!(
                    "{manager} wrote {object} at {at}, after {holder} began to lead at {acquired}"
                )])
            }
            _ => Verdict::Unknown(format!(
                "{holder} leads as kube-controller-manager since {acquired} and has written neither \
                 slices nor Endpoints since then; its flags cannot be read"
            )),
        }
    }

    fn judge_pods(&self, ours: &BTreeSet<Controller>, lease: Option<&StockLease>) -> Verdict {
        let reason = |pod: &StockPod| {
            // One that elects leaders and has none is not running.
            if lease.is_none() && arguments::elects(&pod.arguments) {
                return None;
            }
            let theirs = arguments::controllers(&pod.arguments);
            let both: Vec<&str> = theirs.intersection(ours).map(|both| both.name()).collect();
            (!both.is_empty()).then(|| {
                format!(
                    "Pod {} runs {} (--controllers={})",
                    pod.name,
                    both.join(", "),
                    arguments::selected(&pod.arguments).join(",")
                )
            })
        };
        let reasons: Vec<String> = self.pods.iter().filter_map(reason).collect();
        if reasons.is_empty() {
            let names: Vec<&str> = self.pods.iter().map(|pod| &*pod.name).collect();
            return Verdict::Alone(format!(
                "these controllers are off, or nobody leads, in {}",
                names.join(", ")
            ));
        }
        Verdict::Contended(reasons)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: &str = "--controllers=*,-endpoints-controller,-endpointslice-controller,-endpointslice-mirroring-controller";

    fn at(minute: i64) -> Timestamp {
        let start: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        start + SignedDuration::from_mins(minute)
    }

    fn pod(flag: &str) -> StockPod {
        StockPod {
            name: "kube-system/kcm".to_owned(),
            arguments: vec!["kube-controller-manager".to_owned(), flag.to_owned()],
        }
    }

    /// Leads since minute 10, and has renewed at minute 60.
    fn lease() -> Option<StockLease> {
        Some(StockLease { holder: "host_1".to_owned(), acquired: at(10), renewed: at(60) })
    }

    fn write(minute: i64) -> Option<StockWrite> {
        let (manager, object) = ("k3s".to_owned(), "default/web-1".to_owned());
        Some(StockWrite { manager, object, at: at(minute) })
    }

    fn judge(sighting: Sighting) -> &'static str {
        match sighting.judge(&Controller::OF_KUBE_CONTROLLER_MANAGER.into(), at(60)) {
            Verdict::Alone(_) => "alone",
            Verdict::Contended(_) => "contended",
            Verdict::Unknown(_) => "unknown",
        }
    }

    #[test]
    fn a_pod_tells_by_its_flags() {
        let seen = |flag| Sighting { pods: vec![pod(flag)], lease: lease(), last_write: None };
        assert_eq!(judge(seen("--v=2")), "contended");
        assert_eq!(judge(seen("--controllers=*,-endpoints-controller")), "contended");
        assert_eq!(judge(seen(OFF)), "alone");
        assert_eq!(judge(seen("--controllers=job-controller")), "alone");
    }

    #[test]
    fn one_old_pod_among_new_ones_is_enough() {
        let pods = vec![pod(OFF), pod("--v=2")];
        assert_eq!(judge(Sighting { pods, lease: lease(), last_write: None }), "contended");
    }

    #[test]
    fn only_what_both_would_run_counts() {
        let seen = Sighting {
            pods: vec![pod("--controllers=endpoints-controller")],
            lease: lease(),
            last_write: None,
        };
        let slices = BTreeSet::from([Controller::EndpointSlice]);
        assert!(matches!(seen.judge(&slices, at(60)), Verdict::Alone(_)));
        let reasons = vec![
            "Pod kube-system/kcm runs endpoints-controller (--controllers=endpoints-controller)"
                .to_owned(),
        ];
        assert_eq!(
            seen.judge(&Controller::OF_KUBE_CONTROLLER_MANAGER.into(), at(60)),
            Verdict::Contended(reasons)
        );
    }

    #[test]
    fn a_pod_that_waits_for_a_lease_which_nobody_renews_is_dead() {
        let dead = StockLease { renewed: at(57), ..lease().unwrap() };
        let seen =
            |flag| Sighting { pods: vec![pod(flag)], lease: Some(dead.clone()), last_write: None };
        assert_eq!(judge(seen("--v=2")), "alone");
        assert_eq!(judge(seen("--leader-elect=false")), "contended", "it needs no Lease");
    }

    #[test]
    fn without_pods_a_leader_that_has_written_since_it_leads_gives_itself_away() {
        let seen = |last_write| Sighting { pods: Vec::new(), lease: lease(), last_write };
        assert_eq!(judge(seen(write(11))), "contended");
        assert_eq!(judge(seen(write(9))), "unknown", "its predecessor wrote");
        assert_eq!(judge(seen(None)), "unknown");
    }

    #[test]
    fn without_pods_and_lease_there_is_nobody() {
        assert_eq!(judge(Sighting::default()), "alone");
        assert_eq!(judge(Sighting { last_write: write(59), ..Sighting::default() }), "alone");
    }
}
