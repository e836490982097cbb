//! `/healthz`, `/livez`, `/readyz`, and one check of each under its name.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use http::StatusCode;

use crate::health::{Finding, Health, Probe, Verdict};
use crate::metrics::Metrics;
use crate::serving::answer::{self, Answer};

/// Makes the checks and tells how they went. A query holds `verbose`, and `exclude=NAME` as often as
/// wanted.
pub fn answer(
    health: &Health,
    metrics: &Metrics,
    probe: Probe,
    check: Option<&str>,
    query: Option<&str>,
) -> Answer {
    let Some(check) = check else {
        let asked = Asked::read(query.unwrap_or_default());
        let findings = health.examine(probe, &asked.excluded);
        metrics.examined(probe, &findings);
        return all(probe, &findings, asked);
    };
    match health.examine_one(probe, check) {
        Some(finding) => {
            metrics.examined(probe, std::slice::from_ref(&finding));
            one(finding)
        }
        None => answer::not_found(),
    }
}

/// What the query asks for.
struct Asked {
    excluded: BTreeSet<String>,
    verbose: bool,
}

impl Asked {
    fn read(query: &str) -> Self {
        let mut asked = Self { excluded: BTreeSet::new(), verbose: false };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "verbose" => asked.verbose = true,
                "exclude" => drop(asked.excluded.insert(value.into_owned())),
                _ => {}
            }
        }
        asked
    }
}

/// One check. Who asks for it by name may know what is wrong.
fn one(finding: Finding) -> Answer {
    match finding.verdict {
        Verdict::Passed | Verdict::Excluded => answer::text(StatusCode::OK, "ok"),
        Verdict::Failed(wrong) => {
            let text = format!("internal server error: {wrong}\n");
            answer::text(StatusCode::INTERNAL_SERVER_ERROR, text)
        }
    }
}

/// All checks. Everybody may read this, so it tells what fails and not why; the log does.
fn all(probe: Probe, findings: &[Finding], mut asked: Asked) -> Answer {
    let mut lines = String::new();
    let mut failed = Vec::new();
    for Finding { name, verdict } in findings {
        asked.excluded.remove(*name);
        let line = match verdict {
            Verdict::Passed => format!("[+]{name} ok"),
            Verdict::Excluded => format!("[+]{name} excluded: ok"),
            Verdict::Failed(wrong) => {
                failed.push(format!("{name}: {wrong}"));
                format!("[-]{name} failed: reason withheld")
            }
        };
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "{line}");
    }
    if !asked.excluded.is_empty() {
        let names: Vec<String> = asked.excluded.iter().map(|name| format!("{name:?}")).collect();
        let names = names.join(",");
        let _ =
            writeln!(lines, "warn: some health checks cannot be excluded: no matches for {names}");
    }
    let probe = probe.name();
    if !failed.is_empty() {
        tracing::debug!(probe, failed = failed.join(", "), "Health check failed");
        let text = format!("{lines}{probe} check failed\n");
        return answer::text(StatusCode::INTERNAL_SERVER_ERROR, text);
    }
    let text =
        if asked.verbose { format!("{lines}{probe} check passed\n") } else { "ok".to_owned() };
    answer::text(StatusCode::OK, text)
}
