//! What the server refuses to store, as far as users and controllers rely on it.

use serde_json::{Value, json};

use super::custom;
use crate::causes::Causes;
use crate::kinds::{CUSTOM_RESOURCE_DEFINITION, Kind};
use crate::refusal::Refusal;

/// Checks an object, and what of it may not change.
///
/// # Errors
/// 422 with all that is wrong.
pub fn check(
    kind: &Kind,
    name: &str,
    before: Option<&Value>,
    object: &Value,
) -> Result<(), Refusal> {
    if let Some(custom) = kind.custom {
        return custom::validate(kind, custom, name, before, object);
    }
    if *kind == CUSTOM_RESOURCE_DEFINITION {
        return Refusal::of_object(kind, name, &custom::definition::broken(before, object));
    }
    let mut wrong = Causes::default();
    for field in required(kind) {
        if is_empty(at(object, field)) {
            wrong.required(*field, "");
        }
    }
    if matches!(kind.kind, "Deployment" | "ReplicaSet") {
        workload(object, &mut wrong);
    }
    if let Some(before) = before {
        for field in immutable(kind) {
            let value = at(object, field);
            if at(before, field) != value {
                wrong.invalid(*field, value.unwrap_or(&Value::Null), "field is immutable");
            }
        }
    }
    Refusal::of_object(kind, name, &wrong)
}

fn required(kind: &Kind) -> &'static [&'static str] {
    match kind.kind {
        "EndpointSlice" => &["addressType"],
        "Deployment" | "ReplicaSet" => &["spec.selector", "spec.template.spec.containers"],
        "IPAddress" => &["spec.parentRef"],
        "ServiceCIDR" => &["spec.cidrs"],
        _ => &[],
    }
}

fn immutable(kind: &Kind) -> &'static [&'static str] {
    match kind.kind {
        "EndpointSlice" => &["addressType"],
        "Deployment" | "ReplicaSet" => &["spec.selector"],
        "IPAddress" => &["spec.parentRef"],
        "Secret" => &["type"],
        _ => &[],
    }
}

/// What Deployments and ReplicaSets have in common: they have to select what they make.
fn workload(object: &Value, wrong: &mut Causes) {
    let labels = at(object, "spec.template.metadata.labels");
    let wanted = at(object, "spec.selector.matchLabels").and_then(Value::as_object);
    let fits = |(key, value): (&String, &Value)| {
        labels.and_then(|labels| labels.get(key)).is_some_and(|found| found == value)
    };
    if !wanted.into_iter().flatten().all(fits) {
        let labels = labels.cloned().unwrap_or(json!({}));
        let why = "`selector` does not match template `labels`";
        wrong.invalid("spec.template.metadata.labels", &labels, why);
    }
    let replicas = at(object, "spec.replicas").and_then(Value::as_i64).unwrap_or(0);
    if replicas < 0 {
        wrong.invalid("spec.replicas", &json!(replicas), "must be greater than or equal to 0");
    }
}

fn at<'a>(object: &'a Value, field: &str) -> Option<&'a Value> {
    object.pointer(&format!("/{}", field.replace('.', "/")))
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(_) => false,
    }
}
