//! Flags that have no effect here and are not accepted blindly: values that kube-controller-manager
//! refuses, what must not be asked for, and all of them if the operator wants to know.

use std::time::Duration;

use super::duration;
use super::flags::{Values, boolean};

/// What is wrong with them.
pub fn problems(values: &Values) -> Vec<String> {
    let given = |name: &str| values.ignored.get(name).map(String::as_str);
    let mut problems: Vec<String> = given("feature-gates").and_then(gates).into_iter().collect();
    if given("enable-leader-migration").is_some_and(|value| boolean(value) == Ok(true)) {
        problems.push(
            "--enable-leader-migration is not supported, because kube-controller-manager 1.36 ends when \
             it wins the migration Lease; `roster takeover check` says how to take over"
                .to_owned(),
        );
    }
    let flush = given("log-flush-frequency").map(duration::parse);
    if flush == Some(Ok(Duration::ZERO)) {
        problems
            .push("flushFrequency: Invalid value: \"0s\": Must be greater than zero".to_owned());
    }
    if values.strict_flags {
        let each = values.without_effect.iter();
        problems.extend(each.map(|name| format!("--{name} has no effect here (--strict-flags)")));
    }
    problems
}

/// What is wrong with a list of `[component:]Name=bool`. Names are not judged: the list of those that
/// exist changes with every release, and none has an effect here.
fn gates(list: &str) -> Option<String> {
    let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let wrong = |entry: &str| match entry.split_once('=') {
        None => Some(format!("missing bool value for {entry}")),
        Some((name, value)) => boolean(value.trim())
            .err()
            .map(|error| format!("invalid value of {name}={value}, err: {error}")),
    };
    entries.filter_map(wrong).next()
}
