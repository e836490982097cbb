//! The entries of `metadata.managedFields`: a set of fields for each who wrote.

use serde_json::{Map, Value, json};

use super::set::{Element, FieldSet};
use super::typed::{self, Comparison};
use crate::object::{elements, set, take, text};
use crate::schema::Schema;

/// How somebody writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By apply: the fields are those that the last one named.
    Apply,
    /// By anything else: the fields are those that it changed.
    Update,
}

/// Who writes, how, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The field manager.
    pub name: String,
    /// How.
    pub operation: Operation,
    /// In which version.
    pub api_version: String,
    /// Through which subresource; empty for none.
    pub subresource: &'static str,
    /// When.
    pub time: String,
}

/// One who wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manager {
    pub name: String,
    pub operation: Operation,
    pub subresource: String,
    api_version: String,
    time: String,
    pub fields: FieldSet,
}

/// Everybody who wrote an object and still has a field of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Managers(pub(super) Vec<Manager>);

impl Managers {
    /// Those of an object.
    pub fn of(object: &Value) -> Self {
        Self(elements(object, "/metadata/managedFields").filter_map(Manager::read).collect())
    }

    /// Takes note of what an update changed, and writes it into the object. If the object names no
    /// managers, those from before go on. Where there were none, none are begun with, except for an
    /// object that is new.
    pub fn update(
        writer: &Writer,
        schema: &Schema,
        before: Option<&Value>,
        after: &mut Value,
        reset: &[&str],
    ) {
        let mut managers = Self::of(after);
        let said = take(after, "/metadata", "managedFields");
        // A list with nothing in its only element asks to forget everybody.
        let forget = said.is_some_and(|said| said == json!([{}]));
        let known = before.map(Self::of).unwrap_or_default();
        if managers.0.is_empty() && !forget {
            managers = known;
        }
        if managers.0.is_empty() && before.is_some() {
            return;
        }
        let mut before = before.cloned().unwrap_or_else(|| json!({}));
        take(&mut before, "/metadata", "managedFields");
        let mut comparison = typed::compare(schema, &before, after);
        for field in reset {
            comparison.changed.children.remove(&Element::field(field));
        }
        managers.note(writer, schema, comparison);
        managers.write(after);
    }

    /// Whoever set what is there before anybody applied: nobody knows who.
    pub(super) fn unknown(writer: &Writer, schema: &Schema, there: &Value) -> Self {
        let name = "before-first-apply".to_owned();
        let before = Writer { name, operation: Operation::Update, ..writer.clone() };
        let mut managers = Self::default();
        managers.note(&before, schema, typed::compare(schema, &json!({}), there));
        managers
    }

    /// What was changed belongs to the writer alone; what is gone to nobody.
    fn note(&mut self, writer: &Writer, schema: &Schema, comparison: Comparison) {
        for manager in self.0.iter_mut().filter(|manager| !manager.is(writer)) {
            manager.fields.subtract(&comparison.changed);
            manager.fields.subtract(&comparison.removed);
        }
        let mut fields = self.find(writer).map(|own| own.fields.clone()).unwrap_or_default();
        fields.subtract(&comparison.removed);
        fields.add(comparison.changed);
        self.give(writer, schema, fields);
    }

    /// The fields of a writer are these now.
    pub(super) fn give(&mut self, writer: &Writer, schema: &Schema, mut fields: FieldSet) {
        strip(&mut fields);
        // What is defined has no Go type.
        if !schema.name.is_empty() {
            bare(&mut fields);
        }
        match self.0.iter_mut().find(|manager| manager.is(writer)) {
            Some(own) if own.fields == fields => {}
            Some(own) => {
                own.fields = fields;
                own.time.clone_from(&writer.time);
                own.api_version.clone_from(&writer.api_version);
            }
            None => self.0.push(Manager::new(writer, fields)),
        }
        self.0.retain(|manager| !manager.fields.is_empty());
    }

