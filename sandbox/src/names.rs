//! What names and labels may look like, in the words of the real server. The formats are those of
//! RFC 1035 and RFC 1123, and of label keys and values in the Kubernetes documentation.

use crate::kinds::{Kind, Storage};

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

/// The most bytes of the name of a container's port.
const LONGEST_PORT: usize = 15;

/// What is wrong with the name of an object of a kind.
pub fn of_object(kind: &Kind, name: &str) -> Vec<String> {
    match kind.kind {
        "Namespace" | "Service" => of_label(name),
        // Whose names are addresses, or anything.
        "IPAddress" => Vec::new(),
        "Event" if kind.storage == Storage::Own => Vec::new(),
        _ => of_subdomain(name),
    }
}

/// What is wrong with a name of one part.
pub fn of_label(name: &str) -> Vec<String> {
    broken(&LABEL, name)
}

/// What is wrong with a name that may have parts.
pub fn of_subdomain(name: &str) -> Vec<String> {
    broken(&SUBDOMAIN, name)
}

/// What is wrong with the name of a container's port.
pub fn of_port(name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let is_letter = |byte: u8| byte.is_ascii_lowercase();
    if name.len() > LONGEST_PORT {
        wrong.push(too_long(LONGEST_PORT));
    }
    if !name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit() || byte == b'-') {
        let why = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
        wrong.push(why.to_owned());
    } else if !name.bytes().any(is_letter) {
        wrong.push("must contain at least one letter (a-z)".to_owned());
    }
    if name.contains("--") {
        wrong.push("must not contain consecutive hyphens".to_owned());
    }
    if name.starts_with('-') || name.ends_with('-') {
        wrong.push("must not begin or end with a hyphen".to_owned());
    }
    wrong
}

/// What is wrong with a key that becomes the name of a file.
pub fn of_file(key: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if key.len() > SUBDOMAIN.longest {
        wrong.push(too_long(SUBDOMAIN.longest));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if key.is_empty() || !key.bytes().all(fits) {
        let what = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
        let examples = "'key.name',  or 'KEY_NAME',  or 'key-name'";
        wrong.push(with_expression(what, examples, "[-._a-zA-Z0-9]+"));
    }
    match key {
        "." => wrong.push("must not be '.'".to_owned()),
        ".." => wrong.push("must not be '..'".to_owned()),
        _ if key.starts_with("..") => wrong.push("must not start with '..'".to_owned()),
        _ => {}
    }
    wrong
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
