//! The image, as far as it can be judged without building it.

use std::process::Command;

use testbed::{Binaries, Program};

use crate::conventions;
use crate::rendered::{kustomize, path, printed};

#[test]
fn buildkit_finds_nothing_to_complain_of() {
    printed(linter().arg(path("Containerfile")));
    let folder = tempfile::tempdir().unwrap();
    let misspelt = containerfile().replace("ENTRYPOINT", "ENTRYPIONT");
    std::fs::write(folder.path().join("Containerfile"), misspelt).unwrap();
    assert!(!linter().arg(folder.path().join("Containerfile")).output().unwrap().status.success());
}

#[test]
fn it_is_of_this_version_and_of_the_user_that_the_pods_demand() {
    let version = concat!("org.opencontainers.image.version=\"v", env!("CARGO_PKG_VERSION"), "\"");
    assert!(containerfile().contains(version));
    let objects = kustomize("base");
    let security = &conventions::pod(&objects)["securityContext"];
    let user = format!("USER {}:{}", security["runAsUser"], security["runAsGroup"]);
    assert!(containerfile().lines().any(|line| line == user), "{user}");
}

fn containerfile() -> String {
    std::fs::read_to_string(path("Containerfile")).unwrap()
}

fn linter() -> Command {
    Command::new(Binaries::default().find(Program::ContainerfileLint).unwrap())
}
