//! What Deployments and ReplicaSets may not be: they have to select what they make, and it has to be
//! Pods that run for ever.

use serde_json::{Value, json};

use super::{each, not_negative, part, pod};
use crate::causes::Causes;
use crate::names;
use crate::object::{elements, text};

/// Checks a Deployment.
pub fn deployment(object: &Value, wrong: &mut Causes) {
    let spec = part(object, "spec");
    common(spec, wrong);
    strategy(part(spec, "strategy"), wrong);
    for count in ["revisionHistoryLimit", "minReadySeconds", "progressDeadlineSeconds"] {
        not_negative(spec, count, "spec", wrong);
    }
    let seconds = |name: &str| part(spec, name).as_i64();
    if let Some(deadline) = seconds("progressDeadlineSeconds")
        && deadline <= seconds("minReadySeconds").unwrap_or(0)
    {
        let why = "must be greater than minReadySeconds";
        wrong.invalid("spec.progressDeadlineSeconds", &json!(deadline), why);
    }
    let counts = [
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "collisionCount",
    ];
    status(object, &counts, &["updatedReplicas", "readyReplicas", "availableReplicas"], wrong);
}

/// Checks a ReplicaSet.
pub fn replica_set(object: &Value, wrong: &mut Causes) {
    let spec = part(object, "spec");
    common(spec, wrong);
    not_negative(spec, "minReadySeconds", "spec", wrong);
    let counts = [
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
        "observedGeneration",
    ];
    status(object, &counts, &["fullyLabeledReplicas", "readyReplicas", "availableReplicas"], wrong);
}

fn common(spec: &Value, wrong: &mut Causes) {
    not_negative(spec, "replicas", "spec", wrong);
    if selector(spec, wrong) == Selector::Unusable {
        return;
    }
    let template = part(spec, "template");
    for (key, value) in labels(template).into_iter().flatten() {
        for why in names::of_key(key) {
            wrong.invalid("spec.template.labels", &json!(key), &why);
        }
        for why in names::of_label_value(value.as_str().unwrap_or("")) {
            wrong.invalid("spec.template.labels", value, &why);
        }
    }
    let pod_spec = part(template, "spec");
    pod::spec(pod_spec, "spec.template.spec", wrong);
    let restart = part(pod_spec, "restartPolicy");
    if !restart.is_null() && restart != "Always" {
        wrong.unsupported("spec.template.spec.restartPolicy", restart, &["Always"]);
    }
    if !part(pod_spec, "activeDeadlineSeconds").is_null() {
        let why = "activeDeadlineSeconds in ReplicaSet is not Supported";
        wrong.forbidden("spec.template.spec.activeDeadlineSeconds", why);
    }
}

/// Whether a selector can be asked what it selects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Selector {
    Usable,
    Unusable,
}

fn selector(spec: &Value, wrong: &mut Causes) -> Selector {
    let Some(selector) = spec.get("selector").filter(|selector| !selector.is_null()) else {
        wrong.required("spec.selector", "");
        not_selected(spec, wrong);
        return Selector::Usable;
    };
    let broken = broken(selector);
    if !broken.is_empty() {
        wrong.extend(broken);
        // As Go writes maps.
        let mut shown = selector.clone();
        if let Some(labels) = shown.get_mut("matchLabels") {
            labels.sort_all_objects();
        }
        wrong.invalid("spec.selector", &shown, "invalid label selector");
        return Selector::Unusable;
    }
    let words = ["matchLabels", "matchExpressions"];
    let is_empty = |word: &&str| match part(selector, word) {
        Value::Object(labels) => labels.is_empty(),
        Value::Array(expressions) => expressions.is_empty(),
        _ => true,
    };
    if words.iter().all(is_empty) {
        wrong.invalid("spec.selector", selector, "empty selector is invalid for deployment");
    }
    if !selects(selector, part(spec, "template")) {
        not_selected(spec, wrong);
    }
    Selector::Usable
}

