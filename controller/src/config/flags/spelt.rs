//! The values of all flags that have an effect here, as Go would print them, and what was given of
//! the others.

use std::collections::BTreeMap;
use std::fmt;

use super::super::duration::spelt as time;
use super::{List, Values};

impl Values {
    /// Values by name.
    pub fn spelt(&self) -> BTreeMap<String, String> {
        let spelt = self.of_manager().into_iter();
        let spelt = spelt.chain(self.logging.spelt()).chain(self.serving.spelt());
        let spelt = spelt.chain(self.webhook.spelt());
        let mut all: BTreeMap<String, String> =
            spelt.map(|(name, value)| (name.to_owned(), value)).collect();
        all.extend(self.ignored.clone());
        all
    }

    fn of_manager(&self) -> Vec<(&'static str, String)> {
        vec![
            ("kubeconfig", self.kubeconfig.clone()),
            ("master", self.master.clone()),
            ("kube-api-qps", self.kube_api_qps.to_string()),
            ("kube-api-burst", self.kube_api_burst.to_string()),
            ("kube-api-content-type", self.kube_api_content_type.clone()),
            ("disabled-metrics", list(&self.disabled_metrics)),
            ("allow-metric-labels", map(&self.allow_metric_labels)),
            ("allow-metric-labels-manifest", self.allow_metric_labels_manifest.clone()),
            ("controllers", list(&self.controllers)),
            ("leader-elect", self.leader_elect.to_string()),
            ("leader-elect-lease-duration", time(self.leader_elect_lease_duration)),
            ("leader-elect-renew-deadline", time(self.leader_elect_renew_deadline)),
            ("leader-elect-retry-period", time(self.leader_elect_retry_period)),
            ("leader-elect-resource-lock", self.leader_elect_resource_lock.clone()),
            ("leader-elect-resource-name", self.leader_elect_resource_name.clone()),
            ("leader-elect-resource-namespace", self.leader_elect_resource_namespace.clone()),
            ("controller-shutdown-timeout", time(self.controller_shutdown_timeout)),
            ("use-service-account-credentials", self.use_service_account_credentials.to_string()),
            ("min-resync-period", time(self.min_resync_period)),
            ("controller-start-interval", time(self.controller_start_interval)),
            ("feature-gates", self.feature_gates.join(",")),
            ("strict-flags", self.strict_flags.to_string()),
            ("takeover-check", self.takeover_check.to_string()),
            (
                "concurrent-service-endpoint-syncs",
                self.concurrent_service_endpoint_syncs.to_string(),
            ),
            ("max-endpoints-per-slice", self.max_endpoints_per_slice.to_string()),
            ("endpointslice-updates-batch-period", time(self.endpointslice_updates_batch_period)),
            ("concurrent-endpoint-syncs", self.concurrent_endpoint_syncs.to_string()),
            ("endpoint-updates-batch-period", time(self.endpoint_updates_batch_period)),
            (
                "mirroring-concurrent-service-endpoint-syncs",
                self.mirroring_concurrent_service_endpoint_syncs.to_string(),
            ),
            (
                "mirroring-max-endpoints-per-subset",
                self.mirroring_max_endpoints_per_subset.to_string(),
            ),
            (
                "mirroring-endpointslice-updates-batch-period",
                time(self.mirroring_endpointslice_updates_batch_period),
            ),
            ("cluster-ip-mode", self.cluster_ip_mode.clone()),
        ]
    }
}

impl super::logging::Values {
    fn spelt(&self) -> Vec<(&'static str, String)> {
        let modules: Vec<String> = self.modules.iter().map(ToString::to_string).collect();
        vec![
            ("v", self.verbosity.to_string()),
            ("vmodule", modules.join(",")),
            ("logging-format", self.format.clone()),
            ("log-flush-frequency", time(self.flush_frequency)),
            ("log-text-split-stream", self.split_text.to_string()),
            ("log-json-split-stream", self.split_json.to_string()),
        ]
    }
}

impl super::serving::Values {
    fn spelt(&self) -> Vec<(&'static str, String)> {
        vec![
            ("bind-address", self.bind_address.to_string()),
            ("secure-port", self.secure_port.to_string()),
            ("cert-dir", self.cert_dir.clone()),
            ("tls-cert-file", self.tls_cert_file.clone()),
            ("tls-private-key-file", self.tls_private_key_file.clone()),
            ("tls-min-version", self.tls_min_version.clone()),
            ("tls-cipher-suites", list(&self.tls_cipher_suites)),
            ("tls-curve-preferences", list_of(&self.tls_curve_preferences)),
            ("tls-sni-cert-key", list_of(&self.tls_sni_cert_key)),
            ("http2-max-streams-per-connection", self.http2_max_streams_per_connection.to_string()),
            ("permit-port-sharing", self.permit_port_sharing.to_string()),
            ("disable-http2-serving", self.disable_http2_serving.to_string()),
            ("profiling", self.profiling.to_string()),
            ("client-ca-file", self.client_ca_file.clone()),
            ("requestheader-client-ca-file", self.requestheader_client_ca_file.clone()),
            ("requestheader-allowed-names", list(&self.requestheader_allowed_names)),
            ("requestheader-username-headers", list(&self.requestheader_username_headers)),
            ("requestheader-group-headers", list(&self.requestheader_group_headers)),
            ("requestheader-extra-headers-prefix", list(&self.requestheader_extra_headers_prefix)),
            ("requestheader-uid-headers", list(&self.requestheader_uid_headers)),
            ("authentication-kubeconfig", self.authentication_kubeconfig.clone()),
            ("authentication-skip-lookup", self.authentication_skip_lookup.to_string()),
            (
                "authentication-tolerate-lookup-failure",
                self.authentication_tolerate_lookup_failure.to_string(),
            ),
            (
                "authentication-token-webhook-cache-ttl",
                time(self.authentication_token_webhook_cache_ttl),
            ),
            ("authorization-kubeconfig", self.authorization_kubeconfig.clone()),
            ("authorization-always-allow-paths", list(&self.authorization_always_allow_paths)),
            (
                "authorization-webhook-cache-authorized-ttl",
                time(self.authorization_webhook_cache_authorized_ttl),
            ),
            (
                "authorization-webhook-cache-unauthorized-ttl",
                time(self.authorization_webhook_cache_unauthorized_ttl),
            ),
        ]
    }
}

impl super::webhook::Values {
    fn spelt(&self) -> Vec<(&'static str, String)> {
        vec![
            ("webhook-bind-address", self.bind_address.to_string()),
            ("webhook-secure-port", self.secure_port.to_string()),
            ("webhook-cert-dir", self.cert_dir.clone()),
            ("webhook-client-ca-file", self.client_ca_file.clone()),
        ]
    }
}

impl fmt::Display for super::serving::NamedPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{},{}", self.certificate, self.key)?;
        match self.names.is_empty() {
            true => Ok(()),
            false => write!(formatter, ":{}", self.names.join(",")),
        }
    }
}

fn map(map: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("[{}]", pairs.join(","))
}

fn list(list: &List) -> String {
    format!("[{}]", list.words().join(","))
}

fn list_of(values: &[impl ToString]) -> String {
    let spelt: Vec<String> = values.iter().map(ToString::to_string).collect();
    format!("[{}]", spelt.join(","))
}
