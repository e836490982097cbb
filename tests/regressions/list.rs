//! `docs/known-bugs.md` names every case, and no test that does not exist.

use std::collections::BTreeSet;
use std::path::Path;

const LIST: &str = include_str!("../../docs/known-bugs.md");

#[test]
fn the_list_names_every_case_and_only_tests_that_exist() {
    let cases: BTreeSet<&str> = super::cases().iter().map(|case| case.name).collect();
    let named = names();
    let missing: Vec<&&str> = cases.difference(&named).collect();
    assert_eq!(missing, [&""; 0], "cases that the list does not name");
    let sources = sources();
    let exists = |name: &str| {
        let [test, case] = [format!("fn {name}("), format!("\"{name}\"")];
        sources.iter().any(|source| source.contains(&test) || source.contains(&case))
    };
    let unknown: Vec<&str> = named.into_iter().filter(|name| !exists(name)).collect();
    assert_eq!(unknown, [""; 0], "names in the list that are no tests");
}

/// Everything in backquotes that is several words.
fn names() -> BTreeSet<&'static str> {
    let quoted = LIST.split('`').skip(1).step_by(2);
    quoted
        .filter(|text| text.split(['-', '_']).count() > 2)
        .filter(|text| text.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '_'))
        .collect()
}

fn sources() -> Vec<String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let core = tests.join("../controller/core");
    let mut folders = vec![tests.to_owned(), core.join("tests"), core.join("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    sources
}
