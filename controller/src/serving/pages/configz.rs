//! `/configz`: the configuration in force, in the shape in which kube-controller-manager shows its
//! own, as far as it has to do with us.

use serde_json::{Value, json};

use crate::config::Config;
use crate::serving::answer::{self, Answer};

/// The whole page.
pub fn answer(config: &Config) -> Answer {
    let mut answer = answer::json(&json!({
        "kubecontrollermanager.config.k8s.io": {
            "kind": "KubeControllerManagerConfiguration",
            "apiVersion": "kubecontrollermanager.config.k8s.io/v1alpha1",
            "Generic": generic(&Flags(config)),
            "EndpointController": endpoints(&Flags(config)),
            "EndpointSliceController": slices(&Flags(config)),
            "EndpointSliceMirroringController": mirroring(&Flags(config)),
        }
    }));
    answer::no_guessing(&mut answer);
    answer
}

/// `Port` and `Address` are left over from a port without TLS and do not follow the flags, there as
/// here.
fn generic(flags: &Flags<'_>) -> Value {
    json!({
        "Port": 0,
        "Address": "0.0.0.0",
        "MinResyncPeriod": flags.text("min-resync-period"),
        "ControllerStartInterval": flags.text("controller-start-interval"),
        "ClientConnection": {
            "kubeconfig": flags.text("kubeconfig"),
            "contentType": flags.text("kube-api-content-type"),
            "qps": flags.number("kube-api-qps"),
            "burst": flags.number("kube-api-burst"),
        },
        "LeaderElection": {
            "leaderElect": flags.switch("leader-elect"),
            "leaseDuration": flags.text("leader-elect-lease-duration"),
            "renewDeadline": flags.text("leader-elect-renew-deadline"),
            "retryPeriod": flags.text("leader-elect-retry-period"),
            "resourceLock": flags.text("leader-elect-resource-lock"),
            "resourceName": flags.text("leader-elect-resource-name"),
            "resourceNamespace": flags.text("leader-elect-resource-namespace"),
        },
        "Controllers": flags.0.controllers.entries(),
        "Debugging": {
            "enableProfiling": flags.switch("profiling"),
        },
    })
}

fn endpoints(flags: &Flags<'_>) -> Value {
    json!({
        "ConcurrentEndpointSyncs": flags.number("concurrent-endpoint-syncs"),
        "EndpointUpdatesBatchPeriod": flags.text("endpoint-updates-batch-period"),
    })
}

fn slices(flags: &Flags<'_>) -> Value {
    json!({
        "ConcurrentServiceEndpointSyncs": flags.number("concurrent-service-endpoint-syncs"),
        "MaxEndpointsPerSlice": flags.number("max-endpoints-per-slice"),
        "EndpointUpdatesBatchPeriod": flags.text("endpointslice-updates-batch-period"),
    })
}

fn mirroring(flags: &Flags<'_>) -> Value {
    json!({
        "MirroringConcurrentServiceEndpointSyncs":
            flags.number("mirroring-concurrent-service-endpoint-syncs"),
        "MirroringMaxEndpointsPerSubset": flags.number("mirroring-max-endpoints-per-subset"),
        "MirroringEndpointUpdatesBatchPeriod":
            flags.text("mirroring-endpointslice-updates-batch-period"),
    })
}

/// The values of flags. One that this build does not have is null.
struct Flags<'a>(&'a Config);

impl Flags<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.flags.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<Value> {
        serde_json::from_str(self.text(name)?).ok()
    }

    fn switch(&self, name: &str) -> Option<bool> {
        self.text(name)?.parse().ok()
    }
}
