//! The built-in kinds, as Kubernetes describes them.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::proto::{self, Field, Label, Markers, Message};
use super::{Elements, Fields, List, Merging, Schema, Shape, Text, Unknown};
use crate::kinds::Kind;

macro_rules! described {
    ($($path:literal),* $(,)?) => {
        [$(include_str!(concat!("../../schemas/", $path, "/generated.proto"))),*]
    };
}

const FILES: [&str; 15] = described![
    "api/apps/v1",
    "api/authentication/v1",
    "api/authorization/v1",
    "api/autoscaling/v1",
    "api/coordination/v1",
    "api/core/v1",
    "api/discovery/v1",
    "api/events/v1",
    "api/networking/v1",
    "api/policy/v1",
    "apiextensions-apiserver/pkg/apis/apiextensions/v1",
    "apimachinery/pkg/api/resource",
    "apimachinery/pkg/apis/meta/v1",
    "apimachinery/pkg/runtime",
    "apimachinery/pkg/util/intstr",
];

/// The package of what all kinds share.
pub const META: &str = "k8s.io.apimachinery.pkg.apis.meta.v1";

static MESSAGES: LazyLock<BTreeMap<String, Message>> = LazyLock::new(|| {
    let messages = FILES.iter().flat_map(|file| proto::parse(file));
    messages.map(|message| (message.name.clone(), message)).collect()
});

static SCHEMAS: LazyLock<BTreeMap<String, Arc<Schema>>> = LazyLock::new(|| {
    let mut made = BTreeMap::new();
    for name in MESSAGES.keys() {
        make(name, &mut made);
    }
    made
});

static ANYTHING: LazyLock<Arc<Schema>> = LazyLock::new(|| plain(Shape::Any));

/// A message by its name with its package.
pub fn message(name: &str) -> Option<&'static Message> {
    MESSAGES.get(name)
}

/// What a message looks like.
pub fn schema(name: &str) -> &'static Arc<Schema> {
    SCHEMAS.get(name).unwrap_or(&ANYTHING)
}

/// What a kind looks like; anything, for a kind that Kubernetes does not describe.
pub fn of(kind: &Kind) -> &'static Arc<Schema> {
    schema(&message_of(kind.group, kind.version, kind.kind))
}

/// The message of a kind.
pub fn message_of(group: &str, version: &str, kind: &str) -> String {
    let name = match group {
        "" => format!("k8s.io.api.core.{version}.{kind}"),
        "apiextensions.k8s.io" => {
            format!("k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.{version}.{kind}")
        }
        group => {
            let package = group.split('.').next().unwrap_or(group);
            format!("k8s.io.api.{package}.{version}.{kind}")
        }
    };
    // Options come under any group.
    if MESSAGES.contains_key(&name) { name } else { format!("{META}.{kind}") }
}

/// Whether the fields of a field's message stand beside it in JSON, not within it.
pub fn is_inline(field: &Field) -> bool {
    let inline = [
        "ephemeralContainerCommon",
        "handler",
        "localObjectReference",
        "persistentVolumeSource",
        "volumeSource",
    ];
    inline.contains(&field.name.as_str())
}

fn make(name: &str, made: &mut BTreeMap<String, Arc<Schema>>) -> Arc<Schema> {
    if let Some(schema) = made.get(name) {
        return schema.clone();
    }
    let schema = match (special(name), MESSAGES.get(name)) {
        (Some(shape), _) => named(name, shape),
        (None, Some(message)) => named(name, Shape::Fields(fields(message, made))),
        (None, None) => plain(scalar(name)),
    };
    made.insert(name.to_owned(), schema.clone());
    schema
}

/// Messages that are no maps in JSON.
fn special(name: &str) -> Option<Shape> {
    let (package, short) = name.rsplit_once('.')?;
    Some(match (package, short) {
        (META, "Time") => Shape::Text(Text::Time),
        (META, "MicroTime") => Shape::Text(Text::MicroTime),
        (META, "Duration") => Shape::Text(Text::Plain),
        (META, "FieldsV1") | ("k8s.io.apimachinery.pkg.runtime", "RawExtension") => Shape::Any,
        (_, "IntOrString") => Shape::IntOrString,
        (_, "Quantity") => Shape::Quantity,
        ("k8s.io.api.authentication.v1" | "k8s.io.api.authorization.v1", "ExtraValue") => {
            Shape::List(List {
                element: plain(Shape::Text(Text::Plain)),
                applied: Elements::Atomic,
                patched: Elements::Atomic,
            })
        }
        // A schema within a schema, and so on: these are read where definitions are.
        (_, "JSON" | "JSONSchemaProps") => Shape::Any,
        _ => return None,
    })
}

