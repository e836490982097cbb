//! OpenAPI v3: what `kubectl explain` prints, and what makes kubectl leave the checking of fields to
//! the server: per kind a patch operation that knows `fieldValidation`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use super::discovery::{group_versions, hash};
use crate::kinds::{Kind, Kinds, Scope};
use crate::schema::builtin;
use crate::schema::{Elements, Merging, Schema, Shape, Text};

/// The documents of the group versions that are always served: they are large, and never change.
static DOCUMENTS: LazyLock<BTreeMap<String, Arc<Document>>> = LazyLock::new(|| {
    let kinds = Kinds::default();
    let made = group_versions(&kinds).into_iter().map(|(group, version)| {
        let document = Document::of(&kinds.of_version(group, version));
        (path_of(group, version), Arc::new(document))
    });
    made.collect()
});

const OBJECT_META: &str = "k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// A document, encoded.
pub struct Document {
    /// JSON.
    pub body: String,
    /// Changes when the body changes.
    pub hash: u64,
}

/// Where the documents of the group versions are. The address changes with the content.
pub fn index(kinds: &Kinds) -> Value {
    let paths = group_versions(kinds).into_iter().filter_map(|(group, version)| {
        let path = path_of(group, version);
        let hash = document(kinds, group, version)?.hash;
        let url = format!("/openapi/v3/{path}?hash={hash:016X}");
        Some((path, json!({"serverRelativeURL": url})))
    });
    json!({"paths": paths.collect::<Map<_, _>>()})
}

/// The document of a group version; none if it is not served.
pub fn document(kinds: &Kinds, group: &str, version: &str) -> Option<Arc<Document>> {
    let known = DOCUMENTS.get(&path_of(group, version)).cloned();
    known.or_else(|| match kinds.of_version(group, version).as_slice() {
        [] => None,
        kinds => Some(Arc::new(Document::of(kinds))),
    })
}

fn path_of(group: &str, version: &str) -> String {
    match group {
        "" => format!("api/{version}"),
        group => format!("apis/{group}/{version}"),
    }
}

impl Document {
    fn of(kinds: &[&Kind]) -> Self {
        let mut components = Components::default();
        let mut paths = Map::new();
        for kind in kinds {
            let name = components.add_kind(kind);
            let all = collection(kind);
            let names = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
            let reference = json!({"$ref": reference(&name)});
            let answer = json!({"content": {"application/json": {"schema": reference}}});
            let named = json!({"patch": {
                "parameters": [{"name": "fieldValidation", "in": "query"}],
                "responses": {"200": answer},
                "x-kubernetes-group-version-kind": names,
            }});
            let many = json!({"post": {
                "responses": {"201": answer},
                "x-kubernetes-group-version-kind": names,
            }});
            paths.insert(format!("{all}/{{name}}"), named);
            paths.insert(all, many);
            components.name_kind(&name, names);
        }
        let body = json!({
            "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.3"},
            "paths": paths, "components": {"schemas": components.made},
        });
        let body = body.to_string();
        let hash = hash(body.as_bytes());
        Self { body, hash }
    }
}

/// The messages that the kinds of a document are made of.
#[derive(Default)]
struct Components {
    known: BTreeSet<String>,
    made: Map<String, Value>,
}

impl Components {
    /// Adds what a kind looks like, and says under which name.
    fn add_kind(&mut self, kind: &Kind) -> String {
        let Some(custom) = kind.custom else {
            let message = &kind.schema().name;
            self.add(message);
            return message.clone();
        };
        let reversed: Vec<&str> = kind.group.rsplit('.').collect();
        let name = format!("{}.{}.{}", reversed.join("."), kind.version, kind.kind);
        let mut schema = custom.rules.clone();
        self.add(OBJECT_META);
        let metadata = json!({"allOf": [{"$ref": reference(OBJECT_META)}]});
        for (field, schema_of) in [
            ("apiVersion", json!({"type": "string"})),
            ("kind", json!({"type": "string"})),
            ("metadata", metadata),
        ] {
            crate::object::set(&mut schema, "/properties", field, schema_of);
        }
        self.made.insert(name.clone(), schema);
        name
    }

