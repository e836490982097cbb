//! `make run`, without a terminal: the story comes true, and Ctrl-C leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The program, with a folder of its own for all that is temporary.
fn start(temporary: &Path) -> Child {
    let demo = Path::new(env!("CARGO_BIN_EXE_demo"));
    let roster = demo.with_file_name("roster");
    assert!(roster.exists(), "{} is not built: cargo build --bin roster", roster.display());
    let top = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    Command::new(demo)
        .arg("--roster")
        .arg(roster)
        .current_dir(top)
        .env_remove("KUBECONFIG")
        .env("TMPDIR", temporary)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn without_a_terminal_the_story_comes_true_and_plain_lines_tell_it() {
    let temporary = tempfile::tempdir().unwrap();
    let told = start(temporary.path()).wait_with_output().unwrap();
    let lines = String::from_utf8(told.stdout).unwrap();
    let complaints = String::from_utf8(told.stderr).unwrap();
    assert!(told.status.success(), "{lines}\n{complaints}");
    for said in ["Three Pods start", "fails its readiness probe", "is deleted", "scaled to five"] {
        assert!(lines.contains(said), "{said:?} in {lines}");
    }
    assert!(lines.ends_with("== The story came true\n"), "{lines}");
    assert!(!lines.contains('\u{1b}'), "no terminal is there to be told anything");
    assert!(is_empty(temporary.path()));
}

#[test]
fn ctrl_c_ends_everything_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let mut demo = start(temporary.path());
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("Three Pods start")));
    assert!(!is_empty(temporary.path()), "the kubeconfig is somewhere");
    let asked = Command::new("kill").args(["-INT", &demo.id().to_string()]).status();
    assert!(asked.unwrap().success());
    // It ends when Roster has ended, who has the same output, too.
    assert!(!lines.any(|line| line.contains("The story came true")));
    assert!(demo.wait().unwrap().success());
    assert!(is_empty(temporary.path()));
}
