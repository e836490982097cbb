//! Flags that have no effect here and are not accepted blindly: values that kube-controller-manager
//! refuses, what must not be asked for, and all of them if the operator wants to know.

use super::flags::{Values, boolean};
use super::known;

const ALPHA_GATE: &str = "LoggingAlphaOptions";
/// The only value of `--show-hidden-metrics-for-version`: the minor version before.
const MINOR_BEFORE: &str = "1.35";

/// What is wrong with them.
pub fn problems(values: &Values) -> Vec<String> {
    let gates = gates(&values.feature_gates);
    let mut problems: Vec<String> = malformed(&values.feature_gates).into_iter().collect();
    if !gates.iter().any(|gate| gate == ALPHA_GATE) {
        problems.extend(forbidden(values));
    }
    problems.extend(hidden_metrics(values));
    problems.extend(migration(values));
    if values.strict_flags {
        let flags = values.without_effect.iter().map(|name| format!("--{name}"));
        let gates = gates.iter().map(|gate| format!("--feature-gates={gate}"));
        let each = flags.chain(gates);
        problems.extend(each.map(|what| format!("{what} has no effect here (--strict-flags)")));
    }
    problems
}

/// What kube-controller-manager refuses unless a feature gate is open.
fn forbidden(values: &Values) -> impl Iterator<Item = String> {
    let used = |name: &str| values.ignored.contains_key(name);
    let alpha = [
        ("json.infoBufferSize", used("log-json-info-buffer-size")),
        ("json.splitStream", values.logging.split_json),
        ("text.infoBufferSize", used("log-text-info-buffer-size")),
        ("text.splitStream", values.logging.split_text),
    ];
    let used = alpha.into_iter().filter(|(_, used)| *used);
    used.map(|(field, _)| format!("options.{field}: Forbidden: Feature {ALPHA_GATE} is disabled"))
}

fn hidden_metrics(values: &Values) -> Option<String> {
    let version = values.ignored.get("show-hidden-metrics-for-version")?;
    (!["", MINOR_BEFORE].contains(&version.as_str())).then(|| {
        format!(
            "metrics.showHiddenMetricsForVersion: Invalid value: {version:?}: must be omitted or have \
             the value '{MINOR_BEFORE}'; only the previous minor version is allowed"
        )
    })
}

fn migration(values: &Values) -> Option<String> {
    let wanted = values.ignored.get("enable-leader-migration")?;
    (boolean(wanted) == Ok(true)).then(|| {
        "--enable-leader-migration is not supported, because kube-controller-manager 1.36 ends when it \
         wins the migration Lease; `roster takeover check` says how to take over"
            .to_owned()
    })
}

/// Those that kube-controller-manager has given up, with what it says of them.
pub fn deprecated(without_effect: &[String]) -> Vec<(String, &'static str)> {
    let texts = without_effect.iter().map(|name| Some((name.clone(), known::deprecated(name)?)));
    texts.flatten().collect()
}

/// The names of gates, each once.
pub fn gates(entries: &[String]) -> Vec<String> {
    let name = |entry: &String| {
        let gate = entry.split_once('=').map_or(entry.as_str(), |(gate, _)| gate);
        gate.strip_prefix(COMPONENT).unwrap_or(gate).to_owned()
    };
    let mut names: Vec<String> = entries.iter().map(name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The only component that has gates; it may be named.
const COMPONENT: &str = "kube:";

/// What is wrong with the first bad entry of `[component:]Name=bool`. Names are not judged: the list of
/// those that exist changes with every release, and none has an effect here.
fn malformed(entries: &[String]) -> Option<String> {
    let wrong = |entry: &String| {
        let entry = entry.strip_prefix(COMPONENT).unwrap_or(entry);
        if let Some((component, _)) = entry.split_once(':') {
            return Some(format!("component not registered: {component}"));
        }
        let Some((name, value)) = entry.split_once('=') else {
            return Some(format!("missing bool value for {entry}"));
        };
        let error = boolean(value.trim()).err()?;
        Some(format!("invalid value of {name}={value}, err: {error}"))
    };
    let prefixed = entries.iter().filter(|entry| entry.starts_with(COMPONENT)).count();
    let mixed = (0 < prefixed && prefixed < entries.len()).then(|| {
        "set kube feature gates with default empty prefix or kube: prefix consistently, do not mix use"
            .to_owned()
    });
    entries.iter().find_map(wrong).or(mixed)
}
