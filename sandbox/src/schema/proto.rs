//! Reads Kubernetes' `generated.proto` files: messages and fields, with their markers, which say how
//! lists and maps are merged.

/// A message: a type of the API.
#[derive(Debug)]
pub struct Message {
    /// Its name with its package: `k8s.io.api.core.v1.ServicePort`.
    pub name: String,
    /// What is said of it.
    pub markers: Markers,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// Its number in protobuf.
    pub number: u32,
    /// Its name in JSON.
    pub name: String,
    /// Whether there is one, a list or a map of them.
    pub label: Label,
    /// `string`, `int32`, or the name of a message with its package.
    pub type_name: String,
    /// What is said of it.
    pub markers: Markers,
}

/// How often a value is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Once at most.
    Optional,
    /// In a list.
    Repeated,
    /// In a map by strings.
    Map,
}

/// What is said of a message or a field above it, for programs: the lines that begin with `+`,
/// without it.
#[derive(Clone, Debug, Default)]
pub struct Markers(Vec<String>);

impl Markers {
    /// The values of a marker: `map` of `+listType=map`.
    pub fn values<'a>(&'a self, marker: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.0.iter().filter_map(|said| said.split_once('='));
        values.filter(move |(name, _)| *name == marker).map(|(_, value)| value)
    }

    /// Whether a marker without a value is there: `+required`.
    pub fn say(&self, marker: &str) -> bool {
        self.0.iter().any(|said| said == marker)
    }
}

/// The messages of a file.
pub fn parse(file: &str) -> Vec<Message> {
    let mut package = "";
    let mut messages: Vec<Message> = Vec::new();
    let mut markers = Markers::default();
    for line in file.lines() {
        let line = line.trim();
        if let Some(comment) = line.strip_prefix("//") {
            markers.0.extend(comment.trim().strip_prefix('+').map(str::to_owned));
            continue;
        }
        let markers = std::mem::take(&mut markers);
        if let Some(name) = line.strip_prefix("package ") {
            package = name.trim_end_matches(';');
        } else if let Some(name) = line.strip_prefix("message ") {
            let name = format!("{package}.{}", name.trim_end_matches(" {"));
            messages.push(Message { name, markers, fields: Vec::new() });
        } else if let (Some(message), Some(field)) =
            (messages.last_mut(), field(package, line, markers))
        {
            message.fields.push(field);
        }
    }
    messages
}

fn field(package: &str, line: &str, markers: Markers) -> Option<Field> {
    let (declared, number) = line.trim_end_matches(';').split_once(" = ")?;
    let (type_name, name) = declared.rsplit_once(' ')?;
    let (label, type_name) = match type_name.split_once(' ') {
        Some(("repeated", type_name)) => (Label::Repeated, type_name),
        Some(("optional", type_name)) => (Label::Optional, type_name),
        // `map<string, TYPE>`: nothing else is a key.
        _ => (Label::Map, type_name.strip_prefix("map<string, ")?.trim_end_matches('>')),
    };
    let number = number.split_whitespace().next()?.parse().ok()?;
    let name = json_name(name).to_owned();
    Some(Field { number, name, label, type_name: qualified(package, type_name), markers })
}

/// Three fields are called otherwise in JSON.
fn json_name(name: &str) -> &str {
    match name {
        "uID" => "uid",
        "aPIGroup" => "apiGroup",
        "ingressRuleValue" => "http",
        other => other,
    }
}

fn qualified(package: &str, type_name: &str) -> String {
    match type_name.strip_prefix('.') {
        Some(absolute) => absolute.to_owned(),
        None if type_name.starts_with(char::is_uppercase) => format!("{package}.{type_name}"),
        None => type_name.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_with_their_numbers_types_and_markers() {
        let file = "package a.b.v1;\n\n// A thing.\n// +structType=atomic\nmessage Thing {\n  // Parts.\n  // +listType=map\n  // +listMapKey=name\n  repeated Part parts = 3;\n\n  map<string, bytes> data = 1;\n\n  optional .x.y.Time uID = 2;\n}\n";
        let messages = parse(file);
        let thing = &messages[0];
        assert_eq!(thing.name, "a.b.v1.Thing");
        assert_eq!(thing.markers.values("structType").collect::<Vec<_>>(), ["atomic"]);
        let fields: Vec<_> = thing
            .fields
            .iter()
            .map(|field| (field.number, field.name.as_str(), field.label, field.type_name.as_str()))
            .collect();
        assert_eq!(
            fields,
            [
                (3, "parts", Label::Repeated, "a.b.v1.Part"),
                (1, "data", Label::Map, "bytes"),
                (2, "uid", Label::Optional, "x.y.Time"),
            ]
        );
        assert_eq!(thing.fields[0].markers.values("listMapKey").collect::<Vec<_>>(), ["name"]);
    }
}
