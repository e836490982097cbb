//! What kubectl prints, without what each server may choose by itself.

use std::sync::LazyLock;

use regex::Regex;

/// Patterns, and what stands for them.
const CHOSEN: [(&str, &str); 9] = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} [0-9:]+ [+]\d{4}", "<time>"),
    (r#"resourceVersion"?: "\d+""#, "resourceVersion: <version>"),
    (r"10\.96\.\d+\.\d+", "<address>"),
    (r"127\.0\.0\.1:\d+", "<server>"),
    (r"\b\d+(s|ms)\b", "<age>"),
    (r"/tmp/[^ ]+", "<file>"),
    // The width of a column depends on ages and addresses.
    (r" +", " "),
];

static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    CHOSEN.iter().map(|(pattern, with)| (Regex::new(pattern).unwrap(), *with)).collect()
});

/// What was printed, as it must be on both servers.
pub fn normal(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, with) in PATTERNS.iter() {
        text = pattern.replace_all(&text, *with).into_owned();
    }
    // What client-go logs is a matter of time.
    let printed = text.lines().filter(|line| !line.contains("reflector.go:"));
    printed.map(str::trim_end).collect::<Vec<_>>().join("\n")
}
