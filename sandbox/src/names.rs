//! What names and labels may look like, in the words of the real server. The formats are those of
//! RFC 1035 and RFC 1123, and of label keys and values in the Kubernetes documentation.

use crate::kinds::Kind;

/// A format of names.
struct Format {
    /// The most bytes.
    longest: usize,
    /// Whether parts may be divided by dots.
    dots: Dots,
    /// What a name of this format is.
    what: &'static str,
    /// Names of this format.
    examples: &'static str,
    /// The expression that is named.
    expression: &'static str,
}

/// Whether a name may have parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dots {
    Allowed,
    Forbidden,
}

const SUBDOMAIN: Format = Format {
    longest: 253,
    dots: Dots::Allowed,
    what: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    examples: "'example.com'",
    expression: r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
};

const LABEL: Format = Format {
    longest: 63,
    dots: Dots::Forbidden,
    what: "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    examples: "'my-name',  or '123-abc'",
    expression: "[a-z0-9]([-a-z0-9]*[a-z0-9])?",
};

/// What is wrong with the name of an object of a kind.
pub fn of_object(kind: &Kind, name: &str) -> Vec<String> {
    match kind.kind {
        "Namespace" | "Service" => broken(&LABEL, name),
        // Whose names are addresses, or anything.
        "Event" | "IPAddress" => Vec::new(),
        _ => broken(&SUBDOMAIN, name),
    }
}

fn broken(format: &Format, name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if name.len() > format.longest {
        wrong.push(too_long(format.longest));
    }
    if format.dots == Dots::Forbidden && name.contains('.') {
        wrong.push("must not contain dots".to_owned());
        return wrong;
    }
    let fits = match format.dots {
        Dots::Allowed => name.split('.').all(is_label),
        Dots::Forbidden => is_label(name),
    };
    if !fits {
        let Format { what, examples, expression, .. } = format;
        wrong.push(with_expression(what, examples, expression));
    }
    wrong
}

fn is_label(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    encloses(name, is_letter, |byte| is_letter(byte) || byte == b'-')
}

/// What is wrong with the key of a label or an annotation.
pub fn of_key(key: &str) -> Vec<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let mut wrong = Vec::new();
    match prefix {
        Some("") => wrong.push("prefix part must be non-empty".to_owned()),
        Some(prefix) => {
            wrong.extend(broken(&SUBDOMAIN, prefix).iter().map(|why| format!("prefix part {why}")));
        }
        None => {}
    }
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL.longest {
        wrong.push(format!("name part {}", too_long(LABEL.longest)));
    }
    if !is_qualified(name) {
        let what = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
        let examples = "'MyName',  or 'my.name',  or '123-abc'";
        wrong.push(with_expression(what, examples, "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"));
    }
    wrong
}

/// What is wrong with the value of a label.
pub fn of_label_value(value: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if value.len() > LABEL.longest {
        wrong.push(too_long(LABEL.longest));
    }
    if !value.is_empty() && !is_qualified(value) {
        let what = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
        let examples = "'MyValue',  or 'my_value',  or '12345'";
        let expression = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";
        wrong.push(with_expression(what, examples, expression));
    }
    wrong
}

fn is_qualified(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric();
    encloses(name, is_letter, |byte| is_letter(byte) || matches!(byte, b'-' | b'_' | b'.'))
}

/// Whether a text begins and ends with some bytes, and has only others in between.
fn encloses(text: &str, ends: impl Fn(u8) -> bool, within: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| ends(*byte));
    ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(|byte| within(*byte))
}

fn too_long(most: usize) -> String {
    format!("must be no more than {most} characters")
}

fn with_expression(what: &str, examples: &str, expression: &str) -> String {
    format!("{what} (e.g. {examples}, regex used for validation is '{expression}')")
}
