//! Reads the protobuf that client-go and some of kubectl's commands send, into the JSON that says
//! the same. Answers are never protobuf.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::schema::builtin::{self, META};
use crate::schema::proto::{Field, Label, Message};

/// What stands in front.
const MAGIC: &[u8] = b"k8s\0";
/// How deep messages stand within each other at most.
const DEEPEST: usize = 64;

/// Go's pointers, for which a number or `false` that is there says something. Everywhere else Go
/// sends what it leaves out of JSON.
const ZERO_COUNTS: [&str; 37] = [
    "activeDeadlineSeconds",
    "allocateLoadBalancerNodePorts",
    "allowPrivilegeEscalation",
    "allowed",
    "automountServiceAccountToken",
    "blockOwnerDeletion",
    "collisionCount",
    "controller",
    "defaultMode",
    "deletionGracePeriodSeconds",
    "enableServiceLinks",
    "expirationSeconds",
    "gracePeriodSeconds",
    "hostUsers",
    "immutable",
    "intVal",
    "leaseDurationSeconds",
    "leaseTransitions",
    "mode",
    "optional",
    "orphanDependents",
    "partition",
    "priority",
    "privileged",
    "progressDeadlineSeconds",
    "readOnlyRootFilesystem",
    "ready",
    "replicas",
    "revisionHistoryLimit",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "serving",
    "started",
    "terminating",
    "terminationGracePeriodSeconds",
    "tolerationSeconds",
];

/// What cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// The object in an envelope: its kind, its version, and what it says.
///
/// # Errors
/// If it is no protobuf of a kind that is known.
pub fn object(body: &[u8]) -> Result<Value, Malformed> {
    let envelope = body.strip_prefix(MAGIC).ok_or(Malformed)?;
    let (mut type_meta, mut raw) = (&[][..], &[][..]);
    for part in Parts(envelope) {
        match part? {
            (1, Wire::Bytes(bytes)) => type_meta = bytes,
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let (mut api_version, mut kind) = ("", "");
    for part in Parts(type_meta) {
        match part? {
            (1, Wire::Bytes(bytes)) => api_version = text(bytes)?,
            (2, Wire::Bytes(bytes)) => kind = text(bytes)?,
            _ => {}
        }
    }
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    let message = builtin::message_of(group, version, kind);
    let message = builtin::message(&message).ok_or(Malformed)?;
    let mut object = Map::new();
    object.insert("kind".to_owned(), json!(kind));
    object.insert("apiVersion".to_owned(), json!(api_version));
    fields(message, raw, &mut object, 0)?;
    Ok(Value::Object(object))
}

/// One value on the wire.
enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message on the wire, with their numbers.
struct Parts<'a>(&'a [u8]);

impl<'a> Iterator for Parts<'a> {
    type Item = Result<(u32, Wire<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_empty()).then(|| self.part())
    }
}

impl<'a> Parts<'a> {
    fn part(&mut self) -> Result<(u32, Wire<'a>), Malformed> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| Malformed)?;
        let wire = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => {
                let bytes = self.take(8)?.try_into().map_err(|_| Malformed)?;
                Wire::Fixed64(u64::from_le_bytes(bytes))
            }
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                Wire::Bytes(self.take(length)?)
            }
            5 => {
                let bytes = self.take(4)?.try_into().map_err(|_| Malformed)?;
                Wire::Fixed64(u32::from_le_bytes(bytes).into())
            }
            _ => return Err(Malformed),
        };
        Ok((number, wire))
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(Malformed)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }
}

fn fields(
    message: &Message,
    bytes: &[u8],
    into: &mut Map<String, Value>,
    depth: usize,
) -> Result<(), Malformed> {
    if depth > DEEPEST {
        return Err(Malformed);
    }
    for part in Parts(bytes) {
        let (number, wire) = part?;
        let Some(field) = message.fields.iter().find(|field| field.number == number) else {
            continue;
        };
        let inner = builtin::message(&field.type_name);
        if let (true, Some(inner), Wire::Bytes(bytes)) = (builtin::is_inline(field), inner, &wire) {
            fields(inner, bytes, into, depth + 1)?;
            continue;
        }
        match field.label {
            Label::Optional => {
                let value = value(&field.type_name, &wire, depth)?;
                if says_something(field, &value) {
                    into.insert(field.name.clone(), value);
                }
            }
            Label::Repeated => {
                let value = value(&field.type_name, &wire, depth)?;
                let list = into.entry(field.name.clone()).or_insert_with(|| json!([]));
                list.as_array_mut().into_iter().for_each(|list| list.push(value.clone()));
            }
            Label::Map => {
                let (key, value) = entry(field, &wire, depth)?;
                let map = into.entry(field.name.clone()).or_insert_with(|| json!({}));
                map.as_object_mut().and_then(|map| map.insert(key, value));
            }
        }
    }
    Ok(())
}

