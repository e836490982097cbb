//! Findings for people and for programs.

use std::fmt::Write as _;

use anyhow::Result;
use controller_core::cluster_ip::audit::Finding;
use serde_json::{Map, Value, json};

use super::arguments::Form;
use super::repairs::Repaired;

/// What there is to tell.
pub struct Report {
    /// What was repaired, if that was asked for.
    pub repaired: Option<Vec<Repaired>>,
    /// What is wrong, or left.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Writes it down.
    ///
    /// # Errors
    /// If it cannot be written, which does not happen in memory.
    pub fn render(&self, form: Form) -> Result<String> {
        match form {
            Form::Json => Ok(format!("{}\n", serde_json::to_string_pretty(&self.json())?)),
            Form::Text => self.text(),
        }
    }

    /// An array of findings; where repairs were asked for, an object with both.
    fn json(&self) -> Value {
        let findings: Vec<Value> =
            self.findings.iter().map(|finding| Value::Object(object(finding))).collect();
        let Some(repaired) = &self.repaired else {
            return Value::Array(findings);
        };
        let repairs = repaired.iter().map(|Repaired { finding, result }| {
            let mut object = object(finding);
            object.insert("result".to_owned(), json!(result.describe()));
            Value::Object(object)
        });
        json!({"repairs": repairs.collect::<Vec<_>>(), "findings": findings})
    }

    fn text(&self) -> Result<String> {
        let mut text = String::new();
        for Repaired { finding, result } in self.repaired.iter().flatten() {
            let [_, address, service, repair] = cells(finding);
            writeln!(text, "{repair:<12} {address:<20} {service:<30} {}", result.describe())?;
        }
        text.push_str(&table(&self.findings)?);
        Ok(text)
    }
}

fn object(finding: &Finding) -> Map<String, Value> {
    let fields = [
        ("reason", json!(finding.reason.name())),
        ("severity", json!(format!("{:?}", finding.reason.severity()))),
        ("address", json!(finding.address)),
        ("service", json!(finding.service.as_ref().map(ToString::to_string))),
        ("detail", json!(finding.detail)),
        ("repair", json!(finding.repair.name())),
    ];
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

fn cells(finding: &Finding) -> [String; 4] {
    let address = finding.address.map_or("-".to_owned(), |address| address.to_string());
    let service = finding.service.as_ref().map_or("-".to_owned(), ToString::to_string);
    [finding.reason.name().to_owned(), address, service, finding.repair.name().to_owned()]
}

fn table(findings: &[Finding]) -> Result<String> {
    if findings.is_empty() {
        return Ok("Nothing is wrong.\n".to_owned());
    }
    let mut text = String::new();
    let mut line = |[reason, address, service, repair]: [&str; 4], detail: &str| {
        writeln!(text, "{reason:<20} {address:<20} {service:<30} {repair:<12} {detail}")
    };
    line(["REASON", "ADDRESS", "SERVICE", "REPAIR"], "DETAIL")?;
    for finding in findings {
        let cells = cells(finding);
        line(cells.each_ref().map(String::as_str), &finding.detail)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use controller_core::cluster_ip::NewClaim;
    use controller_core::cluster_ip::audit::Repair;
    use controller_core::key::NamespacedName;
    use controller_core::reason::Reason;

    use super::super::repairs::RepairResult;
    use super::*;

    fn findings() -> Vec<Finding> {
        let finding = |reason, name: &str, repair| Finding {
            reason,
            address: "10.96.0.9".parse().ok(),
            service: Some(NamespacedName::new("default", name)),
            detail: "because".to_owned(),
            repair,
        };
        let claim = NewClaim {
            address: "10.96.0.9".parse().unwrap(),
            service_uid: "uid".into(),
            instead_of: None,
        };
        vec![
            finding(Reason::Unclaimed, "web", Repair::Claim(claim)),
            finding(Reason::OutOfRange, "db", Repair::ByHand),
        ]
    }

    fn report(repaired: Option<Vec<Repaired>>, form: Form) -> String {
        Report { repaired, findings: findings() }.render(form).unwrap()
    }

    #[test]
    fn a_table_has_a_line_for_each_finding() {
        let all = report(None, Form::Text);
        assert_eq!(all.lines().count(), 3);
        assert!(all.contains("OutOfRange           10.96.0.9            default/db"), "{all}");
        let nothing = Report { repaired: None, findings: Vec::new() };
        assert_eq!(nothing.render(Form::Text).unwrap(), "Nothing is wrong.\n");
    }

    #[test]
    fn json_is_an_array_of_objects_and_with_repairs_an_object() {
        let read: Value = serde_json::from_str(&report(None, Form::Json)).unwrap();
        assert_eq!(read[0]["reason"], "Unclaimed");
        assert_eq!(read[1]["service"], "default/db");
        let [finding, _] = findings().try_into().unwrap();
        let failed = RepairResult::Failed("forbidden".to_owned());
        let repaired = vec![Repaired { finding, result: failed }];
        let read: Value = serde_json::from_str(&report(Some(repaired), Form::Json)).unwrap();
        assert_eq!(read["repairs"][0]["result"], "failed: forbidden");
        assert_eq!(read["findings"][1]["repair"], "by hand");
    }

    #[test]
    fn repairs_are_told_before_what_is_left() {
        let [finding, _] = findings().try_into().unwrap();
        let repaired = vec![Repaired { finding, result: RepairResult::Done }];
        let text = report(Some(repaired), Form::Text);
        assert!(text.starts_with("claim        10.96.0.9            default/web"), "{text}");
        assert!(text.lines().next().unwrap().ends_with(" done"), "{text}");
    }
}
