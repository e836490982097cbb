//! The names of all flags that kube-controller-manager 1.36 has, and of our own, by what they take.
//! Those that have no effect here are accepted all the same, so that a manifest can be kept as it is;
//! names it never had are mistakes, and so are values that it would not take.

use super::duration;
use super::flags::{boolean, float, integer};

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing; `--name` alone means true.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// A time, as Go writes it.
    Duration,
    /// The path of a file or a directory.
    Path,
    /// Anything else.
    Text,
}

/// What kind of flag a name is, or nothing if there is no such flag.
pub fn kind(name: &str) -> Option<Kind> {
    all().find_map(|(known, kind)| (known == name).then_some(kind))
}

/// All flags.
pub fn all() -> impl Iterator<Item = (&'static str, Kind)> {
    let of = |names: &'static [&'static str], kind| names.iter().map(move |name| (*name, kind));
    of(BOOLEANS, Kind::Boolean)
        .chain(of(INTEGERS, Kind::Integer))
        .chain(of(FLOATS, Kind::Float))
        .chain(of(DURATIONS, Kind::Duration))
        .chain(of(PATHS, Kind::Path))
        .chain(of(TEXTS, Kind::Text))
}

/// What kube-controller-manager says of flags that it has given up, when they are used.
pub fn deprecated(name: &str) -> Option<&'static str> {
    match name {
        "allow-untagged-cloud" => Some(
            "This flag is deprecated and will be removed in a future release. A cluster-id will be \
             required on cloud instances.",
        ),
        "node-sync-period" => Some("This flag is currently no-op and will be deleted."),
        _ => None,
    }
}

impl Kind {
    /// Whether a flag of this kind takes a value.
    ///
    /// # Errors
    /// In Go's words, if it does not.
    pub fn check(self, value: &str) -> Result<(), String> {
        match self {
            Kind::Boolean => boolean(value).map(drop),
            Kind::Integer => integer::<i32>(value).map(drop),
            Kind::Float => float(value).map(drop),
            Kind::Duration => duration::parse(value).map(drop),
            Kind::Path | Kind::Text => Ok(()),
        }
    }
}

const BOOLEANS: &[&str] = &[
    "allocate-node-cidrs",
    "allow-untagged-cloud",
    "authentication-skip-lookup",
    "authentication-tolerate-lookup-failure",
    "configure-cloud-routes",
    "contention-profiling",
    "disable-attach-detach-reconcile-sync",
    "disable-force-detach-on-timeout",
    "disable-http2-serving",
    "enable-dynamic-provisioning",
    "enable-garbage-collector",
    "enable-hostpath-provisioner",
    "enable-leader-migration",
    "help",
    "leader-elect",
    "log-json-split-stream",
    "log-text-split-stream",
    "permit-address-sharing",
    "permit-port-sharing",
    "profiling",
    "strict-flags",
    "takeover-check",
    "use-service-account-credentials",
    "version",
];

const INTEGERS: &[&str] = &[
    "concurrent-cron-job-syncs",
    "concurrent-daemonset-syncs",
    "concurrent-deployment-syncs",
    "concurrent-device-taint-eviction-syncs",
    "concurrent-endpoint-syncs",
    "concurrent-ephemeralvolume-syncs",
    "concurrent-gc-syncs",
    "concurrent-horizontal-pod-autoscaler-syncs",
    "concurrent-job-syncs",
    "concurrent-namespace-syncs",
    "concurrent-rc-syncs",
    "concurrent-replicaset-syncs",
    "concurrent-resource-quota-syncs",
    "concurrent-resourceclaim-syncs",
    "concurrent-service-endpoint-syncs",
    "concurrent-service-syncs",
    "concurrent-serviceaccount-token-syncs",
    "concurrent-statefulset-syncs",
    "concurrent-ttl-after-finished-syncs",
    "concurrent-validating-admission-policy-status-syncs",
    "http2-max-streams-per-connection",
    "kube-api-burst",
    "large-cluster-size-threshold",
    "max-endpoints-per-slice",
    "mirroring-concurrent-service-endpoint-syncs",
    "mirroring-max-endpoints-per-subset",
    "node-cidr-mask-size",
    "node-cidr-mask-size-ipv4",
    "node-cidr-mask-size-ipv6",
    "pv-recycler-increment-timeout-nfs",
    "pv-recycler-minimum-timeout-hostpath",
    "pv-recycler-minimum-timeout-nfs",
    "pv-recycler-timeout-increment-hostpath",
    "secure-port",
    "terminated-pod-gc-threshold",
    "v",
    "webhook-secure-port",
];