    pub(super) fn find(&self, writer: &Writer) -> Option<&Manager> {
        self.0.iter().find(|manager| manager.is(writer))
    }

    /// Writes them into an object: those who apply first, then by time.
    pub(super) fn write(mut self, object: &mut Value) {
        if self.0.is_empty() {
            take(object, "/metadata", "managedFields");
            return;
        }
        let order =
            |manager: &Manager| (manager.operation, manager.time.clone(), manager.name.clone());
        self.0.sort_by_key(order);
        let entries = self.0.iter().map(Manager::entry).collect();
        set(object, "/metadata", "managedFields", Value::Array(entries));
    }
}

impl Manager {
    fn new(writer: &Writer, fields: FieldSet) -> Self {
        Self {
            name: writer.name.clone(),
            operation: writer.operation,
            subresource: writer.subresource.to_owned(),
            api_version: writer.api_version.clone(),
            time: writer.time.clone(),
            fields,
        }
    }

    fn read(entry: &Value) -> Option<Self> {
        let operation = match text(entry, "/operation") {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return None,
        };
        let part = |pointer| text(entry, pointer).to_owned();
        Some(Self {
            name: part("/manager"),
            operation,
            subresource: part("/subresource"),
            api_version: part("/apiVersion"),
            time: part("/time"),
            fields: FieldSet::from_json(entry.get("fieldsV1")?),
        })
    }

    fn entry(&self) -> Value {
        let mut entry = Map::new();
        let operation = match self.operation {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        };
        entry.insert("manager".to_owned(), json!(self.name));
        entry.insert("operation".to_owned(), json!(operation));
        entry.insert("apiVersion".to_owned(), json!(self.api_version));
        entry.insert("time".to_owned(), json!(self.time));
        entry.insert("fieldsType".to_owned(), json!("FieldsV1"));
        entry.insert("fieldsV1".to_owned(), self.fields.to_json());
        if !self.subresource.is_empty() {
            entry.insert("subresource".to_owned(), json!(self.subresource));
        }
        Value::Object(entry)
    }

    /// An apply goes on from the last one whatever its version was; an update does not.
    pub(super) fn is(&self, writer: &Writer) -> bool {
        self.name == writer.name
            && self.operation == writer.operation
            && self.subresource == writer.subresource
            && (self.operation == Operation::Apply || self.api_version == writer.api_version)
    }

    /// `"m1"`, `"upd" using v1`
    pub(super) fn called(&self) -> String {
        let mut called = json!(self.name).to_string();
        if !self.subresource.is_empty() {
            called.push_str(&format!(" with subresource {}", json!(self.subresource)));
        }
        if self.operation == Operation::Update {
            called.push_str(&format!(" using {}", self.api_version));
        }
        called
    }
}

/// What nobody owns: the server sets it, or it says which object is meant.
fn strip(fields: &mut FieldSet) {
    for name in ["apiVersion", "kind"] {
        fields.children.remove(&Element::field(name));
    }
    let metadata = Element::field("metadata");
    if let Some(own) = fields.children.get_mut(&metadata) {
        own.owned = false;
        for name in [
            "creationTimestamp",
            "deletionGracePeriodSeconds",
            "deletionTimestamp",
            "generation",
            "managedFields",
            "name",
            "namespace",
            "resourceVersion",
            "selfLink",
            "uid",
        ] {
            own.children.remove(&Element::field(name));
        }
        if own.is_empty() {
            fields.children.remove(&metadata);
        }
    }
}

/// What Go holds as a value is always there: it is nobody's, only what is in it is somebody's.
fn bare(fields: &mut FieldSet) {
    const VALUES: [&str; 7] =
        ["containers", "metadata", "names", "spec", "status", "strategy", "template"];
    for (element, below) in &mut fields.children {
        bare(below);
        if matches!(element, Element::Field(name) if VALUES.contains(&name.as_str())) {
            below.owned &= below.children.is_empty();
        }
    }
}