fn fields(message: &Message, made: &mut BTreeMap<String, Arc<Schema>>) -> Fields {
    let mut known = BTreeMap::new();
    let mut required = Vec::new();
    for field in &message.fields {
        let schema = make(&field.type_name, made);
        if let (true, Shape::Fields(inner)) = (is_inline(field), &schema.shape) {
            known.extend(inner.known.iter().map(|(name, inner)| (name.clone(), inner.clone())));
            continue;
        }
        if field.markers.say("required") {
            required.push(field.name.clone());
        }
        known.insert(field.name.clone(), of_field(field, schema));
    }
    // The envelope of protobuf says these; in JSON they are fields of every kind.
    let has_metadata = message.fields.iter().any(|field| field.name == "metadata");
    if has_metadata || message.name.ends_with("Options") {
        for name in ["apiVersion", "kind"] {
            known.insert(name.to_owned(), plain(Shape::Text(Text::Plain)));
        }
    }
    let merging = merging(&message.markers, "structType");
    Fields { known, required, merging, unknown: Unknown::Dropped }
}

fn of_field(field: &Field, element: Arc<Schema>) -> Arc<Schema> {
    let markers = &field.markers;
    let shape = match field.label {
        Label::Map => Shape::Map(element, merging(markers, "mapType")),
        Label::Repeated => {
            Shape::List(List { applied: applied(markers), patched: patched(markers), element })
        }
        Label::Optional => return described(element, markers),
    };
    named("", shape)
}

/// What is said of a field stands before what is said of its type.
fn described(schema: Arc<Schema>, markers: &Markers) -> Arc<Schema> {
    let mut schema = Schema::clone(&schema);
    schema.default =
        markers.values("default").next().and_then(|text| serde_json::from_str(text).ok());
    if let (Shape::Fields(fields), Some(_)) =
        (&mut schema.shape, markers.values("structType").next())
    {
        fields.merging = merging(markers, "structType");
    }
    Arc::new(schema)
}

fn merging(markers: &Markers, marker: &str) -> Merging {
    match markers.values(marker).next() {
        Some("atomic") => Merging::Atomic,
        _ => Merging::Granular,
    }
}

fn applied(markers: &Markers) -> Elements {
    match markers.values("listType").next() {
        Some("map") => Elements::Keyed(markers.values("listMapKey").map(str::to_owned).collect()),
        Some("set") => Elements::Set,
        _ => Elements::Atomic,
    }
}

fn patched(markers: &Markers) -> Elements {
    let merges = markers
        .values("patchStrategy")
        .any(|strategies| strategies.split(',').any(|strategy| strategy == "merge"));
    match markers.values("patchMergeKey").next() {
        Some(key) => Elements::Keyed(vec![key.to_owned()]),
        None if merges => Elements::Set,
        None => Elements::Atomic,
    }
}

fn scalar(name: &str) -> Shape {
    match name {
        "string" => Shape::Text(Text::Plain),
        "bytes" => Shape::Text(Text::Bytes),
        "bool" => Shape::Boolean,
        "int32" => Shape::Integer(32),
        "int64" => Shape::Integer(64),
        "double" => Shape::Number,
        _ => Shape::Any,
    }
}

fn named(name: &str, shape: Shape) -> Arc<Schema> {
    Arc::new(Schema { name: name.to_owned(), shape, ..Schema::default() })
}

fn plain(shape: Shape) -> Arc<Schema> {
    named("", shape)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking
mod tests {
    use super::*;
    use crate::kinds::KINDS;

    fn list(schema: &Schema, path: &[&str]) -> (Elements, Elements) {
        let mut schema = schema;
        for name in path {
            schema = match &schema.shape {
                Shape::List(list) => list.element.field(name).unwrap(),
                _ => schema.field(name).unwrap(),
            };
        }
        match &schema.shape {
            Shape::List(list) => (list.applied.clone(), list.patched.clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_is_described() {
        for kind in &KINDS {
            assert!(matches!(of(kind).shape, Shape::Fields(_)), "{kind:?}");
        }
    }

    #[test]
    fn lists_say_how_they_are_merged() {
        let keyed =
            |keys: &[&str]| Elements::Keyed(keys.iter().map(|key| (*key).to_owned()).collect());
        let service = schema("k8s.io.api.core.v1.Service");
        assert_eq!(
            list(service, &["spec", "ports"]),
            (keyed(&["port", "protocol"]), keyed(&["port"]))
        );
        assert_eq!(list(service, &["metadata", "finalizers"]), (Elements::Set, Elements::Set));
        let pod = schema("k8s.io.api.core.v1.Pod");
        assert_eq!(
            list(pod, &["spec", "containers", "ports"]),
            (keyed(&["containerPort", "protocol"]), keyed(&["containerPort"]))
        );
        let slice = schema("k8s.io.api.discovery.v1.EndpointSlice");
        assert_eq!(list(slice, &["endpoints"]), (Elements::Atomic, Elements::Atomic));
    }

    #[test]
    fn what_stands_inline_in_go_stands_inline_here() {
        let volume = schema("k8s.io.api.core.v1.Volume");
        assert!(volume.field("emptyDir").is_some() && volume.field("volumeSource").is_none());
    }
}
