//! What holds for all manifests, whoever reads them.

use serde_json::{Value, json};

use crate::rendered::{kustomize, name, only};

/// All that can be rendered.
pub const FOLDERS: [&str; 4] =
    ["base", "overlays/monitoring", "overlays/service-account-credentials", "overlays/static-pod"];

#[test]
fn every_object_has_the_recommended_labels_and_the_version_of_the_program() {
    for object in FOLDERS.into_iter().flat_map(kustomize) {
        let labels = &object["metadata"]["labels"];
        let of = |label: &str| labels[format!("app.kubernetes.io/{label}")].clone();
        let version = concat!("v", env!("CARGO_PKG_VERSION"));
        let found = ["name", "instance", "component", "part-of", "version", "managed-by"].map(of);
        let wanted = ["roster", "roster", "controller-manager", "roster", version, "kustomize"]
            .map(Value::from);
        assert_eq!(found, wanted, "{}", name(&object));
    }
}

#[test]
fn the_image_has_the_version_of_the_program() {
    let wanted = concat!("roster:v", env!("CARGO_PKG_VERSION"));
    for folder in FOLDERS {
        assert_eq!(pod(&kustomize(folder))["containers"][0]["image"], wanted, "{folder}");
    }
}

#[test]
fn whatever_selects_selects_the_pods_of_the_deployment_by_what_never_changes() {
    let objects = kustomize("base");
    let wanted = json!({
        "app.kubernetes.io/component": "controller-manager",
        "app.kubernetes.io/instance": "roster",
        "app.kubernetes.io/name": "roster",
    });
    let deployment = &only(&objects, "Deployment")["spec"];
    let spread = deployment["template"]["spec"]["topologySpreadConstraints"].as_array().unwrap();
    let mut selectors = vec![
        &only(&objects, "Service")["spec"]["selector"],
        &only(&objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        &deployment["selector"]["matchLabels"],
    ];
    selectors.extend(spread.iter().map(|constraint| &constraint["labelSelector"]["matchLabels"]));
    let labels = deployment["template"]["metadata"]["labels"].as_object().unwrap();
    for selector in selectors {
        assert_eq!(*selector, wanted);
        assert!(
            selector
                .as_object()
                .unwrap()
                .iter()
                .all(|(label, value)| labels.get(label) == Some(value))
        );
    }
}

#[test]
fn no_role_reaches_for_everything_or_for_secrets_or_for_what_others_are() {
    let objects = FOLDERS.into_iter().flat_map(kustomize);
    let rules = objects.filter_map(|object| object["rules"].as_array().cloned()).flatten();
    for rule in rules {
        for field in ["apiGroups", "resources", "verbs"] {
            let words = rule[field].as_array().unwrap();
            assert!(!words.contains(&json!("*")), "{rule}");
        }
        for word in ["secrets", "escalate", "bind", "impersonate", "pods/exec", "nodes/proxy"] {
            assert!(!rule.to_string().contains(&format!("\"{word}\"")), "{rule}");
        }
    }
}

/// The Pod that is in what was rendered, alone or as a template.
pub fn pod(objects: &[Value]) -> &Value {
    match objects.iter().any(|object| object["kind"] == "Pod") {
        true => &only(objects, "Pod")["spec"],
        false => &only(objects, "Deployment")["spec"]["template"]["spec"],
    }
}
