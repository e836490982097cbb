//! A record as it must be on both servers: without what each server may choose by itself.

use std::collections::{BTreeMap, BTreeSet};

use regex::{Captures, Regex};
use serde_json::{Map, Value, json};

use crate::session::{Compared, Exchange};

/// How two records differ: a line each, that names the question and the field.
pub fn differences(sandbox: &[Exchange], real: &[Exchange]) -> Vec<String> {
    let (sandbox, real) = (normal(sandbox), normal(real));
    let mut found = Vec::new();
    for (sandbox, real) in sandbox.iter().zip(&real) {
        let question = format!("{}:", real["question"].as_str().unwrap_or(""));
        compare(&question, sandbox, real, &mut found);
    }
    found
}

/// Goes down as long as both have the same shape.
fn compare(place: &str, sandbox: &Value, real: &Value, found: &mut Vec<String>) {
    match (sandbox, real) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let fields: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            for field in fields {
                let of = |map: &Map<String, Value>| map.get(field).cloned().unwrap_or(json!("-"));
                compare(&format!("{place}/{field}"), &of(ours), &of(theirs), found);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (number, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                compare(&format!("{place}/{number}"), ours, theirs, found);
            }
        }
        (ours, theirs) if ours != theirs => {
            found.push(format!("{place}\n  kube-apiserver: {theirs}\n  the sandbox:    {ours}"));
        }
        _ => {}
    }
}

/// What was asked and answered, as it must be on both.
fn normal(record: &[Exchange]) -> Vec<Value> {
    let mut known = Known::default();
    record.iter().for_each(|exchange| known.learn(&exchange.body));
    let compared = record.iter().filter(|exchange| exchange.compared == Compared::Yes);
    compared.map(|exchange| known.normal(exchange)).collect()
}

/// What a server has chosen, found in the answers.
#[derive(Default)]
struct Known {
    /// In the order in which they were seen.
    uids: Vec<String>,
    /// Versions of objects; only their order is compared.
    versions: BTreeSet<u64>,
    /// Generated names, and what they were made from.
    generated: BTreeMap<String, String>,
}

impl Known {
    fn learn(&mut self, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.learn(value)),
            Value::Object(fields) => {
                self.learn_metadata(fields);
                fields.values().for_each(|value| self.learn(value));
            }
            _ => {}
        }
    }

    fn learn_metadata(&mut self, fields: &Map<String, Value>) {
        let text = |field: &str| fields.get(field).and_then(Value::as_str);
        if let Some(uid) = text("uid").filter(|uid| uid.len() == 36)
            && !self.uids.iter().any(|known| known == uid)
        {
            self.uids.push(uid.to_owned());
        }
        if let (Some(Ok(version)), Some(_)) = (text("resourceVersion").map(str::parse), text("uid"))
        {
            self.versions.insert(version);
        }
        if let (Some(base), Some(name)) = (text("generateName"), text("name")) {
            self.generated.insert(name.to_owned(), format!("{base}*****"));
        }
    }

    fn normal(&self, exchange: &Exchange) -> Value {
        json!({
            "question": self.text(&exchange.question),
            "code": exchange.code,
            "headers": exchange.headers,
            "body": self.value("", &exchange.body),
        })
    }

    fn value(&self, field: &str, value: &Value) -> Value {
        match value {
            Value::Array(values) if field == "cells" => {
                values.iter().map(|cell| age(&self.value("", cell))).collect()
            }
            // The real server lists some causes twice.
            Value::Array(causes) if field == "causes" => {
                let mut causes: Vec<Value> =
                    causes.iter().map(|cause| self.value("", cause)).collect();
                causes.dedup();
                json!(causes)
            }
            Value::Array(values) => values.iter().map(|value| self.value("", value)).collect(),
            Value::Object(fields) if field == "metadata" && !fields.contains_key("name") => {
                self.of_a_list(fields)
            }
            Value::String(text) if field == "resourceVersion" => json!(self.version(text)),
            Value::Object(fields) => self.map(fields),
            Value::String(_) if field == "continue" => json!("<continue>"),
            Value::String(text) => json!(self.text(text)),
            Value::Number(_) if matches!(field, "nodePort" | "healthCheckNodePort") => {
                json!("<node port>")
            }
            other => other.clone(),
        }
    }

    fn map(&self, fields: &Map<String, Value>) -> Value {
        let compared = fields.iter().filter(|(field, _)| *field != "managedFields");
        compared.map(|(field, value)| (field.clone(), self.value(field, value))).collect()
    }

    /// The version of a list moves with everything else in the cluster.
    fn of_a_list(&self, metadata: &Map<String, Value>) -> Value {
        let mut metadata = metadata.clone();
        if let Some(version) = metadata.get_mut("resourceVersion") {
            *version = json!("<version>");
        }
        self.map(&metadata)
    }

    fn version(&self, text: &str) -> String {
        let place = text.parse().ok().and_then(|version: u64| {
            self.versions.contains(&version).then(|| self.versions.range(..version).count())
        });
        match place {
            Some(place) => format!("<version {place}>"),
            None => text.to_owned(),
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, base) in &self.generated {
            text = text.replace(name, base);
        }
        for (place, uid) in self.uids.iter().enumerate() {
            text = text.replace(uid, &format!("<uid {place}>"));
        }
        let replaced = [
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
            (r"10\.96\.\d+\.\d+\b", "<address>"),
            // Each library that reads JSON has words of its own.
            (r"error decoding patch: .*", "error decoding patch: <why>"),
            (r"(?s)\): yaml: .*", "): yaml: <why>"),
            // How a Pod would be another, in Go's words.
            (r"(?s)\(allow it to be set to 1 if it was previously negative\)\n.*", "<difference>"),
            (r"continue key is not valid: .*", "continue key is not valid: <why>"),
            (r"(?s)json parse error: .*", "json parse error: <why>"),
            (r"current: \d+", "current: <version>"),
            (r"ResourceVersion in record \(\d+\)", "ResourceVersion in record (<version>)"),
            (r"resourceVersion=\d+", "resourceVersion=<version>"),
            // An object that is quoted in a message.
            (r#"\\"resourceVersion\\":\\"\d+"#, r#"\"resourceVersion\":\"<version>"#),
            (r"continue=[^& ]+", "continue=<token>"),
            (r"127\.0\.0\.1:\d+", "<server>"),
        ];
        for (pattern, with) in replaced {
            let pattern = Regex::new(pattern).unwrap();
            text = pattern.replace_all(&text, |_: &Captures<'_>| with).into_owned();
        }
        text
    }
}

/// A cell of a table, unless it says how long ago something was.
fn age(cell: &Value) -> Value {
    let is_age = |text: &str| Regex::new(r"^(\d+[smhdy])+$").unwrap().is_match(text);
    match cell.as_str() {
        Some(text) if is_age(text) => json!("<age>"),
        _ => cell.clone(),
    }
}
