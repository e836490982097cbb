//! Reads a value as a schema says: what is no field of it is left out and noted, what stands twice
//! is noted, and what is of the wrong type is told in the words of Go's decoder.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Schema, Shape, Unknown, format};

/// A value that was read.
#[derive(Debug, Default)]
pub struct Read {
    /// What is left of it.
    pub value: Value,
    /// Fields that are unknown or stand twice, in the order in which they were met.
    pub findings: Vec<String>,
    /// What is of the wrong type, if anything is: the first of it.
    pub wrong: Option<String>,
}

/// What is done with a value of the wrong type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Types {
    /// It is wrong, as it is to a server that is written in Go.
    Checked,
    /// It stays, for a validation that comes later.
    Kept,
}

/// Reads a value.
///
/// # Errors
/// What the deserializer says.
pub fn read<'de, D: Deserializer<'de>>(
    schema: &Schema,
    types: Types,
    deserializer: D,
) -> Result<Read, D::Error> {
    let mut reading = Reading { types, path: Vec::new(), read: Read::default() };
    let seed = Seed { schema, owner: "", reading: &mut reading };
    let value = seed.deserialize(deserializer)?;
    Ok(Read { value: value.unwrap_or_default(), ..reading.read })
}

/// Reads a value that is decoded already.
pub fn read_value(schema: &Schema, types: Types, value: Value) -> Read {
    // A value can always be read: all that can be wrong with it is noted.
    read(schema, types, value).unwrap_or_default()
}

struct Reading {
    types: Types,
    path: Vec<Step>,
    read: Read,
}

enum Step {
    Field(String),
    Index(usize),
    Key(String),
}

impl Reading {
    /// `spec.ports[0].port`
    fn place(&self) -> String {
        let mut place = String::new();
        for step in &self.path {
            match step {
                Step::Index(index) => place.push_str(&format!("[{index}]")),
                Step::Field(name) | Step::Key(name) => {
                    if !place.is_empty() {
                        place.push('.');
                    }
                    place.push_str(name);
                }
            }
        }
        place
    }

    fn note(&mut self, what: &str) {
        let place = self.place();
        self.read.findings.push(format!("{what} field \"{place}\""));
    }

    fn wrong(&mut self, why: String) {
        self.read.wrong.get_or_insert(why);
    }

    fn wrong_type(&mut self, found: &str, owner: &str, schema: &Schema) {
        let fields = self.path.iter().filter_map(|step| match step {
            Step::Field(name) => Some(name.as_str()),
            Step::Index(_) | Step::Key(_) => None,
        });
        let fields: Vec<&str> = fields.collect();
        let (fields, wanted) = (fields.join("."), go_type(schema));
        self.wrong(format!(
            "json: cannot unmarshal {found} into Go struct field {owner}.{fields} of type {wanted}"
        ));
    }
}

struct Seed<'a> {
    schema: &'a Schema,
    /// The message that has the field.
    owner: &'a str,
    reading: &'a mut Reading,
}

impl Seed<'_> {
    fn mismatch(self, found: &str, value: Value) -> Option<Value> {
        match self.reading.types {
            Types::Checked => {
                self.reading.wrong_type(found, self.owner, self.schema);
                None
            }
            Types::Kept => Some(value),
        }
    }

    fn integer<E>(self, value: Number) -> Result<Option<Value>, E> {
        let whole = value.as_i64();
        match &self.schema.shape {
            Shape::Any | Shape::Number => Ok(Some(Value::Number(value))),
            Shape::Quantity => Ok(Some(Value::String(value.to_string()))),
            Shape::IntOrString if fits(whole, 32) => Ok(Some(Value::Number(value))),
            Shape::Integer(bits) if fits(whole, *bits) => Ok(Some(Value::Number(value))),
            Shape::Integer(_) | Shape::IntOrString => {
                Ok(self.mismatch(&format!("number {value}"), Value::Number(value)))
            }
            _ => Ok(self.mismatch("number", Value::Number(value))),
        }
    }
}

