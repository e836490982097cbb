//! Objects as they are applied.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use testbed::{Binaries, Program};

/// A file or folder of `deploy/`.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy")).join(name)
}

/// What `kubectl kustomize` makes of a folder of `deploy/kustomize`, in YAML.
pub fn kustomize_yaml(folder: &str) -> String {
    let mut command = Command::new(Binaries::default().find(Program::Kubectl).unwrap());
    printed(command.arg("kustomize").arg(path("kustomize").join(folder)))
}

/// The same as objects.
pub fn kustomize(folder: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&kustomize_yaml(folder)).unwrap()
}

/// What a program prints that has to succeed.
pub fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} says:\n{complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// The only object of a kind.
pub fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut of_kind = objects.iter().filter(|object| object["kind"] == kind);
    let (Some(object), None) = (of_kind.next(), of_kind.next()) else {
        panic!("there is not exactly one {kind}");
    };
    object
}

/// How an object is called in complaints: `Role kube-system/roster`.
pub fn name(object: &Value) -> String {
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap();
    let kind = object["kind"].as_str().unwrap();
    match metadata["namespace"].as_str() {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
