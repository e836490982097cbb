//! Server-side apply: what is wanted is merged into what is there; what somebody else wants
//! otherwise conflicts; what the last apply wanted and this one does not is removed.

use serde_json::{Value, json};

use super::managers::{Managers, Writer};
use super::set::FieldSet;
use super::typed;
use crate::object::take;
use crate::schema::Schema;

/// What is wanted.
pub struct Config {
    /// The fields that are wanted, as an object.
    pub object: Value,
    /// Whether what conflicts is taken over.
    pub force: bool,
}

/// What somebody else wants otherwise.
#[derive(Debug, PartialEq, Eq)]
pub struct Conflicts(Vec<Conflict>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Conflict {
    with: String,
    path: String,
}

/// Applies what is wanted to what is there.
///
/// # Errors
/// What conflicts, unless it is to be taken over.
pub fn apply(
    writer: &Writer,
    schema: &Schema,
    there: Option<&Value>,
    config: &Config,
) -> Result<Value, Conflicts> {
    let mut managers = there.map(Managers::of).unwrap_or_default();
    let is_new = there.is_none();
    let mut there = there.cloned().unwrap_or_else(|| json!({}));
    take(&mut there, "/metadata", "managedFields");
    if managers.0.is_empty() && !is_new {
        managers = Managers::unknown(writer, schema, &there);
    }
    let last = managers.find(writer).map(|own| own.fields.clone()).unwrap_or_default();
    managers.give(writer, schema, typed::fields_of(schema, &config.object));
    let mut object = there.clone();
    typed::merge(Some(schema), &mut object, &config.object);
    let mut kept = FieldSet::default();
    managers.0.iter().for_each(|manager| kept.add(manager.fields.clone()));
    typed::prune(Some(schema), &mut object, &last, &kept);
    let comparison = typed::compare(schema, &there, &object);
    let mut conflicts = Vec::new();
    for manager in managers.0.iter_mut().filter(|manager| !manager.is(writer)) {
        let taken = manager.fields.both(&comparison.changed);
        let with = manager.called();
        conflicts
            .extend(taken.paths().into_iter().map(|path| Conflict { with: with.clone(), path }));
        manager.fields.subtract(&comparison.changed);
        manager.fields.subtract(&comparison.removed);
    }
    if !config.force && !conflicts.is_empty() {
        return Err(Conflicts(conflicts));
    }
    managers.0.retain(|manager| !manager.fields.is_empty());
    managers.write(&mut object);
    Ok(object)
}

impl Conflicts {
    /// What a person is told.
    pub fn message(&self) -> String {
        if let [conflict] = self.0.as_slice() {
            let Conflict { with, path } = conflict;
            return format!("Apply failed with 1 conflict: conflict with {with}: {path}");
        }
        let mut sorted: Vec<&Conflict> = self.0.iter().collect();
        sorted.sort();
        let mut lines = Vec::new();
        let mut with = "";
        for conflict in sorted {
            if conflict.with != with {
                with = &conflict.with;
                lines.push(format!("conflicts with {with}:"));
            }
            lines.push(format!("- {}", conflict.path));
        }
        format!("Apply failed with {} conflicts: {}", self.0.len(), lines.join("\n"))
    }

    /// What a program is told.
    pub fn causes(&self) -> Vec<Value> {
        let cause = |conflict: &Conflict| {
            let message = format!("conflict with {}", conflict.with);
            json!({"reason": "FieldManagerConflict", "message": message, "field": conflict.path})
        };
        self.0.iter().map(cause).collect()
    }
}
