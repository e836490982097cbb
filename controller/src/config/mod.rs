//! The command line of `roster controller-manager`, checked once into a [`Config`]. Names, defaults,
//! limits and error texts are those of kube-controller-manager, so that a manifest can be kept.

mod allowed_labels;
pub mod cluster;
mod controllers;
mod duration;
mod election;
mod flags;
mod help;
mod ignored;
mod known;
pub mod logging;
pub mod serving;
pub mod webhook;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use controller_core::key::Controller;

use crate::cluster_ip_mode::ClusterIpMode;
use crate::leader;
use crate::manager::{Pace, Settings};

pub use allowed_labels::AllowedLabels;
pub use controllers::ControllerSelection;
pub use flags::Version;
pub use help::help;
pub use known::{Kind as FlagKind, all as flags};
pub use logging::Logging;
pub use serving::Serving;
pub use webhook::Webhook;

/// How many Services are given addresses at once.
const CONCURRENT_CLUSTER_IP_SYNCS: i32 = 5;

/// Everything the command line decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `--kubeconfig`.
    pub kubeconfig: Option<String>,
    /// `--master`: takes the place of the server in the kubeconfig.
    pub master: Option<String>,
    /// `--kube-api-content-type`.
    pub content_type: ContentType,
    /// `--allow-metric-labels` and its manifest.
    pub allowed_labels: AllowedLabels,
    /// `--disabled-metrics`: the names of families that are not shown.
    pub disabled_metrics: Vec<String>,
    /// `--controllers`.
    pub controllers: ControllerSelection,
    /// How health and metrics are served, if they are.
    pub serving: Option<Serving>,
    /// How the admission webhook is served, if it is.
    pub webhook: Option<Webhook>,
    /// What the manager works with.
    pub settings: Settings,
    /// `--leader-elect` and what belongs to it; nothing if this replica is the only one.
    pub election: Option<leader::Settings>,
    /// `--controller-shutdown-timeout`; none means to wait for as long as it takes.
    pub shutdown_timeout: Option<Duration>,
    /// `--takeover-check`.
    pub takeover: Takeover,
    /// `--use-service-account-credentials`.
    pub identity: Identity,
    /// `--v` and what belongs to it.
    pub logging: Logging,
    /// The values of all flags that have an effect or were given, by name.
    pub flags: BTreeMap<String, String>,
    /// Flags of kube-controller-manager that were given and have no effect here.
    pub without_effect: Vec<String>,
    /// Flags that kube-controller-manager has given up, with what it says when they are used.
    pub deprecated: Vec<(String, &'static str)>,
    /// `--feature-gates`: the names of gates that were given. None has an effect here.
    pub feature_gates: Vec<String>,
}

/// `--kube-api-content-type`: how objects are asked for and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// In protobuf, where the API server has it.
    Protobuf,
    /// In JSON.
    Json,
}

/// `--use-service-account-credentials`: in whose name controllers write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// In that of the kubeconfig.
    Common,
    /// Each in that of a ServiceAccount of its own.
    PerController,
}

/// `--takeover-check`: what to do about another manager that writes the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// Write nothing while it does.
    Wait,
    /// Write all the same.
    Force,
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// To run.
    Run(Box<Config>),
    /// To print the help.
    Help,
    /// To print the version.
    Version(Version),
}

/// Why the command line cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be parsed; the usage helps.
    #[error("{0}")]
    Usage(String),
    /// It can be parsed, and asks for what cannot be.
    #[error("{0}")]
    Invalid(String),
}

/// Reads the arguments after `roster controller-manager`.
pub fn parse(arguments: &[String]) -> Result<Request, ConfigError> {
    let values = flags::parse(arguments).map_err(ConfigError::Usage)?;
    if values.help {
        return Ok(Request::Help);
    }
    if let Some(version) = values.version {
        return Ok(Request::Version(version));
    }
    if let Some(unexpected) = values.positional.iter().find(|argument| !argument.is_empty()) {
        return Err(ConfigError::Invalid(format!(
            "\"roster controller-manager\" does not take any arguments, got [{unexpected:?}]"
        )));
    }
    let errors = problems(&values);
    if !errors.is_empty() {
        return Err(ConfigError::Invalid(controller_core::error_text::join(errors)));
    }
    Ok(Request::Run(Box::new(config(values))))
}