    fn add(&mut self, message: &str) {
        if !self.known.insert(message.to_owned()) {
            return;
        }
        let schema = builtin::schema(message);
        let mut component = self.shape(schema);
        describe(&mut component, &schema.description);
        self.made.insert(component_name(message), component);
    }

    fn name_kind(&mut self, message: &str, names: Value) {
        if let Some(fields) = self.made.get_mut(&component_name(message)) {
            crate::object::set(fields, "", "x-kubernetes-group-version-kind", json!([names]));
        }
    }

    /// A schema where it is used: messages stand for themselves elsewhere.
    fn used(&mut self, schema: &Schema) -> Value {
        let mut used = if schema.name.is_empty() {
            self.shape(schema)
        } else {
            self.add(&schema.name);
            json!({"allOf": [{"$ref": reference(&schema.name)}]})
        };
        if schema.description != builtin::schema(&schema.name).description {
            describe(&mut used, &schema.description);
        }
        used
    }

    fn shape(&mut self, schema: &Schema) -> Value {
        match &schema.shape {
            Shape::Fields(fields) => {
                let properties =
                    fields.known.iter().map(|(name, field)| (name.clone(), self.used(field)));
                let properties: Map<String, Value> = properties.collect();
                let mut shape = json!({"type": "object", "properties": properties});
                if !fields.required.is_empty() {
                    crate::object::set(&mut shape, "", "required", json!(fields.required));
                }
                merged(&mut shape, fields.merging);
                shape
            }
            Shape::Map(value, merging) => {
                let values = self.used(value);
                let mut shape = json!({"type": "object", "additionalProperties": values});
                merged(&mut shape, *merging);
                shape
            }
            Shape::List(list) => {
                let mut shape = json!({"type": "array", "items": self.used(&list.element)});
                let (kind, keys) = match &list.applied {
                    Elements::Atomic => ("atomic", None),
                    Elements::Set => ("set", None),
                    Elements::Keyed(keys) => ("map", Some(keys)),
                };
                crate::object::set(&mut shape, "", "x-kubernetes-list-type", json!(kind));
                if let Some(keys) = keys {
                    crate::object::set(&mut shape, "", "x-kubernetes-list-map-keys", json!(keys));
                }
                shape
            }
            Shape::Text(Text::Plain) => json!({"type": "string"}),
            Shape::Text(Text::Bytes) => json!({"type": "string", "format": "byte"}),
            Shape::Text(Text::Time | Text::MicroTime) => {
                json!({"type": "string", "format": "date-time"})
            }
            Shape::Integer(bits) => json!({"type": "integer", "format": format!("int{bits}")}),
            Shape::Number => json!({"type": "number", "format": "double"}),
            Shape::Boolean => json!({"type": "boolean"}),
            Shape::IntOrString => {
                let either = json!([{"type": "integer"}, {"type": "string"}]);
                json!({"format": "int-or-string", "oneOf": either})
            }
            Shape::Quantity => json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
            Shape::Any => json!({"type": "object"}),
        }
    }
}

fn merged(shape: &mut Value, merging: Merging) {
    if merging == Merging::Atomic {
        crate::object::set(shape, "", "x-kubernetes-map-type", json!("atomic"));
    }
}

fn describe(schema: &mut Value, description: &str) {
    if !description.is_empty() {
        crate::object::set(schema, "", "description", json!(description));
    }
}

fn reference(message: &str) -> String {
    format!("#/components/schemas/{}", component_name(message))
}

/// `io.k8s.api.core.v1.Pod`
fn component_name(message: &str) -> String {
    match message.strip_prefix("k8s.io.") {
        Some(rest) => format!("io.k8s.{}", rest.replace('_', "-")),
        None => message.to_owned(),
    }
}

fn collection(kind: &Kind) -> String {
    let root = path_of(kind.group, kind.version);
    match kind.scope {
        Scope::Cluster => format!("/{root}/{}", kind.plural),
        Scope::Namespaced => format!("/{root}/namespaces/{{namespace}}/{}", kind.plural),
    }
}