fn broken(selector: &Value) -> Causes {
    let mut wrong = Causes::default();
    for (key, value) in part(selector, "matchLabels").as_object().into_iter().flatten() {
        for why in names::of_key(key) {
            wrong.invalid("spec.selector.matchLabels", &json!(key), &why);
        }
        for why in names::of_label_value(value.as_str().unwrap_or("")) {
            wrong.invalid("spec.selector.matchLabels", value, &why);
        }
    }
    for (field, expression) in each(selector, "matchExpressions", "spec.selector") {
        let named = elements(expression, "/values").next().is_some();
        match text(expression, "/operator") {
            "In" | "NotIn" if !named => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                wrong.required(format!("{field}.values"), why);
            }
            "Exists" | "DoesNotExist" if named => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                wrong.forbidden(format!("{field}.values"), why);
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                let why = "not a valid selector operator";
                wrong.invalid(format!("{field}.operator"), &json!(other), why);
            }
        }
    }
    wrong
}

fn labels(template: &Value) -> Option<&serde_json::Map<String, Value>> {
    template.pointer("/metadata/labels").and_then(Value::as_object)
}

fn selects(selector: &Value, template: &Value) -> bool {
    let label = |key: &str| labels(template).and_then(|labels| labels.get(key));
    let mut pairs = part(selector, "matchLabels").as_object().into_iter().flatten();
    let mut expressions = elements(selector, "/matchExpressions");
    pairs.all(|(key, value)| label(key) == Some(value))
        && expressions.all(|expression| {
            let found = label(text(expression, "/key"));
            let is_named = elements(expression, "/values").any(|value| Some(value) == found);
            match text(expression, "/operator") {
                "In" => is_named,
                "NotIn" => !is_named,
                "Exists" => found.is_some(),
                _ => found.is_none(),
            }
        })
}

fn not_selected(spec: &Value, wrong: &mut Causes) {
    let labels = spec.pointer("/template/metadata/labels").unwrap_or(&Value::Null);
    let why = "`selector` does not match template `labels`";
    wrong.invalid("spec.template.metadata.labels", labels, why);
}

fn strategy(strategy: &Value, wrong: &mut Causes) {
    let rolling = part(strategy, "rollingUpdate");
    match text(strategy, "/type") {
        "Recreate" if !rolling.is_null() => {
            let why = "may not be specified when strategy `type` is 'Recreate'";
            wrong.forbidden("spec.strategy.rollingUpdate", why);
        }
        "Recreate" => {}
        "RollingUpdate" => rolling_update(rolling, wrong),
        other => {
            // As Go writes the parts.
            let whole = json!({"Type": other, "RollingUpdate": rolling});
            wrong.unsupported("spec.strategy", &whole, &["Recreate", "RollingUpdate"]);
        }
    }
}

fn rolling_update(rolling: &Value, wrong: &mut Causes) {
    let field = |name: &str| format!("spec.strategy.rollingUpdate.{name}");
    for name in ["maxUnavailable", "maxSurge"] {
        let value = part(rolling, name);
        if value.is_string() && percent(value).is_none() {
            let why = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
            wrong.invalid(field(name), value, why);
        }
        not_negative(rolling, name, "spec.strategy.rollingUpdate", wrong);
    }
    let is_zero = |name: &str| {
        let value = part(rolling, name);
        value.as_i64().or_else(|| percent(value)) == Some(0)
    };
    let unavailable = part(rolling, "maxUnavailable");
    if is_zero("maxUnavailable") && is_zero("maxSurge") {
        let why = "may not be 0 when `maxSurge` is 0";
        wrong.invalid(field("maxUnavailable"), unavailable, why);
    }
    if percent(unavailable).is_some_and(|percent| percent > 100) {
        wrong.invalid(field("maxUnavailable"), unavailable, "must not be greater than 100%");
    }
}

fn percent(value: &Value) -> Option<i64> {
    let digits = value.as_str()?.strip_suffix('%')?;
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// No more is there in some way than is there at all.
fn status(object: &Value, counts: &[&str], parts: &[&str], wrong: &mut Causes) {
    let status = part(object, "status");
    counts.iter().for_each(|count| not_negative(status, count, "status", wrong));
    let number = |name: &str| part(status, name).as_i64().unwrap_or(0);
    for name in parts.iter().filter(|name| number(name) > number("replicas")) {
        let why = "cannot be greater than status.replicas";
        wrong.invalid(format!("status.{name}"), &json!(number(name)), why);
    }
    if number("availableReplicas") > number("readyReplicas") {
        let available = json!(number("availableReplicas"));
        wrong.invalid(
            "status.availableReplicas",
            &available,
            "cannot be greater than readyReplicas",
        );
    }
}
