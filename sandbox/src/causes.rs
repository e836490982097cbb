//! What is wrong with an object or with options: all of it is gathered before the request is refused.

use serde_json::{Value, json};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
struct Cause {
    field: String,
    reason: &'static str,
    why: String,
}

/// Everything that is wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Causes(Vec<Cause>);

impl Causes {
    /// A field that has to be there; `more` may say why.
    pub fn required(&mut self, field: impl Into<String>, more: &str) {
        let why = if more.is_empty() { String::new() } else { format!(": {more}") };
        self.add(field, "FieldValueRequired", format!("Required value{why}"));
    }

    /// A value that cannot be.
    pub fn invalid(&mut self, field: impl Into<String>, value: &Value, why: &str) {
        self.add(field, "FieldValueInvalid", format!("Invalid value: {value}: {why}"));
    }

    /// A value that cannot be, and says nothing.
    pub fn invalid_whole(&mut self, field: impl Into<String>, why: &str) {
        self.add(field, "FieldValueInvalid", format!("Invalid value: {why}"));
    }

    /// A value of the wrong type.
    pub fn wrong_type(&mut self, field: impl Into<String>, value: &Value, why: &str) {
        self.add(field, "FieldValueTypeInvalid", format!("Invalid value: {value}: {why}"));
    }

    /// A value that is there twice.
    pub fn duplicate(&mut self, field: impl Into<String>, value: &Value) {
        self.add(field, "FieldValueDuplicate", format!("Duplicate value: {value}"));
    }

    /// A name that stands for nothing.
    pub fn not_found(&mut self, field: impl Into<String>, value: &Value) {
        self.add(field, "FieldValueNotFound", format!("Not found: {value}"));
    }

    /// A text of more than so many bytes.
    pub fn too_long(&mut self, field: impl Into<String>, most: u64) {
        let why = format!("Too long: may not be more than {most} bytes");
        self.add(field, "FieldValueTooLong", why);
    }

    /// A list or a map with more than so many parts.
    pub fn too_many(&mut self, field: impl Into<String>, found: usize, most: u64) {
        let why = format!("Too many: {found}: must have at most {most} items");
        self.add(field, "FieldValueTooMany", why);
    }

    /// A field that may not be set, or not changed.
    pub fn forbidden(&mut self, field: impl Into<String>, why: &str) {
        self.add(field, "FieldValueForbidden", format!("Forbidden: {why}"));
    }

    /// A value that is none of those that may be.
    pub fn unsupported(&mut self, field: impl Into<String>, value: &Value, supported: &[&str]) {
        let supported: Vec<String> = supported.iter().map(|value| format!("\"{value}\"")).collect();
        let supported = supported.join(", ");
        let why = format!("Unsupported value: {value}: supported values: {supported}");
        self.add(field, "FieldValueNotSupported", why);
    }

    /// Adds what is wrong beside.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Whether anything is wrong for one of these reasons.
    pub fn have(&self, reasons: &[&str]) -> bool {
        self.0.iter().any(|cause| reasons.contains(&cause.reason))
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a message says it: `FIELD: WHY`, or many in brackets.
    pub fn text(&self) -> String {
        let texts = self.0.iter().map(|Cause { field, why, .. }| format!("{field}: {why}"));
        let texts: Vec<String> = texts.collect();
        match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        }
    }

    /// As the details of a Status list it.
    pub fn details(&self) -> Value {
        let causes = self.0.iter().map(|Cause { field, reason, why }| {
            json!({"reason": reason, "message": why, "field": field})
        });
        causes.collect()
    }

    fn add(&mut self, field: impl Into<String>, reason: &'static str, why: String) {
        self.0.push(Cause { field: field.into(), reason, why });
    }
}
