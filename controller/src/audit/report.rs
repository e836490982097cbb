//! Findings for people and for programs.

use std::fmt::Write as _;

use anyhow::Result;
use controller_core::cluster_ip::audit::{Finding, Repair};
use serde_json::{Value, json};

/// What to print, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// How.
    pub form: Form,
    /// What.
    pub what: What,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A table.
    Text,
    /// An array of objects (`-o json`).
    Json,
}

/// Which findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// All.
    All,
    /// Those that can be repaired without people (`--repair --dry-run`).
    Repairs,
}

/// Takes our own flags out of the arguments of `roster audit clusterips`. The rest is about the cluster.
///
/// # Errors
/// If they ask for what there is not.
pub fn parse(arguments: &[String]) -> Result<(Selection, Vec<String>), String> {
    let mut selection = Selection { form: Form::Text, what: What::All };
    let (mut rest, mut repair, mut dry_run) = (Vec::new(), false, false);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-o" | "--output" => selection.form = form(arguments.next().map(String::as_str))?,
            "-ojson" | "-o=json" | "--output=json" => selection.form = Form::Json,
            "--repair" => repair = true,
            "--dry-run" => dry_run = true,
            _ => rest.push(argument.clone()),
        }
    }
    match (repair, dry_run) {
        (true, true) => selection.what = What::Repairs,
        (true, false) => {
            return Err("--repair needs --dry-run: what can be repaired safely, \
                        clusterip-controller repairs while it runs"
                .to_owned());
        }
        (false, _) => {}
    }
    Ok((selection, rest))
}

fn form(name: Option<&str>) -> Result<Form, String> {
    match name {
        Some("json") => Ok(Form::Json),
        other => Err(format!("there is no output {:?}, only json", other.unwrap_or_default())),
    }
}

/// Writes the findings down.
///
/// # Errors
/// If they cannot be written, which does not happen in memory.
pub fn render(findings: &[Finding], selection: Selection) -> Result<String> {
    let chosen = findings.iter().filter(|finding| match selection.what {
        What::All => true,
        What::Repairs => finding.repair != Repair::ByHand,
    });
    match selection.form {
        Form::Json => {
            let objects: Vec<Value> = chosen.map(object).collect();
            Ok(format!("{}\n", serde_json::to_string_pretty(&objects)?))
        }
        Form::Text => table(chosen),
    }
}

fn object(finding: &Finding) -> Value {
    json!({
        "reason": finding.reason.name(),
        "severity": format!("{:?}", finding.reason.severity()),
        "address": finding.address,
        "service": finding.service.as_ref().map(ToString::to_string),
        "detail": finding.detail,
        "repair": finding.repair.name(),
    })
}

fn table<'a>(findings: impl Iterator<Item = &'a Finding>) -> Result<String> {
    let mut lines = findings.peekable();
    if lines.peek().is_none() {
        return Ok("Nothing is wrong.\n".to_owned());
    }
    let mut text = String::new();
    let mut line = |reason: &str, address: &str, service: &str, repair: &str, detail: &str| {
        writeln!(text, "{reason:<20} {address:<20} {service:<30} {repair:<12} {detail}")
    };
    line("REASON", "ADDRESS", "SERVICE", "REPAIR", "DETAIL")?;
    for finding in lines {
        let address = finding.address.map_or("-".to_owned(), |address| address.to_string());
        let service = finding.service.as_ref().map_or("-".to_owned(), ToString::to_string);
        let Finding { reason, detail, repair, .. } = finding;
        line(reason.name(), &address, &service, repair.name(), detail)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use controller_core::key::NamespacedName;
    use controller_core::reason::Reason;

    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn findings() -> Vec<Finding> {
        let finding = |reason, name: &str, repair| Finding {
            reason,
            address: "10.96.0.9".parse().ok(),
            service: Some(NamespacedName::new("default", name)),
            detail: "because".to_owned(),
            repair,
        };
        vec![
            finding(Reason::Unclaimed, "web", Repair::Claim),
            finding(Reason::OutOfRange, "db", Repair::ByHand),
        ]
    }

    #[test]
    fn flags_of_our_own_are_told_from_those_about_the_cluster() {
        let (selection, rest) =
            parse(&words("-o json --kubeconfig=/a --repair --dry-run")).unwrap();
        assert_eq!(selection, Selection { form: Form::Json, what: What::Repairs });
        assert_eq!(rest, ["--kubeconfig=/a"]);
        assert!(parse(&words("--repair")).unwrap_err().contains("--dry-run"));
        assert!(parse(&words("-o yaml")).unwrap_err().contains("yaml"));
    }

    #[test]
    fn a_table_has_a_line_for_each_finding_and_repairs_can_be_asked_for_alone() {
        let selection = Selection { form: Form::Text, what: What::All };
        let all = render(&findings(), selection).unwrap();
        assert_eq!(all.lines().count(), 3);
        assert!(all.contains("OutOfRange           10.96.0.9            default/db"), "{all}");
        let repairs = render(&findings(), Selection { what: What::Repairs, ..selection }).unwrap();
        assert!(repairs.contains("Unclaimed") && !repairs.contains("OutOfRange"), "{repairs}");
        assert_eq!(render(&[], selection).unwrap(), "Nothing is wrong.\n");
    }

    #[test]
    fn json_is_an_array_of_objects() {
        let selection = Selection { form: Form::Json, what: What::All };
        let read: Value = serde_json::from_str(&render(&findings(), selection).unwrap()).unwrap();
        assert_eq!(read[0]["reason"], "Unclaimed");
        assert_eq!(read[1]["service"], "default/db");
    }
}
