//! The Helm chart makes the same objects as kustomize does.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use serde_json::{Value, json};
use testbed::{Binaries, Program};

use crate::rendered::{kustomize, name, only, path, printed};

#[test]
fn it_makes_what_kustomize_makes_with_every_value() {
    for (values, folder) in [
        (&[][..], "base"),
        (&["useServiceAccountCredentials=true"], "overlays/service-account-credentials"),
        (&["monitor.enabled=true"], "overlays/monitoring"),
        (&["clusterIPMode=reconcile"], "overlays/clusterip-reconcile"),
    ] {
        let (chart, kustomize) = (comparable(rendered(values)), comparable(kustomize(folder)));
        assert_eq!(chart.keys().collect::<Vec<_>>(), kustomize.keys().collect::<Vec<_>>());
        for (name, object) in chart {
            assert_eq!(object, kustomize[&name], "{name} of {folder}");
        }
    }
}

#[test]
fn values_come_through() {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let objects = rendered(&[
        "replicas=3",
        "image.repository=registry.example/roster",
        &format!("image.digest={digest}"),
        "resources.limits.memory=1Gi",
        "flags={--v=2,--logging-format=json}",
        "monitor.enabled=true",
        "monitor.labels.release=stack",
        "monitor.interval=15s",
    ]);
    let deployment = &only(&objects, "Deployment")["spec"];
    let container = &deployment["template"]["spec"]["containers"][0];
    assert_eq!(deployment["replicas"], 3);
    assert_eq!(container["image"], format!("registry.example/roster@{digest}"));
    assert_eq!(container["resources"]["limits"]["memory"], "1Gi");
    assert_eq!(
        container["args"],
        json!(["controller-manager", "--cluster-ip-mode=audit", "--v=2", "--logging-format=json"])
    );
    let monitor = only(&objects, "ServiceMonitor");
    assert_eq!(monitor["metadata"]["labels"]["release"], "stack");
    assert_eq!(monitor["spec"]["endpoints"][1]["interval"], "15s");
    assert_eq!(only(&objects, "PrometheusRule")["metadata"]["labels"]["release"], "stack");
}

#[test]
fn wrong_values_and_another_namespace_are_refused() {
    for value in [
        "replicas=many",
        "replica=2",
        "image.digest=sha256:1",
        "monitor.interval=soon",
        "clusterIPMode=auto",
    ] {
        assert!(!template("kube-system", &[value]).status.success(), "{value}");
    }
    let elsewhere = template("elsewhere", &[]);
    let complaint = String::from_utf8(elsewhere.stderr).unwrap();
    assert!(complaint.contains("Roster lives in kube-system"), "{complaint}");
}

#[test]
fn helm_finds_nothing_to_complain_of() {
    let mut helm = Command::new(Binaries::default().find(Program::Helm).unwrap());
    printed(helm.args(["lint", "--strict", "--namespace=kube-system"]).arg(path("charts/roster")));
}

#[test]
fn it_has_the_version_of_the_program() {
    let chart = std::fs::read_to_string(path("charts/roster/Chart.yaml")).unwrap();
    let chart: Value = serde_saphyr::from_str(&chart).unwrap();
    assert_eq!(chart["appVersion"], concat!("v", env!("CARGO_PKG_VERSION")));
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
}

fn rendered(values: &[&str]) -> Vec<Value> {
    let output = template("kube-system", values);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_saphyr::from_multiple(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

fn template(namespace: &str, values: &[&str]) -> Output {
    let mut helm = Command::new(Binaries::default().find(Program::Helm).unwrap());
    helm.args(["template", "roster"]).arg(path("charts/roster")).args(["--namespace", namespace]);
    helm.args(values.iter().flat_map(|value| ["--set", value])).output().unwrap()
}

/// Objects by name, without what tells who has rendered them.
fn comparable(objects: Vec<Value>) -> BTreeMap<String, Value> {
    let plain = |mut object: Value| {
        forget_the_renderer(&mut object);
        (name(&object), object)
    };
    objects.into_iter().map(plain).collect()
}

fn forget_the_renderer(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("app.kubernetes.io/managed-by");
            fields.remove("helm.sh/chart");
            fields.values_mut().for_each(forget_the_renderer);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_the_renderer),
        _ => {}
    }
}
