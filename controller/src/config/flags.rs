//! The parser: Go's pflag rules, which operators' manifests rely on. A value stands behind `=` or
//! in the next argument, a boolean never takes the next one, `_` in a name reads as `-`, the last
//! use of a scalar wins, and the first mistake ends it.

mod fields;
mod list;
pub mod logging;
pub mod serving;
mod spelt;
mod version;
pub mod webhook;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use super::{duration, known};
use list::List;
use serving::Assigned;
pub use version::Version;

/// The values of all flags, parsed and not yet judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    pub kubeconfig: String,
    pub master: String,
    pub kube_api_qps: f32,
    pub kube_api_burst: i32,
    pub kube_api_content_type: String,
    pub controllers: List,
    pub leader_elect: bool,
    pub leader_elect_lease_duration: Duration,
    pub leader_elect_renew_deadline: Duration,
    pub leader_elect_retry_period: Duration,
    pub leader_elect_resource_lock: String,
    pub leader_elect_resource_name: String,
    pub leader_elect_resource_namespace: String,
    pub controller_shutdown_timeout: Duration,
    pub takeover_check: bool,
    pub strict_flags: bool,
    pub use_service_account_credentials: bool,
    pub min_resync_period: Duration,
    pub controller_start_interval: Duration,
    pub disabled_metrics: List,
    /// Allowed values, separated by commas, by `metric,label`.
    pub allow_metric_labels: BTreeMap<String, String>,
    pub allow_metric_labels_manifest: String,
    /// Entries of `[component:]Name=bool`.
    pub feature_gates: Vec<String>,
    pub concurrent_service_endpoint_syncs: i32,
    pub max_endpoints_per_slice: i32,
    pub endpointslice_updates_batch_period: Duration,
    pub concurrent_endpoint_syncs: i32,
    pub endpoint_updates_batch_period: Duration,
    pub mirroring_concurrent_service_endpoint_syncs: i32,
    pub mirroring_max_endpoints_per_subset: i32,
    pub mirroring_endpointslice_updates_batch_period: Duration,
    pub cluster_ip_mode: String,
    pub help: bool,
    pub version: Option<Version>,
    pub positional: Vec<String>,
    pub without_effect: Vec<String>,
    /// What was given of those.
    pub ignored: BTreeMap<String, String>,
    pub logging: logging::Values,
    pub serving: serving::Values,
    pub webhook: webhook::Values,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            kubeconfig: String::new(),
            master: String::new(),
            kube_api_qps: 20.0,
            kube_api_burst: 30,
            kube_api_content_type: "application/vnd.kubernetes.protobuf".to_owned(),
            controllers: List::by_default(&["*"]),
            leader_elect: true,
            leader_elect_lease_duration: Duration::from_secs(15),
            leader_elect_renew_deadline: Duration::from_secs(10),
            leader_elect_retry_period: Duration::from_secs(2),
            leader_elect_resource_lock: "leases".to_owned(),
            leader_elect_resource_name: "roster-controller-manager".to_owned(),
            leader_elect_resource_namespace: "kube-system".to_owned(),
            controller_shutdown_timeout: Duration::from_secs(10),
            takeover_check: true,
            strict_flags: false,
            use_service_account_credentials: false,
            min_resync_period: Duration::from_secs(12 * 60 * 60),
            controller_start_interval: Duration::ZERO,
            disabled_metrics: List::by_default(&[]),
            allow_metric_labels: BTreeMap::new(),
            allow_metric_labels_manifest: String::new(),
            feature_gates: Vec::new(),
            concurrent_service_endpoint_syncs: 5,
            max_endpoints_per_slice: 100,
            endpointslice_updates_batch_period: Duration::ZERO,
            concurrent_endpoint_syncs: 5,
            endpoint_updates_batch_period: Duration::ZERO,
            mirroring_concurrent_service_endpoint_syncs: 5,
            mirroring_max_endpoints_per_subset: 1000,
            mirroring_endpointslice_updates_batch_period: Duration::ZERO,
            cluster_ip_mode: "auto".to_owned(),
            help: false,
            version: None,
            positional: Vec::new(),
            without_effect: Vec::new(),
            ignored: BTreeMap::new(),
            logging: logging::Values::default(),
            serving: serving::Values::default(),
            webhook: webhook::Values::default(),
        }
    }
}

