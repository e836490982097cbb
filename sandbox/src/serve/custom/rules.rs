//! What the objects of a defined kind have to be like: the keywords of OpenAPI schemas in the words
//! of kube-apiserver, and then rules in CEL, if nothing stands in their way.

use kube_cel::Validator;
use regex::Regex;
use serde_json::{Map, Value, json};

use crate::causes::Causes;
use crate::object::{elements, text};

/// What is wrong with an object.
pub fn broken(schema: &Value, before: Option<&Value>, object: &Value) -> Causes {
    let mut causes = Causes::default();
    check(schema, object, "", &mut causes);
    if !has_rules(schema) {
        return causes;
    }
    let blocking = [
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    ];
    if causes.have(&blocking) {
        causes.invalid(
            "<nil>",
            &Value::Null,
            "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
        );
        return causes;
    }
    let failed = Validator::new().validate(schema, object, before).err();
    let failed = failed.map(|failed| failed.into_vec()).unwrap_or_default();
    for failure in failed {
        let (field, why) = (failure.field_path.trim_start_matches('.'), &failure.message);
        let value = at(object, field);
        match failure.reason.as_deref() {
            Some("FieldValueForbidden") => causes.forbidden(field, why),
            Some("FieldValueRequired") => causes.required(field, why),
            Some("FieldValueDuplicate") => causes.duplicate(field, &value),
            _ if value.is_object() || value.is_array() || value.is_null() => {
                causes.invalid_whole(field, why);
            }
            _ => causes.invalid(field, &value, why),
        }
    }
    causes
}

fn has_rules(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            fields.contains_key("x-kubernetes-validations") || fields.values().any(has_rules)
        }
        Value::Array(list) => list.iter().any(has_rules),
        _ => false,
    }
}

/// The value at a path: `spec.ports[0].port`.
fn at(object: &Value, path: &str) -> Value {
    let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
    object.pointer(&pointer).cloned().unwrap_or_default()
}

fn check(schema: &Value, value: &Value, path: &str, causes: &mut Causes) {
    if value.is_null() && schema.get("nullable") == Some(&json!(true)) {
        return;
    }
    if let Some(wanted) = wrong_type(schema, value) {
        let found = json!(type_of(value));
        let why = format!("{path} in body must be of type {wanted}: {found}");
        causes.wrong_type(path, &found, &why);
        return;
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        let allowed: Vec<&str> = allowed.iter().map(|one| one.as_str().unwrap_or("")).collect();
        causes.unsupported(path, value, &allowed);
    }
    match value {
        Value::String(said) => string(schema, value, said, path, causes),
        Value::Number(_) => number(schema, value, path, causes),
        Value::Array(list) => array(schema, list, path, causes),
        Value::Object(fields) => object(schema, fields, path, causes),
        Value::Null | Value::Bool(_) => {}
    }
    combined(schema, value, path, causes);
}

fn wrong_type(schema: &Value, value: &Value) -> Option<&'static str> {
    if schema.get("x-kubernetes-int-or-string") == Some(&json!(true)) {
        let fits = value.is_i64() || value.is_string();
        return (!fits).then_some("integer,string");
    }
    let fits = match text(schema, "/type") {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        _ => true,
    };
    let names = ["array", "boolean", "integer", "number", "object", "string"];
    names.into_iter().find(|name| !fits && *name == text(schema, "/type"))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn limit(schema: &Value, name: &str) -> Option<u64> {
    schema.get(name).and_then(Value::as_u64)
}

fn string(schema: &Value, value: &Value, said: &str, path: &str, causes: &mut Causes) {
    let letters = said.chars().count() as u64;
    if let Some(most) = limit(schema, "maxLength").filter(|most| letters > *most) {
        causes.too_long(path, most);
    }
    if let Some(least) = limit(schema, "minLength").filter(|least| letters < *least) {
        let why = format!("{path} in body should be at least {least} chars long");
        causes.invalid(path, value, &why);
    }
    let pattern = text(schema, "/pattern");
    if !pattern.is_empty() && !Regex::new(pattern).is_ok_and(|regex| regex.is_match(said)) {
        let why = format!("{path} in body should match '{pattern}'");
        causes.invalid(path, value, &why);
    }
    let format = text(schema, "/format");
    if !is_of_format(format, said) {
        let why = format!("{path} in body must be of type {format}: {value}");
        causes.wrong_type(path, value, &why);
    }
}

fn is_of_format(format: &str, said: &str) -> bool {
    match format {
        "cidr" => said.parse::<ipnet::IpNet>().is_ok(),
        "date" => said.parse::<jiff::civil::Date>().is_ok(),
        "date-time" => said.parse::<jiff::Timestamp>().is_ok(),
        "ipv4" => said.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => said.parse::<std::net::Ipv6Addr>().is_ok(),
        _ => true,
    }
}

