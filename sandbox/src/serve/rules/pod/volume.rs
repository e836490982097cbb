//! What a volume may not be.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{each, formatted, part};
use crate::causes::Causes;
use crate::names;
use crate::object::text;

/// Where the content of a volume comes from, in the order in which it is looked for.
const SOURCES: [&str; 4] = ["emptyDir", "hostPath", "secret", "configMap"];

/// Checks the volumes of a Pod, and gives their names.
pub fn check<'a>(spec: &'a Value, field: &str, wrong: &mut Causes) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (field, volume) in each(spec, "volumes", field) {
        match text(volume, "/name") {
            "" => wrong.required(format!("{field}.name"), ""),
            name if !names.insert(name) => wrong.duplicate(format!("{field}.name"), &json!(name)),
            _ => formatted(volume, "name", &field, names::of_label, wrong),
        }
        let found = SOURCES.iter().filter(|source| !part(volume, source).is_null());
        for source in found.skip(1) {
            let why = "may not specify more than 1 volume type";
            wrong.forbidden(format!("{field}.{source}"), why);
        }
        for (source, name) in [("secret", "secretName"), ("configMap", "name")] {
            let source_of = part(volume, source);
            if !source_of.is_null() && text(source_of, &format!("/{name}")).is_empty() {
                wrong.required(format!("{field}.{source}.{name}"), "");
            }
        }
    }
    names
}
