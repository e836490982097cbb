//! The alerts, checked and tried by promtool.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use testbed::{Binaries, Program};

use crate::rendered::{kustomize, only, path, printed};

#[test]
fn each_alert_is_silent_where_all_is_well_and_fires_on_what_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    let tests = std::fs::read_to_string(path("monitoring/rules_test.yaml")).unwrap();
    std::fs::write(folder.path().join("rules_test.yaml"), &tests).unwrap();
    check(folder.path(), &only(&kustomize("overlays/monitoring"), "PrometheusRule")["spec"]);
    promtool(folder.path(), &["test", "rules", "rules_test.yaml"]);

    let tests: Value = serde_saphyr::from_str(&tests).unwrap();
    let cases = tests["tests"].as_array().unwrap().iter();
    let cases = cases.flat_map(|test| test["alert_rule_test"].as_array().unwrap());
    let (mut fires, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for case in cases {
        let into = if case["exp_alerts"].is_array() { &mut fires } else { &mut silent };
        into.insert(case["alertname"].as_str().unwrap().to_owned());
    }
    assert_eq!(fires, names());
    assert_eq!(silent, names());
}

#[test]
fn each_alert_is_explained_where_operators_look() {
    let docs = path("../docs/operating.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    for name in names() {
        assert!(
            docs.contains(&format!("| `{name}` |")),
            "docs/operating.md is silent about {name}"
        );
    }
}

#[test]
fn a_mistake_in_an_expression_is_found() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &rules(&["sum(up"]));
    let checked = command(folder.path(), &["check", "rules", "rules.yaml"]).output().unwrap();
    assert!(!checked.status.success());
}

/// Checks that promtool understands expressions.
pub fn check_expressions(expressions: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let expressions: Vec<&str> = expressions.iter().map(String::as_str).collect();
    check(folder.path(), &rules(&expressions));
}

/// The expressions of all alerts.
pub fn expressions() -> Vec<String> {
    alerts().iter().map(|alert| alert["expr"].as_str().unwrap().to_owned()).collect()
}

fn names() -> BTreeSet<String> {
    alerts().iter().map(|alert| alert["alert"].as_str().unwrap().to_owned()).collect()
}

fn alerts() -> Vec<Value> {
    let objects = kustomize("overlays/monitoring");
    let groups = &only(&objects, "PrometheusRule")["spec"]["groups"];
    groups[0]["rules"].as_array().unwrap().clone()
}

/// A file of rules that record something.
fn rules(expressions: &[&str]) -> Value {
    let record =
        |(index, expr): (usize, &&str)| json!({"record": format!("r{index}"), "expr": expr});
    let rules: Vec<Value> = expressions.iter().enumerate().map(record).collect();
    json!({"groups": [{"name": "expressions", "rules": rules}]})
}

fn check(folder: &Path, rules: &Value) {
    write(folder, rules);
    promtool(folder, &["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"]);
}

fn write(folder: &Path, rules: &Value) {
    std::fs::write(folder.join("rules.yaml"), rules.to_string()).unwrap();
}

fn promtool(folder: &Path, arguments: &[&str]) {
    printed(&mut command(folder, arguments));
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(Binaries::default().find(Program::Promtool).unwrap());
    command.args(arguments).current_dir(folder);
    command
}
