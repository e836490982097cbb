//! Which flag sets which value of the manager.

use std::time::Duration;

use super::list::{self, List};
use super::serving::Assigned;
use super::{Values, Version, boolean, duration, float, integer};

impl Values {
    pub fn assign(&mut self, name: &str, value: &str) -> Result<Assigned, String> {
        if let Some(text) = self.text(name) {
            value.clone_into(text);
        } else if let Some(number) = self.number(name) {
            *number = integer(value)?;
        } else if let Some(time) = self.time(name) {
            *time = duration::parse(value)?;
        } else if let Some(switch) = self.switch(name) {
            *switch = boolean(value)?;
        } else if let Some(list) = self.list(name) {
            list.add(value)?;
        } else {
            return self.single(name, value);
        }
        Ok(Assigned::Yes)
    }

    fn single(&mut self, name: &str, value: &str) -> Result<Assigned, String> {
        match name {
            "kube-api-qps" => self.kube_api_qps = float(value)?,
            "version" => self.version = Version::read(value)?,
            "allow-metric-labels" => self.allow_metric_labels.extend(list::pairs(value)?),
            "feature-gates" => {
                let entries = value.split(',').map(str::trim).filter(|entry| !entry.is_empty());
                self.feature_gates.extend(entries.map(str::to_owned));
            }
            _ => return Ok(Assigned::No),
        }
        Ok(Assigned::Yes)
    }

    fn text(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "kubeconfig" => &mut self.kubeconfig,
            "master" => &mut self.master,
            "allow-metric-labels-manifest" => &mut self.allow_metric_labels_manifest,
            "cluster-ip-mode" => &mut self.cluster_ip_mode,
            "kube-api-content-type" => &mut self.kube_api_content_type,
            "leader-elect-resource-lock" => &mut self.leader_elect_resource_lock,
            "leader-elect-resource-name" => &mut self.leader_elect_resource_name,
            "leader-elect-resource-namespace" => &mut self.leader_elect_resource_namespace,
            _ => return None,
        })
    }

    fn number(&mut self, name: &str) -> Option<&mut i32> {
        Some(match name {
            "kube-api-burst" => &mut self.kube_api_burst,
            "concurrent-service-endpoint-syncs" => &mut self.concurrent_service_endpoint_syncs,
            "max-endpoints-per-slice" => &mut self.max_endpoints_per_slice,
            "concurrent-endpoint-syncs" => &mut self.concurrent_endpoint_syncs,
            "mirroring-concurrent-service-endpoint-syncs" => {
                &mut self.mirroring_concurrent_service_endpoint_syncs
            }
            "mirroring-max-endpoints-per-subset" => &mut self.mirroring_max_endpoints_per_subset,
            _ => return None,
        })
    }

    fn time(&mut self, name: &str) -> Option<&mut Duration> {
        Some(match name {
            "min-resync-period" => &mut self.min_resync_period,
            "controller-start-interval" => &mut self.controller_start_interval,
            "controller-shutdown-timeout" => &mut self.controller_shutdown_timeout,
            "leader-elect-lease-duration" => &mut self.leader_elect_lease_duration,
            "leader-elect-renew-deadline" => &mut self.leader_elect_renew_deadline,
            "leader-elect-retry-period" => &mut self.leader_elect_retry_period,
            "endpointslice-updates-batch-period" => &mut self.endpointslice_updates_batch_period,
            "endpoint-updates-batch-period" => &mut self.endpoint_updates_batch_period,
            "mirroring-endpointslice-updates-batch-period" => {
                &mut self.mirroring_endpointslice_updates_batch_period
            }
            _ => return None,
        })
    }

    fn switch(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "leader-elect" => &mut self.leader_elect,
            "use-service-account-credentials" => &mut self.use_service_account_credentials,
            "strict-flags" => &mut self.strict_flags,
            "takeover-check" => &mut self.takeover_check,
            "help" => &mut self.help,
            _ => return None,
        })
    }

    fn list(&mut self, name: &str) -> Option<&mut List> {
        Some(match name {
            "controllers" => &mut self.controllers,
            "disabled-metrics" => &mut self.disabled_metrics,
            _ => return None,
        })
    }
}
