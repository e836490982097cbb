//! Kinds that are defined by users. Kinds are handed around as references that never end, so a
//! defined kind lives as long as the process; what is defined again in the same words is not kept
//! twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use super::{Generation, Kind, PLAIN, Scale, Scope, Status};
use crate::object::{elements, text};
use crate::schema::Schema;
use crate::schema::custom;

/// What a CustomResourceDefinition says of one version of a kind.
#[derive(Debug)]
pub struct Custom {
    /// The name of the definition: `widgets.acme.dev`.
    pub definition: &'static str,
    /// What its objects look like.
    pub schema: Arc<Schema>,
    /// What they have to be like: an OpenAPI schema.
    pub rules: Value,
    /// How they are printed.
    pub columns: Vec<Column>,
    /// Where their replicas are, if they have any.
    pub replicas: Option<Replicas>,
}

/// A column of a table.
#[derive(Debug)]
pub struct Column {
    /// As the definition says it: name, type, format, description, priority, jsonPath.
    pub said: Value,
}

/// JSON pointers to the replicas of an object.
#[derive(Debug)]
pub struct Replicas {
    /// How many there should be.
    pub wanted: String,
    /// How many there are.
    pub there: String,
    /// What selects them.
    pub selector: String,
}

// A definition is itself and no other.
impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Custom {}

/// The kinds that were ever defined, by the words that define them.
static DEFINED: Mutex<BTreeMap<String, &'static Kind>> = Mutex::new(BTreeMap::new());
static TEXTS: Mutex<BTreeMap<String, &'static str>> = Mutex::new(BTreeMap::new());

/// The kinds of a CustomResourceDefinition: one for each version that is served.
pub fn of_definition(definition: &Value) -> Vec<&'static Kind> {
    let versions = elements(definition, "/spec/versions");
    let served = versions.filter(|version| version.get("served") == Some(&Value::Bool(true)));
    served.map(|version| defined(definition, version)).collect()
}

fn defined(definition: &Value, version: &Value) -> &'static Kind {
    let names = |field: &str| definition.pointer(&format!("/spec/{field}")).map(Value::to_string);
    let words = format!("{:?} {:?} {:?} {version}", names("group"), names("names"), names("scope"));
    let mut defined = DEFINED.lock();
    if let Some(kind) = defined.get(&words) {
        return kind;
    }
    let kind: &'static Kind = Box::leak(Box::new(kind(definition, version)));
    defined.insert(words, kind);
    kind
}

fn kind(definition: &Value, version: &Value) -> Kind {
    let has = |part: &str| version.pointer(&format!("/subresources/{part}")).is_some();
    Kind {
        group: kept(text(definition, "/spec/group")),
        version: kept(text(version, "/name")),
        kind: kept(text(definition, "/spec/names/kind")),
        plural: kept(text(definition, "/spec/names/plural")),
        short_names: list(definition, "/spec/names/shortNames"),
        categories: list(definition, "/spec/names/categories"),
        scope: match text(definition, "/spec/scope") {
            "Cluster" => Scope::Cluster,
            _ => Scope::Namespaced,
        },
        status: if has("status") { Status::Subresource } else { Status::None },
        scale: if has("scale") { Scale::Replicas } else { Scale::None },
        generation: Generation::Content,
        custom: Some(Box::leak(Box::new(custom(definition, version)))),
        ..PLAIN
    }
}

fn custom(definition: &Value, version: &Value) -> Custom {
    let rules = version.pointer("/schema/openAPIV3Schema").cloned().unwrap_or_default();
    let columns = elements(version, "/additionalPrinterColumns");
    let pointer = |field| {
        let path = text(version, &format!("/subresources/scale/{field}"));
        path.replace('.', "/")
    };
    Custom {
        definition: kept(text(definition, "/metadata/name")),
        schema: Arc::new(custom::object(&rules)),
        columns: columns.map(|said| Column { said: said.clone() }).collect(),
        replicas: version.pointer("/subresources/scale").map(|_| Replicas {
            wanted: pointer("specReplicasPath"),
            there: pointer("statusReplicasPath"),
            selector: pointer("labelSelectorPath"),
        }),
        rules,
    }
}

fn list(value: &Value, pointer: &str) -> &'static [&'static str] {
    let texts: Vec<&'static str> =
        elements(value, pointer).filter_map(Value::as_str).map(kept).collect();
    Vec::leak(texts)
}

/// The same text, for as long as the process lives.
fn kept(text: &str) -> &'static str {
    let mut texts = TEXTS.lock();
    if let Some(kept) = texts.get(text) {
        return kept;
    }
    let kept: &'static str = String::leak(text.to_owned());
    texts.insert(text.to_owned(), kept);
    kept
}
