//! Label selectors and field selectors.

use serde_json::Value;

use crate::object::Object;
use crate::refusal::Refusal;

/// What a list or watch is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    labels: Vec<LabelRequirement>,
    fields: Vec<FieldRequirement>,
}

#[derive(Clone, Debug)]
struct LabelRequirement {
    key: String,
    test: LabelTest,
}

#[derive(Clone, Debug)]
enum LabelTest {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

#[derive(Clone, Debug)]
struct FieldRequirement {
    field: String,
    pointer: String,
    value: String,
    equal: bool,
}

impl Selector {
    /// Reads both selectors of a query.
    pub fn parse(labels: &str, fields: &str) -> Result<Self, Refusal> {
        let labels = split(labels).into_iter().map(label_requirement).collect::<Result<_, _>>()?;
        let fields = split(fields).into_iter().map(field_requirement).collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    /// The fields that it looks at.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|requirement| requirement.field.as_str())
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object passes.
    pub fn matches(&self, object: &Object) -> bool {
        let labels = self.labels.iter().all(|requirement| {
            let value = object.labels.get(&requirement.key);
            match &requirement.test {
                LabelTest::Exists => value.is_some(),
                LabelTest::Absent => value.is_none(),
                LabelTest::In(values) => value.is_some_and(|value| values.contains(value)),
                LabelTest::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                LabelTest::Above(least) => number(value).is_some_and(|value| value > *least),
                LabelTest::Below(most) => number(value).is_some_and(|value| value < *most),
            }
        });
        if !labels || self.fields.is_empty() {
            return labels;
        }
        let whole = object.value();
        self.fields.iter().all(|requirement| {
            let found = match whole.pointer(&requirement.pointer) {
                Some(Value::String(text)) => text.clone(),
                None | Some(Value::Null) => String::new(),
                Some(other) => other.to_string(),
            };
            (found == requirement.value) == requirement.equal
        })
    }
}

fn number(value: Option<&String>) -> Option<i64> {
    value?.parse().ok()
}

/// Splits at commas that stand in no parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let outside = |letter: char| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    };
    text.split(outside).map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn label_requirement(text: &str) -> Result<LabelRequirement, Refusal> {
    let requirement = |key: &str, test| LabelRequirement { key: key.trim().to_owned(), test };
    if let Some((head, list)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let values = list.split(',').map(|value| value.trim().to_owned()).collect();
        return match head.split_whitespace().collect::<Vec<_>>().as_slice() {
            [key, "in"] => Ok(requirement(key, LabelTest::In(values))),
            [key, "notin"] => Ok(requirement(key, LabelTest::NotIn(values))),
            _ => Err(unparsable(text)),
        };
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Ok(requirement(key, LabelTest::NotIn(vec![value.trim().to_owned()])));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Ok(requirement(key, LabelTest::In(vec![value.trim().to_owned()])));
    }
    if let Some((key, value)) = text.split_once('>')
        && let Ok(value) = value.trim().parse()
    {
        return Ok(requirement(key, LabelTest::Above(value)));
    }
    if let Some((key, value)) = text.split_once('<')
        && let Ok(value) = value.trim().parse()
    {
        return Ok(requirement(key, LabelTest::Below(value)));
    }
    if text.contains(char::is_whitespace) {
        return Err(unparsable(text));
    }
    Ok(match text.strip_prefix('!') {
        Some(key) => requirement(key, LabelTest::Absent),
        None => requirement(text, LabelTest::Exists),
    })
}

fn unparsable(text: &str) -> Refusal {
    let found = text.split_whitespace().nth(1).unwrap_or("");
    Refusal::bad_request(format!(
        "unable to parse requirement: found '{found}', expected: in, notin, =, ==, !=, gt, lt"
    ))
}

fn field_requirement(text: &str) -> Result<FieldRequirement, Refusal> {
    let parts = text
        .split_once("!=")
        .map(|(field, value)| (field, value, false))
        .or_else(|| text.split_once("==").map(|(field, value)| (field, value, true)))
        .or_else(|| text.split_once('=').map(|(field, value)| (field, value, true)));
    let Some((field, value, equal)) = parts else {
        let why = format!("invalid selector: '{text}'; can't understand '{text}'");
        return Err(Refusal::bad_request(why));
    };
    let pointer = format!("/{}", field.replace('.', "/"));
    Ok(FieldRequirement { field: field.to_owned(), pointer, value: value.to_owned(), equal })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(labels: &str, fields: &str) -> bool {
        let pod = json!({"metadata": {"name": "a", "labels": {"app": "web", "tier": ""}}, "spec": {"nodeName": "n"}});
        Selector::parse(labels, fields).unwrap().matches(&Object::encode(pod, 1))
    }

    #[test]
    fn label_selectors_of_every_form() {
        for yes in [
            "",
            "app",
            "!other",
            "app=web",
            "app==web",
            "app!=x",
            "other!=x",
            "tier=",
            "app in (x, web)",
            "app notin (x),tier",
            "other notin (x)",
        ] {
            assert!(matches(yes, ""), "{yes}");
        }
        for no in ["other", "!app", "app=x", "other=x", "app in (x)", "app notin (web)"] {
            assert!(!matches(no, ""), "{no}");
        }
        assert!(Selector::parse("a b", "").is_err());
    }

    #[test]
    fn field_selectors_compare_texts() {
        assert!(matches("", "metadata.name=a,spec.nodeName==n,status.phase!=Running"));
        assert!(!matches("", "metadata.name!=a"));
        assert!(Selector::parse("", "bogus").is_err());
    }
}