/// Parses arguments, left to right, up to the first mistake.
pub fn parse(arguments: &[String]) -> Result<Values, String> {
    let mut values = Values::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            values.positional.extend(rest.by_ref().cloned());
        } else if let Some(long) = argument.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            if name.is_empty() || name.starts_with('-') {
                return Err(format!("bad flag syntax: {argument}"));
            }
            let name = name.replace('_', "-");
            set(&mut values, &name, value, &mut rest)?;
        } else if let Some(short) = argument.strip_prefix('-').filter(|short| !short.is_empty()) {
            set_short(&mut values, argument, short, &mut rest)?;
        } else {
            values.positional.push(argument.clone());
        }
    }
    Ok(values)
}

fn set_short<'a>(
    values: &mut Values,
    argument: &str,
    short: &str,
    rest: &mut impl Iterator<Item = &'a String>,
) -> Result<(), String> {
    match short.split_at_checked(1) {
        Some(("h", "")) => {
            values.help = true;
            Ok(())
        }
        Some(("h", more)) => {
            values.help = true;
            set_short(values, &format!("-{more}"), more, rest)
        }
        Some(("v", "")) => {
            let value = rest.next().ok_or("flag needs an argument: 'v' in -v")?;
            set(values, "v", Some(value), rest)
        }
        Some(("v", value)) => {
            set(values, "v", Some(value.strip_prefix('=').unwrap_or(value)), rest)
        }
        _ => {
            let letter = short.chars().next().unwrap_or('-');
            Err(format!("unknown shorthand flag: '{letter}' in {argument}"))
        }
    }
}

fn set<'a>(
    values: &mut Values,
    name: &str,
    value: Option<&str>,
    rest: &mut impl Iterator<Item = &'a String>,
) -> Result<(), String> {
    let Some(kind) = known::kind(name) else {
        return Err(format!("unknown flag: --{name}"));
    };
    let value = match (kind, value) {
        (_, Some(value)) => value,
        (known::Kind::Boolean, None) => "true",
        (_, None) => rest.next().ok_or(format!("flag needs an argument: --{name}"))?,
    };
    assign(values, name, value).map_err(|reason| {
        let name = if name == "v" { "-v, --v".to_owned() } else { format!("--{name}") };
        format!("invalid argument {value:?} for \"{name}\" flag: {reason}")
    })
}

fn assign(values: &mut Values, name: &str, value: &str) -> Result<(), String> {
    if let Assigned::Yes = values.assign(name, value)? {
        return Ok(());
    }
    if let Assigned::Yes = values.logging.assign(name, value)? {
        return Ok(());
    }
    if let Assigned::Yes = values.serving.assign(name, value)? {
        return Ok(());
    }
    if let Assigned::Yes = values.webhook.assign(name, value)? {
        return Ok(());
    }
    known::kind(name).map_or(Ok(()), |kind| kind.check(value))?;
    values.ignored.insert(name.to_owned(), value.to_owned());
    if !values.without_effect.iter().any(|known| known == name) {
        values.without_effect.push(name.to_owned());
    }
    Ok(())
}

pub fn boolean(value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {value:?}: invalid syntax")),
    }
}

pub fn integer<T: FromStr>(value: &str) -> Result<T, String> {
    value.parse().map_err(|_| {
        let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
        let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let problem = if number { "value out of range" } else { "invalid syntax" };
        format!("strconv.ParseInt: parsing {value:?}: {problem}")
    })
}

/// Verbosities are not negative.
fn unsigned(value: &str) -> Result<u32, String> {
    if value.starts_with(['-', '+']) {
        return Err(format!("strconv.ParseUint: parsing {value:?}: invalid syntax"));
    }
    integer(value).map_err(|error| error.replace("ParseInt", "ParseUint"))
}

pub fn float(value: &str) -> Result<f32, String> {
    match value.parse::<f32>() {
        Ok(number) if number.is_infinite() && !value.to_ascii_lowercase().contains("inf") => {
            Err(format!("strconv.ParseFloat: parsing {value:?}: value out of range"))
        }
        Ok(number) => Ok(number),
        Err(_) => Err(format!("strconv.ParseFloat: parsing {value:?}: invalid syntax")),
    }
}