/// All that is wrong with values that could be parsed, to be told together.
fn problems(values: &flags::Values) -> Vec<String> {
    let mut errors = logging::problems(&values.logging);
    errors.extend(ignored::problems(values));
    errors.extend(allowed_labels::read(values).err());
    errors.extend(election::problems(values));
    errors.extend(ControllerSelection::problems(values.controllers.words()));
    let range = |name: &str, value: i32, most: i32| {
        if value < 1 {
            Some(format!("{name} must not be less than 1, but got {value}"))
        } else if value > most {
            Some(format!("{name} must not be more than {most}, but got {value}"))
        } else {
            None
        }
    };
    for (name, value, most) in [
        ("concurrent-service-endpoint-syncs", values.concurrent_service_endpoint_syncs, 50),
        ("max-endpoints-per-slice", values.max_endpoints_per_slice, 1000),
        (
            "mirroring-concurrent-service-endpoint-syncs",
            values.mirroring_concurrent_service_endpoint_syncs,
            50,
        ),
        ("mirroring-max-endpoints-per-subset", values.mirroring_max_endpoints_per_subset, 1000),
    ] {
        errors.extend(range(name, value, most));
    }
    if values.concurrent_endpoint_syncs < 1 {
        let value = values.concurrent_endpoint_syncs;
        errors.push(format!("concurrent-endpoint-syncs must not be less than 1, but got {value}"));
    }
    if ClusterIpMode::parse(&values.cluster_ip_mode).is_none() {
        errors.push(format!(
            "cluster-ip-mode must be auto, reconcile or audit, but got {:?}",
            values.cluster_ip_mode
        ));
    }
    errors.extend(serving::problems(&values.serving));
    errors.extend(webhook::problems(values));
    errors
}

fn config(values: flags::Values) -> Config {
    let positive = |value: i32| {
        usize::try_from(value).ok().and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN)
    };
    let election = election::settings(&values);
    let allowed_labels = allowed_labels::read(&values).unwrap_or_default();
    let given = |text: String| (!text.is_empty()).then_some(text);
    let controllers = ControllerSelection::new(values.controllers.words());
    let pace = |concurrent_syncs, batch_period| Pace {
        concurrent_syncs: positive(concurrent_syncs),
        batch_period,
    };
    let paces = [
        (
            Controller::EndpointSlice,
            pace(
                values.concurrent_service_endpoint_syncs,
                values.endpointslice_updates_batch_period,
            ),
        ),
        (
            Controller::Endpoints,
            pace(values.concurrent_endpoint_syncs, values.endpoint_updates_batch_period),
        ),
        (
            Controller::EndpointSliceMirroring,
            pace(
                values.mirroring_concurrent_service_endpoint_syncs,
                values.mirroring_endpointslice_updates_batch_period,
            ),
        ),
        (Controller::ClusterIp, pace(CONCURRENT_CLUSTER_IP_SYNCS, Duration::ZERO)),
    ];
    let runs = paces.into_iter().filter(|(controller, _)| controllers.runs(*controller));
    let optional = Controller::ALL.into_iter().filter(|it| controllers.runs_unasked(*it));
    Config {
        flags: values.spelt(),
        kubeconfig: given(values.kubeconfig),
        master: given(values.master),
        content_type: match values.kube_api_content_type.as_str() {
            "application/json" => ContentType::Json,
            _ => ContentType::Protobuf,
        },
        allowed_labels,
        disabled_metrics: values.disabled_metrics.words().to_vec(),
        webhook: webhook::webhook(&values.webhook, &values.serving),
        serving: serving::serving(values.serving),
        settings: Settings {
            controllers: runs.collect(),
            optional: optional.collect(),
            max_endpoints_per_slice: positive(values.max_endpoints_per_slice),
            mirroring_max_endpoints_per_subset: positive(values.mirroring_max_endpoints_per_subset),
            cluster_ip_mode: ClusterIpMode::parse(&values.cluster_ip_mode)
                .unwrap_or(ClusterIpMode::Auto),
            kube_api_qps: match values.kube_api_qps {
                negative if negative < 0.0 => None,
                // client-go takes zero for its own default.
                0.0 => Some(5.0),
                rate => Some(f64::from(rate)),
            },
            kube_api_burst: u32::try_from(values.kube_api_burst).unwrap_or(0),
            min_resync_period: Some(values.min_resync_period).filter(|period| !period.is_zero()),
            start_interval: values.controller_start_interval,
        },
        controllers,
        election,
        shutdown_timeout: Some(values.controller_shutdown_timeout)
            .filter(|timeout| !timeout.is_zero()),
        identity: match values.use_service_account_credentials {
            true => Identity::PerController,
            false => Identity::Common,
        },
        takeover: if values.takeover_check { Takeover::Wait } else { Takeover::Force },
        logging: logging::logging(values.logging),
        deprecated: ignored::deprecated(&values.without_effect),
        feature_gates: ignored::gates(&values.feature_gates),
        without_effect: values.without_effect,
    }
}

#[cfg(test)]
mod tests;
