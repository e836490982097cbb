//! What a probe may not be.

use serde_json::{Value, json};

use super::super::{not_negative, one_of, part};
use crate::causes::Causes;
use crate::names;
use crate::object::elements;

const HANDLERS: [&str; 4] = ["exec", "httpGet", "tcpSocket", "grpc"];
const COUNTS: [&str; 5] = [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
];

/// Checks the probes of a container.
pub fn check_all(container: &Value, field: &str, wrong: &mut Causes) {
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.get(name).filter(|probe| !probe.is_null()) else {
            continue;
        };
        let field = format!("{field}.{name}");
        handler(probe, &field, wrong);
        COUNTS.iter().for_each(|count| not_negative(probe, count, &field, wrong));
        let successes = part(probe, "successThreshold");
        if name != "readinessProbe" && successes.as_i64().is_some_and(|count| count > 1) {
            wrong.invalid(format!("{field}.successThreshold"), successes, "must be 1");
        }
    }
}

fn handler(probe: &Value, field: &str, wrong: &mut Causes) {
    let found = HANDLERS.iter().filter(|name| !part(probe, name).is_null());
    let mut found = found.map(|name| (*name, format!("{field}.{name}"), part(probe, name)));
    let Some((name, of_handler, first)) = found.next() else {
        return wrong.required(field, "must specify a handler type");
    };
    for (_, other, _) in found {
        wrong.forbidden(other, "may not specify more than 1 handler type");
    }
    match name {
        "exec" if elements(first, "/command").next().is_none() => {
            wrong.required(format!("{of_handler}.command"), "");
        }
        "httpGet" => {
            port(first, &of_handler, wrong);
            one_of(first, "scheme", &of_handler, &["HTTP", "HTTPS"], wrong);
        }
        "tcpSocket" => port(first, &of_handler, wrong),
        _ => {}
    }
}

/// A number, or the name of a port.
fn port(handler: &Value, field: &str, wrong: &mut Causes) {
    match handler.get("port").and_then(Value::as_str) {
        None => super::super::port(handler, "port", field, wrong),
        Some(name) => {
            for why in names::of_port(name) {
                wrong.invalid(format!("{field}.port"), &json!(name), &why);
            }
        }
    }
}