fn number(schema: &Value, value: &Value, path: &str, causes: &mut Causes) {
    let found = value.as_f64().unwrap_or(0.0);
    let exclusive = |name: &str| schema.get(name) == Some(&json!(true));
    let mut outside = |bound: &str, open: &str, breaks: fn(f64, f64, bool) -> bool, word: &str| {
        let Some(bound) = schema.get(bound) else {
            return;
        };
        let open = exclusive(open);
        if breaks(found, bound.as_f64().unwrap_or(0.0), open) {
            let word = if open { word.to_owned() } else { format!("{word} or equal to") };
            let why = format!("{path} in body should be {word} {bound}");
            causes.invalid(path, value, &why);
        }
    };
    let above = |found, most, open| found > most || open && found >= most;
    let below = |found, least, open| found < least || open && found <= least;
    outside("maximum", "exclusiveMaximum", above, "less than");
    outside("minimum", "exclusiveMinimum", below, "greater than");
    if let Some(step) = schema.get("multipleOf")
        && (found / step.as_f64().unwrap_or(1.0)).fract() != 0.0
    {
        let why = format!("{path} in body should be a multiple of {step}");
        causes.invalid(path, value, &why);
    }
}

fn array(schema: &Value, list: &[Value], path: &str, causes: &mut Causes) {
    if let Some(most) = limit(schema, "maxItems").filter(|most| list.len() as u64 > *most) {
        causes.too_many(path, list.len(), most);
    }
    if let Some(least) = limit(schema, "minItems").filter(|least| (list.len() as u64) < *least) {
        let why = format!("{path} in body should have at least {least} items");
        causes.invalid(path, &json!(list.len()), &why);
    }
    if let Some(items) = schema.get("items") {
        for (index, element) in list.iter().enumerate() {
            check(items, element, &format!("{path}[{index}]"), causes);
        }
    }
    let keys: Vec<&str> =
        elements(schema, "/x-kubernetes-list-map-keys").filter_map(Value::as_str).collect();
    let key = |element: &Value| match text(schema, "/x-kubernetes-list-type") {
        "set" => Some(element.clone()),
        "map" => {
            let fields =
                keys.iter().map(|key| Some(((*key).to_owned(), element.get(key)?.clone())));
            fields.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        _ => None,
    };
    let mut seen: Vec<Value> = Vec::new();
    for (index, element) in list.iter().enumerate() {
        let Some(key) = key(element) else {
            continue;
        };
        if seen.contains(&key) {
            causes.duplicate(format!("{path}[{index}]"), &key);
        }
        seen.push(key);
    }
}

fn object(schema: &Value, fields: &Map<String, Value>, path: &str, causes: &mut Causes) {
    let within = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    for name in elements(schema, "/required").filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            causes.required(within(name), "");
        }
    }
    if let Some(most) = limit(schema, "maxProperties").filter(|most| fields.len() as u64 > *most) {
        causes.too_many(path, fields.len(), most);
    }
    if let Some(least) =
        limit(schema, "minProperties").filter(|least| (fields.len() as u64) < *least)
    {
        let why = format!("{path} in body should have at least {least} properties");
        causes.invalid(path, &json!(fields.len()), &why);
    }
    let known = schema.get("properties");
    let others = schema.get("additionalProperties").filter(|others| others.is_object());
    for (name, value) in fields {
        // Metadata is everybody's: it is checked where all metadata is.
        if path.is_empty() && name == "metadata" {
            continue;
        }
        if let Some(schema) = known.and_then(|known| known.get(name)).or(others) {
            check(schema, value, &within(name), causes);
        }
    }
}

fn combined(schema: &Value, value: &Value, path: &str, causes: &mut Causes) {
    let fits = |schema: &Value| {
        let mut causes = Causes::default();
        check(schema, value, path, &mut causes);
        causes.is_empty()
    };
    let mut must = |why: String| causes.invalid(path, &json!(""), &why);
    if schema.get("anyOf").is_some() && !elements(schema, "/anyOf").any(fits) {
        must(format!("\"{path}\" must validate at least one schema (anyOf)"));
    }
    if schema.get("oneOf").is_some() {
        match elements(schema, "/oneOf").filter(|schema| fits(schema)).count() {
            1 => {}
            0 => must(format!(
                "\"{path}\" must validate one and only one schema (oneOf). Found none valid"
            )),
            found => must(format!(
                "\"{path}\" must validate one and only one schema (oneOf). Found {found} valid alternatives"
            )),
        }
    }
    if schema.get("not").is_some_and(fits) {
        must(format!("\"{path}\" must not validate the schema (not)"));
    }
    for schema in elements(schema, "/allOf") {
        check(schema, value, path, causes);
    }
}