const FLOATS: &[&str] = &[
    "horizontal-pod-autoscaler-tolerance",
    "kube-api-qps",
    "node-eviction-rate",
    "secondary-node-eviction-rate",
    "unhealthy-zone-threshold",
];

const DURATIONS: &[&str] = &[
    "attach-detach-reconcile-sync-period",
    "authentication-token-webhook-cache-ttl",
    "authorization-webhook-cache-authorized-ttl",
    "authorization-webhook-cache-unauthorized-ttl",
    "cluster-signing-duration",
    "controller-shutdown-timeout",
    "controller-start-interval",
    "endpoint-updates-batch-period",
    "endpointslice-updates-batch-period",
    "horizontal-pod-autoscaler-cpu-initialization-period",
    "horizontal-pod-autoscaler-downscale-stabilization",
    "horizontal-pod-autoscaler-initial-readiness-delay",
    "horizontal-pod-autoscaler-sync-period",
    "leader-elect-lease-duration",
    "leader-elect-renew-deadline",
    "leader-elect-retry-period",
    "legacy-service-account-token-clean-up-period",
    "log-flush-frequency",
    "min-resync-period",
    "mirroring-endpointslice-updates-batch-period",
    "namespace-sync-period",
    "node-monitor-grace-period",
    "node-monitor-period",
    "node-startup-grace-period",
    "node-sync-period",
    "pvclaimbinder-sync-period",
    "resource-quota-sync-period",
    "route-reconciliation-period",
];

const PATHS: &[&str] = &[
    "allow-metric-labels-manifest",
    "authentication-kubeconfig",
    "authorization-kubeconfig",
    "cert-dir",
    "client-ca-file",
    "cloud-config",
    "cluster-signing-cert-file",
    "cluster-signing-key-file",
    "cluster-signing-kube-apiserver-client-cert-file",
    "cluster-signing-kube-apiserver-client-key-file",
    "cluster-signing-kubelet-client-cert-file",
    "cluster-signing-kubelet-client-key-file",
    "cluster-signing-kubelet-serving-cert-file",
    "cluster-signing-kubelet-serving-key-file",
    "cluster-signing-legacy-unknown-cert-file",
    "cluster-signing-legacy-unknown-key-file",
    "flex-volume-plugin-dir",
    "kubeconfig",
    "leader-migration-config",
    "pv-recycler-pod-template-filepath-hostpath",
    "pv-recycler-pod-template-filepath-nfs",
    "requestheader-client-ca-file",
    "root-ca-file",
    "service-account-private-key-file",
    "tls-cert-file",
    "tls-private-key-file",
    "webhook-cert-dir",
    "webhook-client-ca-file",
];

const TEXTS: &[&str] = &[
    "allow-metric-labels",
    "authorization-always-allow-paths",
    "bind-address",
    "cidr-allocator-type",
    "cloud-provider",
    "cluster-cidr",
    "cluster-ip-mode",
    "cluster-name",
    "controllers",
    "disabled-metrics",
    "emulated-version",
    "external-cloud-volume-plugin",
    "feature-gates",
    "kube-api-content-type",
    "leader-elect-resource-lock",
    "leader-elect-resource-name",
    "leader-elect-resource-namespace",
    "log-json-info-buffer-size",
    "log-text-info-buffer-size",
    "logging-format",
    "master",
    "min-compatibility-version",
    "requestheader-allowed-names",
    "requestheader-extra-headers-prefix",
    "requestheader-group-headers",
    "requestheader-uid-headers",
    "requestheader-username-headers",
    "service-cluster-ip-range",
    "show-hidden-metrics-for-version",
    "tls-cipher-suites",
    "tls-curve-preferences",
    "tls-min-version",
    "tls-sni-cert-key",
    "vmodule",
    "webhook-bind-address",
];
