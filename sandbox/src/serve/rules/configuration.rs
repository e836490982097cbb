//! What ConfigMaps, Secrets and Leases may not be.

use serde_json::{Value, json};

use super::{not_negative, part};
use crate::causes::Causes;
use crate::names;
use crate::object::text;

/// The most bytes that all values may have together.
const MOST_DATA: usize = 1 << 20;

/// A ConfigMap has each key once, as a text or as bytes.
pub fn config_map(object: &Value, wrong: &mut Causes) {
    let data = part(object, "data");
    for list in ["data", "binaryData"] {
        keys(object, list, wrong);
    }
    for key in part(object, "binaryData").as_object().into_iter().flat_map(|map| map.keys()) {
        if data.get(key).is_some() {
            let why = "duplicate of key present in binaryData";
            wrong.invalid(format!("data[{key}]"), &json!(key), why);
        }
    }
    if size(object, "data") + size(object, "binaryData") * 3 / 4 > MOST_DATA {
        wrong.too_long("[]", MOST_DATA as u64);
    }
}

/// A Secret of some types has some keys.
pub fn secret(object: &Value, wrong: &mut Causes) {
    keys(object, "data", wrong);
    let wanted: &[&str] = match text(object, "/type") {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        _ => &[],
    };
    for key in wanted {
        if part(object, "data").get(key).is_none() {
            wrong.required(format!("data[{key}]"), "");
        }
    }
}

/// A Lease lasts for a while.
pub fn lease(object: &Value, wrong: &mut Causes) {
    let spec = part(object, "spec");
    if let Some(seconds) = spec.get("leaseDurationSeconds").filter(|found| !found.is_null())
        && seconds.as_i64().is_none_or(|seconds| seconds <= 0)
    {
        wrong.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0");
    }
    not_negative(spec, "leaseTransitions", "spec", wrong);
}

fn keys(object: &Value, list: &str, wrong: &mut Causes) {
    for key in part(object, list).as_object().into_iter().flat_map(|map| map.keys()) {
        for why in names::of_file(key) {
            wrong.invalid(format!("{list}[{key}]"), &json!(key), &why);
        }
    }
}

fn size(object: &Value, list: &str) -> usize {
    let values = part(object, list).as_object().into_iter().flat_map(|map| map.values());
    values.filter_map(Value::as_str).map(str::len).sum()
}
