//! `--controllers`: which controllers run. All names of kube-controller-manager are known, old
//! ones included, because manifests carry them; a misspelt one must not pass unseen.

use controller_core::key::Controller;

/// The list as the operator gave it, names brought up to date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerSelection(Vec<String>);

impl ControllerSelection {
    /// Takes entries that [`ControllerSelection::problems`] has found nothing wrong with.
    pub fn new(entries: &[String]) -> Self {
        let current = entries.iter().map(|entry| match entry.strip_prefix('-') {
            Some(name) => format!("-{}", canonical(name)),
            None => canonical(entry).to_owned(),
        });
        Self(current.collect())
    }

    /// What is wrong with entries, each problem once.
    pub fn problems(entries: &[String]) -> Vec<String> {
        let mut problems = Vec::new();
        for entry in entries.iter().filter(|entry| *entry != "*") {
            let name = entry.strip_prefix('-').unwrap_or(entry);
            if KNOWN.contains(&canonical(name)) {
                continue;
            }
            let problem = format!("{name:?} is not in the list of known controllers");
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        problems
    }

    /// The entries, names brought up to date.
    pub fn entries(&self) -> &[String] {
        &self.0
    }

    /// Whether a controller of ours runs. The first entry that names it decides; without one, `*`
    /// does.
    pub fn runs(&self, controller: Controller) -> bool {
        self.decision(controller).unwrap_or_else(|| self.0.iter().any(|entry| entry == "*"))
    }

    /// Whether a controller runs because of `*` alone, and kube-controller-manager lacks it: whoever
    /// has replaced that may not have thought of its rights.
    pub fn runs_unasked(&self, controller: Controller) -> bool {
        let expected = Controller::OF_KUBE_CONTROLLER_MANAGER.contains(&controller);
        self.runs(controller) && !expected && self.decision(controller).is_none()
    }

    /// What the first entry says that names a controller.
    fn decision(&self, controller: Controller) -> Option<bool> {
        self.0.iter().find_map(|entry| match entry.strip_prefix('-') {
            Some(name) => (name == controller.name()).then_some(false),
            None => (entry == controller.name()).then_some(true),
        })
    }

    /// Entries that name controllers which stay with kube-controller-manager.
    pub fn of_others(&self) -> impl Iterator<Item = &str> {
        let names = self.0.iter().filter(|entry| *entry != "*" && !entry.starts_with('-'));
        let ours = Controller::ALL.map(Controller::name);
        names.map(String::as_str).filter(move |name| !ours.contains(name))
    }
}

/// The name of today for a name of 1.27 or earlier.
fn canonical(name: &str) -> &str {
    let alias = ALIASES.iter().find(|(old, _)| *old == name);
    alias.map_or(name, |(_, new)| new)
}

const KNOWN: &[&str] = &[
    "bootstrap-signer-controller",
    "certificatesigningrequest-approving-controller",
    "certificatesigningrequest-cleaner-controller",
    "certificatesigningrequest-signing-controller",
    "cloud-node-lifecycle-controller",
    "clusterip-controller",
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "daemonset-controller",
    "deployment-controller",
    "device-taint-eviction-controller",
    "disruption-controller",
    "endpoints-controller",
    "endpointslice-controller",
    "endpointslice-mirroring-controller",
    "ephemeral-volume-controller",
    "garbage-collector-controller",
    "horizontal-pod-autoscaler-controller",
    "job-controller",
    "kube-apiserver-serving-clustertrustbundle-publisher-controller",
    "legacy-serviceaccount-token-cleaner-controller",
    "namespace-controller",
    "node-ipam-controller",
    "node-lifecycle-controller",
    "node-route-controller",
    "persistentvolume-attach-detach-controller",
    "persistentvolume-binder-controller",
    "persistentvolume-expander-controller",
    "persistentvolume-protection-controller",
    "persistentvolumeclaim-protection-controller",
    "pod-garbage-collector-controller",
    "podcertificaterequest-cleaner-controller",
    "podgroup-protection-controller",
    "replicaset-controller",
    "replicationcontroller-controller",
    "resourceclaim-controller",
    "resourcepoolstatusrequest-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "selinux-warning-controller",
    "service-cidr-controller",
    "service-lb-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "statefulset-controller",
    "storage-version-migrator-controller",
    "storageversion-garbage-collector-controller",
    "taint-eviction-controller",
    "token-cleaner-controller",
    "ttl-after-finished-controller",
    "ttl-controller",
    "validatingadmissionpolicy-status-controller",
    "volumeattributesclass-protection-controller",
];

const ALIASES: &[(&str, &str)] = &[
    ("attachdetach", "persistentvolume-attach-detach-controller"),
    ("bootstrapsigner", "bootstrap-signer-controller"),
    ("cloud-node-lifecycle", "cloud-node-lifecycle-controller"),
    ("clusterrole-aggregation", "clusterrole-aggregation-controller"),
    ("cronjob", "cronjob-controller"),
    ("csrapproving", "certificatesigningrequest-approving-controller"),
    ("csrcleaner", "certificatesigningrequest-cleaner-controller"),
    ("csrsigning", "certificatesigningrequest-signing-controller"),
    ("daemonset", "daemonset-controller"),
    ("deployment", "deployment-controller"),
    ("disruption", "disruption-controller"),
    ("endpoint", "endpoints-controller"),
    ("endpointslice", "endpointslice-controller"),
    ("endpointslicemirroring", "endpointslice-mirroring-controller"),
    ("ephemeral-volume", "ephemeral-volume-controller"),
    ("garbagecollector", "garbage-collector-controller"),
    ("horizontalpodautoscaling", "horizontal-pod-autoscaler-controller"),
    ("job", "job-controller"),
    ("legacy-service-account-token-cleaner", "legacy-serviceaccount-token-cleaner-controller"),
    ("namespace", "namespace-controller"),
    ("nodeipam", "node-ipam-controller"),
    ("nodelifecycle", "node-lifecycle-controller"),
    ("persistentvolume-binder", "persistentvolume-binder-controller"),
    ("persistentvolume-expander", "persistentvolume-expander-controller"),
    ("podgc", "pod-garbage-collector-controller"),
    ("pv-protection", "persistentvolume-protection-controller"),
    ("pvc-protection", "persistentvolumeclaim-protection-controller"),
    ("replicaset", "replicaset-controller"),
    ("replicationcontroller", "replicationcontroller-controller"),
    ("resource-claim-controller", "resourceclaim-controller"),
    ("resourcequota", "resourcequota-controller"),
    ("root-ca-cert-publisher", "root-ca-certificate-publisher-controller"),
    ("route", "node-route-controller"),
    ("service", "service-lb-controller"),
    ("serviceaccount", "serviceaccount-controller"),
    ("serviceaccount-token", "serviceaccount-token-controller"),
    ("statefulset", "statefulset-controller"),
    ("storage-version-gc", "storageversion-garbage-collector-controller"),
    ("tokencleaner", "token-cleaner-controller"),
    ("ttl", "ttl-controller"),
    ("ttl-after-finished", "ttl-after-finished-controller"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(list: &str) -> Vec<String> {
        list.split(',').map(str::to_owned).collect()
    }

    fn runs(list: &str) -> bool {
        ControllerSelection::new(&entries(list)).runs(Controller::EndpointSlice)
    }

    #[test]
    fn the_first_entry_that_names_a_controller_decides() {
        assert!(runs("*"));
        assert!(runs("endpointslice-controller"));
        assert!(runs("endpointslice"), "the old name");
        assert!(runs("endpointslice,-endpointslice"));
        assert!(!runs("-endpointslice,endpointslice"));
        assert!(!runs("*,-endpointslice-controller"));
        assert!(!runs("-endpointslice-controller,*"));
        assert!(!runs("-endpoints-controller"), "without * nothing else runs");
        assert!(!ControllerSelection::new(&[]).runs(Controller::EndpointSlice));
    }

    #[test]
    fn cluster_ips_are_looked_after_unless_that_is_switched_off() {
        let of = |list: &str| {
            let selection = ControllerSelection::new(&entries(list));
            let runs = selection.runs(Controller::ClusterIp);
            (runs, selection.runs_unasked(Controller::ClusterIp))
        };
        assert_eq!(of("*"), (true, true));
        assert_eq!(of("*,clusterip-controller"), (true, false));
        assert_eq!(of("clusterip-controller"), (true, false));
        assert_eq!(of("*,-clusterip-controller"), (false, false));
        assert_eq!(of("-clusterip-controller,clusterip-controller"), (false, false));
        let slices = ControllerSelection::new(&entries("*"));
        assert!(!slices.runs_unasked(Controller::EndpointSlice));
    }

    #[test]
    fn unknown_names_are_told_once_each() {
        let problems = |list: &str| ControllerSelection::problems(&entries(list));
        let unknown = |name: &str| format!("{name:?} is not in the list of known controllers");
        assert_eq!(
            problems("*,-endpoints-controller,ttl,service-cidr-controller"),
            Vec::<String>::new()
        );
        assert_eq!(problems("Endpoint,-nope,nope"), [unknown("Endpoint"), unknown("nope")]);
        assert_eq!(problems("endpointslice,"), [unknown("")]);
        assert_eq!(problems("-*"), [unknown("*")]);
        assert_eq!(problems("*, -endpoint"), [unknown(" -endpoint")]);
    }
}
