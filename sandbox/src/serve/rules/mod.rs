//! What the server refuses to store, as far as users and controllers rely on it.

mod addresses;
mod configuration;
pub mod endpoint_slice;
mod endpoints;
mod event;
mod pod;
mod workload;

use serde_json::{Value, json};

use super::custom;
use crate::causes::Causes;
use crate::kinds::{CUSTOM_RESOURCE_DEFINITION, Kind, Part};
use crate::refusal::Refusal;
use crate::request::Ask;

/// Checks an object, and what of it may not change; `wrong` is what is wrong already.
///
/// # Errors
/// 422 with all that is wrong.
pub fn check(
    ask: &Ask,
    name: &str,
    before: Option<&Value>,
    object: &Value,
    mut wrong: Causes,
) -> Result<(), Refusal> {
    let kind = ask.kind;
    // Both faces of an Event have the name of one.
    let named = kind.stored();
    if kind.custom.is_some() || *kind == CUSTOM_RESOURCE_DEFINITION {
        Refusal::of_object(named, name, &wrong)?;
    }
    if let Some(custom) = kind.custom {
        return custom::validate(kind, custom, name, before, object);
    }
    if *kind == CUSTOM_RESOURCE_DEFINITION {
        return Refusal::of_object(kind, name, &custom::definition::broken(before, object));
    }
    match kind.kind {
        "ConfigMap" => configuration::config_map(object, &mut wrong),
        "Deployment" => workload::deployment(object, &mut wrong),
        "Endpoints" => endpoints::check(object, &mut wrong),
        "EndpointSlice" => endpoint_slice::check(object, &mut wrong),
        "Event" => event::check(kind, before, object, &mut wrong),
        "IPAddress" => addresses::ip_address(object, &mut wrong),
        "Lease" => configuration::lease(object, &mut wrong),
        "Pod" if ask.part == Part::Status => pod::status::check(before, object, &mut wrong),
        "Pod" => pod::check(before, object, &mut wrong),
        "ReplicaSet" => workload::replica_set(object, &mut wrong),
        "Secret" => configuration::secret(object, &mut wrong),
        "ServiceCIDR" => addresses::service_cidr(object, &mut wrong),
        _ => {}
    }
    if let Some(before) = before {
        unchanged(kind, before, object, &mut wrong);
    }
    Refusal::of_object(named, name, &wrong)
}

fn unchanged(kind: &Kind, before: &Value, object: &Value, wrong: &mut Causes) {
    let immutable = match kind.kind {
        "EndpointSlice" => "addressType",
        "Deployment" | "ReplicaSet" => "spec.selector",
        "IPAddress" => "spec.parentRef",
        "Secret" => "type",
        _ => return,
    };
    let value = at(object, immutable);
    if at(before, immutable) != value {
        wrong.invalid(immutable, value.unwrap_or(&Value::Null), "field is immutable");
    }
}

/// The value of a field, `spec.selector`.
fn at<'a>(object: &'a Value, field: &str) -> Option<&'a Value> {
    object.pointer(&format!("/{}", field.replace('.', "/")))
}

/// The elements of a list, each with its field: `spec.ports[0]`.
fn each<'a>(
    value: &'a Value,
    name: &str,
    within: &str,
) -> impl Iterator<Item = (String, &'a Value)> {
    let dot = if within.is_empty() { "" } else { "." };
    let list = format!("{within}{dot}{name}");
    let elements = value.get(name).and_then(Value::as_array).into_iter().flatten();
    elements.enumerate().map(move |(index, element)| (format!("{list}[{index}]"), element))
}

/// A text that has to be of a format, if it is there.
fn formatted(
    value: &Value,
    name: &str,
    within: &str,
    broken: fn(&str) -> Vec<String>,
    wrong: &mut Causes,
) {
    if let Some(text) = value.get(name).and_then(Value::as_str) {
        for why in broken(text) {
            wrong.invalid(format!("{within}.{name}"), &json!(text), &why);
        }
    }
}

/// The same, of a text that is as good as absent when it is empty.
fn formatted_unless_empty(
    value: &Value,
    name: &str,
    within: &str,
    broken: fn(&str) -> Vec<String>,
    wrong: &mut Causes,
) {
    if value.get(name).and_then(Value::as_str) != Some("") {
        formatted(value, name, within, broken, wrong);
    }
}

/// One of a few words.
fn one_of(value: &Value, name: &str, within: &str, words: &[&str], wrong: &mut Causes) {
    let said = value.get(name).and_then(Value::as_str).unwrap_or("");
    if !words.contains(&said) {
        wrong.unsupported(format!("{within}.{name}"), &json!(said), words);
    }
}

/// A number that is zero or more, if it is there.
fn not_negative(value: &Value, name: &str, within: &str, wrong: &mut Causes) {
    if let Some(number) = value.get(name).and_then(Value::as_i64).filter(|number| *number < 0) {
        let field = format!("{within}.{name}");
        wrong.invalid(field, &json!(number), "must be greater than or equal to 0");
    }
}

/// The number of a port.
fn port(value: &Value, name: &str, within: &str, wrong: &mut Causes) {
    let number = value.get(name).and_then(Value::as_i64).unwrap_or(0);
    if !(1..=65535).contains(&number) {
        let field = format!("{within}.{name}");
        wrong.invalid(field, &json!(number), "must be between 1 and 65535, inclusive");
    }
}

/// The protocols of ports.
const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];

/// What a value has at a name; what is not there is null.
fn part<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}