fn entry(field: &Field, wire: &Wire<'_>, depth: usize) -> Result<(String, Value), Malformed> {
    let Wire::Bytes(bytes) = wire else {
        return Err(Malformed);
    };
    // What is empty may be left out.
    let mut key = String::new();
    let mut found = value(&field.type_name, &Wire::Bytes(&[]), depth).unwrap_or(json!(0));
    for part in Parts(bytes) {
        match part? {
            (1, Wire::Bytes(bytes)) => key = text(bytes)?.to_owned(),
            (2, wire) => found = value(&field.type_name, &wire, depth)?,
            _ => {}
        }
    }
    Ok((key, found))
}

fn says_something(field: &Field, value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Bool(false) => ZERO_COUNTS.contains(&field.name.as_str()),
        Value::Number(number) if number.as_f64() == Some(0.0) => {
            ZERO_COUNTS.contains(&field.name.as_str())
        }
        _ => true,
    }
}

fn value(type_name: &str, wire: &Wire<'_>, depth: usize) -> Result<Value, Malformed> {
    match (type_name, wire) {
        ("string", Wire::Bytes(bytes)) => Ok(json!(text(bytes)?)),
        ("bytes", Wire::Bytes(bytes)) => Ok(json!(BASE64_STANDARD.encode(bytes))),
        ("bool", Wire::Varint(bits)) => Ok(json!(*bits != 0)),
        ("int32" | "int64" | "uint32", Wire::Varint(bits)) => Ok(json!(bits.cast_signed())),
        ("double", Wire::Fixed64(bits)) => Ok(json!(f64::from_bits(*bits))),
        (_, Wire::Bytes(bytes)) => within(type_name, bytes, depth),
        _ => Err(Malformed),
    }
}

/// A message within another; some are no maps in JSON.
fn within(type_name: &str, bytes: &[u8], depth: usize) -> Result<Value, Malformed> {
    let message = builtin::message(type_name).ok_or(Malformed)?;
    let mut inner = Map::new();
    fields(message, bytes, &mut inner, depth + 1)?;
    let short = type_name.strip_prefix(META).and_then(|name| name.strip_prefix('.'));
    Ok(match (short, type_name.rsplit('.').next().unwrap_or("")) {
        (Some("Time"), _) => time(&inner, "%Y-%m-%dT%H:%M:%SZ")?,
        (Some("MicroTime"), _) => time(&inner, "%Y-%m-%dT%H:%M:%S%.6fZ")?,
        (Some("FieldsV1"), _) => raw(&inner, "Raw")?,
        (_, "RawExtension") => raw(&inner, "raw")?,
        (_, "Quantity") => inner.remove("string").unwrap_or(json!("0")),
        (_, "ExtraValue") => inner.remove("items").unwrap_or(json!([])),
        (_, "IntOrString") => match inner.get("type") {
            Some(_) => inner.remove("strVal").unwrap_or(json!("")),
            None => inner.remove("intVal").unwrap_or(json!(0)),
        },
        _ => Value::Object(inner),
    })
}

fn time(parts: &Map<String, Value>, format: &str) -> Result<Value, Malformed> {
    let Some(seconds) = parts.get("seconds").and_then(Value::as_i64) else {
        return Ok(Value::Null);
    };
    let nanos = parts.get("nanos").and_then(Value::as_i64).unwrap_or(0);
    let nanos = i32::try_from(nanos).map_err(|_| Malformed)?;
    let time = Timestamp::new(seconds, nanos).map_err(|_| Malformed)?;
    Ok(json!(time.strftime(format).to_string()))
}

/// JSON that was sent as bytes.
fn raw(parts: &Map<String, Value>, field: &str) -> Result<Value, Malformed> {
    let Some(encoded) = parts.get(field).and_then(Value::as_str) else {
        return Ok(Value::Null);
    };
    let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Malformed)
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking
mod tests {
    use super::*;

    /// A length-delimited field.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut encoded = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        encoded.extend(bytes);
        encoded
    }

    fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let type_meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &type_meta), field(2, raw)].concat()
    }

    #[test]
    fn what_go_leaves_out_of_json_is_left_out() {
        // A Service with metadata.name, an empty namespace, and a port 80 with nodePort 0.
        let metadata = [field(1, b"s"), field(3, b"")].concat();
        let target = [vec![8, 0, 16, 144, 78], field(3, b"")].concat();
        let port = [field(1, b""), vec![24, 80], field(4, &target), vec![40, 0]].concat();
        let spec =
            [field(1, &port), field(2, &[field(1, b"app"), field(2, b"a")].concat())].concat();
        let body = envelope("v1", "Service", &[field(1, &metadata), field(2, &spec)].concat());
        assert_eq!(
            object(&body).unwrap(),
            json!({
                "kind": "Service", "apiVersion": "v1", "metadata": {"name": "s"},
                "spec": {
                    "ports": [{"port": 80, "targetPort": 10000}], "selector": {"app": "a"},
                },
            })
        );
    }

    #[test]
    fn what_is_no_protobuf_is_refused() {
        for bytes in [&b""[..], b"k8s\0", b"k8s\0\xff\xff", b"k8s\0\x12\x05ab", b"{}"] {
            assert_eq!(object(bytes), Err(Malformed), "{bytes:?}");
        }
        let cut = envelope("v1", "Service", &[18, 200]);
        assert_eq!(object(&cut), Err(Malformed));
    }
}