fn fits(value: Option<i64>, bits: u32) -> bool {
    value.is_some_and(|value| bits == 64 || i32::try_from(value).is_ok())
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Option<Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        let kept = self.reading.types == Types::Kept || matches!(self.schema.shape, Shape::Any);
        Ok(kept.then_some(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        match self.schema.shape {
            Shape::Boolean | Shape::Any => Ok(Some(Value::Bool(value))),
            _ => Ok(self.mismatch("bool", Value::Bool(value))),
        }
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        self.integer(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        self.integer(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        let number = Number::from_f64(value);
        self.integer(number.ok_or_else(|| E::custom("a number that is none"))?)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Self::Value, E> {
        let checked = self.reading.types == Types::Checked;
        let formatted = match &self.schema.shape {
            Shape::Text(text) if checked => format::text(*text, value),
            Shape::Quantity if checked => format::quantity(value),
            Shape::Text(_) | Shape::Quantity | Shape::IntOrString | Shape::Any => {
                Ok(Some(Value::String(value)))
            }
            _ => return Ok(self.mismatch("string", Value::String(value))),
        };
        Ok(match formatted {
            Ok(value) => value,
            Err(why) => {
                self.reading.wrong(why);
                None
            }
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let element = match &self.schema.shape {
            Shape::List(list) => &list.element,
            Shape::Any => return list_of_anything(elements).map(Some),
            _ if self.reading.types == Types::Kept => return list_of_anything(elements).map(Some),
            _ => {
                while elements.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(self.mismatch("array", Value::Null));
            }
        };
        let mut list = Vec::new();
        loop {
            self.reading.path.push(Step::Index(list.len()));
            let seed = Seed { schema: element, owner: self.owner, reading: self.reading };
            let read = elements.next_element_seed(seed)?;
            self.reading.path.pop();
            match read {
                Some(value) => list.push(value.unwrap_or_default()),
                None => return Ok(Some(Value::Array(list))),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let known = match &self.schema.shape {
            Shape::Fields(_) | Shape::Map(..) => true,
            Shape::Any => false,
            _ if self.reading.types == Types::Kept => false,
            _ => {
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(self.mismatch("object", Value::Null));
            }
        };
        let mut map = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if !known {
                map.insert(name, fields.next_value()?);
                continue;
            }
            let step = match &self.schema.shape {
                Shape::Map(..) => Step::Key(name.clone()),
                _ => Step::Field(name.clone()),
            };
            self.reading.path.push(step);
            match self.schema.field(&name) {
                None if keeps_unknown(self.schema) => drop(map.insert(name, fields.next_value()?)),
                None => {
                    self.reading.note("unknown");
                    fields.next_value::<IgnoredAny>()?;
                }
                Some(schema) => {
                    if map.contains_key(&name) {
                        self.reading.note("duplicate");
                    }
                    let own = self.schema.name.rsplit('.').next().unwrap_or("");
                    let owner = if own.is_empty() { self.owner } else { own };
                    let seed = Seed { schema, owner, reading: self.reading };
                    if let Some(value) = fields.next_value_seed(seed)? {
                        map.insert(name, value);
                    }
                }
            }
            self.reading.path.pop();
        }
        Ok(Some(Value::Object(map)))
    }
}

fn keeps_unknown(schema: &Schema) -> bool {
    matches!(&schema.shape, Shape::Fields(fields) if fields.unknown == Unknown::Kept)
}

fn list_of_anything<'de, A: SeqAccess<'de>>(mut elements: A) -> Result<Value, A::Error> {
    let mut list = Vec::new();
    while let Some(element) = elements.next_element()? {
        list.push(element);
    }
    Ok(Value::Array(list))
}

/// What Go calls a type.
fn go_type(schema: &Schema) -> String {
    match &schema.shape {
        Shape::Fields(_) => {
            let mut parts = schema.name.rsplit('.');
            let (name, package) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            format!("{package}.{name}")
        }
        Shape::Map(value, _) => format!("map[string]{}", go_type(value)),
        Shape::List(list) => format!("[]{}", go_type(&list.element)),
        Shape::Text(super::Text::Bytes) => "[]uint8".to_owned(),
        Shape::Text(_) => "string".to_owned(),
        Shape::Integer(bits) => format!("int{bits}"),
        Shape::Number => "float64".to_owned(),
        Shape::Boolean => "bool".to_owned(),
        Shape::IntOrString => "intstr.IntOrString".to_owned(),
        Shape::Quantity => "resource.Quantity".to_owned(),
        Shape::Any => "interface {}".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::builtin;

    fn service(text: &str) -> Read {
        let schema = builtin::schema("k8s.io.api.core.v1.Service");
        let mut deserializer = serde_json::Deserializer::from_str(text);
        read(schema, Types::Checked, &mut deserializer).unwrap()
    }

    #[test]
    fn what_is_unknown_or_stands_twice_is_noted_in_order() {
        let read = service(
            r#"{"metadata":{"name":"a","name":"b","foo":1},"spec":{"ports":[{"port":80,"prt":1,"port":81}],"Foo":{"a":1},"selector":null},"zzz":1}"#,
        );
        assert_eq!(
            read.findings,
            [
                r#"duplicate field "metadata.name""#,
                r#"unknown field "metadata.foo""#,
                r#"unknown field "spec.ports[0].prt""#,
                r#"duplicate field "spec.ports[0].port""#,
                r#"unknown field "spec.Foo""#,
                r#"unknown field "zzz""#,
            ]
        );
        let left = json!({"metadata": {"name": "b"}, "spec": {"ports": [{"port": 81}]}});
        assert_eq!((read.value, read.wrong), (left, None));
    }

    #[test]
    fn what_is_of_the_wrong_type_is_told_in_gos_words() {
        for (text, expected) in [
            (
                r#"{"spec":{"ports":[{"port":"x"}]}}"#,
                "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32",
            ),
            (
                r#"{"spec":{"ports":{}}}"#,
                "json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort",
            ),
            (
                r#"{"spec":{"selector":{"a":1}}}"#,
                "json: cannot unmarshal number into Go struct field ServiceSpec.spec.selector of type string",
            ),
            (
                r#"{"spec":{"ports":[{"port":99999999999}]}}"#,
                "json: cannot unmarshal number 99999999999 into Go struct field ServicePort.spec.ports.port of type int32",
            ),
            (
                r#"{"metadata":[]}"#,
                "json: cannot unmarshal array into Go struct field Service.metadata of type v1.ObjectMeta",
            ),
        ] {
            assert_eq!(service(text).wrong.as_deref(), Some(expected), "{text}");
        }
    }
}
