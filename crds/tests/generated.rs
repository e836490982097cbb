//! The definitions that are kept are those of the code.

#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn the_definitions_in_yaml_are_what_make_crds_writes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("yaml");
    let kept: BTreeMap<String, String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().into_string().unwrap(), text)
        })
        .collect();
    let generated: BTreeMap<_, _> =
        crds::all().iter().map(|crd| crds::file(crd).unwrap()).collect();
    assert!(kept == generated, "crds/yaml is not what the code says: run `make crds`");
}
