//! A row of commands in a namespace of their own, played to both servers.

use std::path::Path;

use tempfile::TempDir;

use crate::command::{Compared, Ended, On, kubectl};
use crate::normal::normal;

/// Plays commands to both servers, and compares. Words of a command stand apart by single spaces.
pub fn play(namespace: &str, files: &[(&str, &str)], commands: &[(Compared, &str)]) {
    let (real, sandbox) = (stage(On::Real, namespace, files), stage(On::Sandbox, namespace, files));
    let mut differences = Vec::new();
    for (compared, command) in commands {
        let theirs = run(On::Real, real.path(), namespace, command);
        let ours = run(On::Sandbox, sandbox.path(), namespace, command);
        if !is_same(*compared, &ours, &theirs) {
            differences.push(format!("kubectl {command}\n{}", shown(&ours, &theirs)));
        }
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n\n"));
}

/// Plays commands to the sandbox that it cannot do: each has to end with an error of some words.
pub fn refused(
    namespace: &str,
    files: &[(&str, &str)],
    first: &[&str],
    commands: &[(String, String)],
) {
    let folder = stage(On::Sandbox, namespace, files);
    for command in first {
        assert_eq!(run(On::Sandbox, folder.path(), namespace, command).code, Some(0), "{command}");
    }
    for (command, words) in commands {
        let ended = run(On::Sandbox, folder.path(), namespace, command);
        assert_eq!(ended.code, Some(1), "{command}: {ended:?}");
        assert!(ended.stderr.contains(words.as_str()), "{command}: {ended:?}");
    }
}

/// A folder with files, and the namespace.
fn stage(on: On, namespace: &str, files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let made = run(on, folder.path(), "default", &format!("create namespace {namespace}"));
    assert_eq!(made.code, Some(0), "{made:?}");
    folder
}

fn run(on: On, folder: &Path, namespace: &str, command: &str) -> Ended {
    let namespace = format!("--namespace={namespace}");
    let mut words: Vec<&str> = command.split(' ').collect();
    // What stands behind `--` is not for kubectl.
    let place = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    words.insert(place, &namespace);
    let ended = kubectl(on, folder, &words);
    Ended { stdout: normal(&ended.stdout), stderr: normal(&ended.stderr), ..ended }
}

fn is_same(compared: Compared, ours: &Ended, theirs: &Ended) -> bool {
    match compared {
        Compared::All => ours == theirs,
        Compared::Ending => ours.code == theirs.code,
        Compared::Subset => {
            let known: Vec<&str> = theirs.stdout.lines().collect();
            ours.code == theirs.code && ours.stdout.lines().all(|line| known.contains(&line))
        }
    }
}

/// The lines in which both differ.
fn shown(ours: &Ended, theirs: &Ended) -> String {
    let lines = |ended: &Ended| -> Vec<String> {
        let code = format!("exit code {:?}", ended.code);
        let printed = ended.stdout.lines().chain(ended.stderr.lines()).map(str::to_owned);
        [code].into_iter().chain(printed).collect()
    };
    let (ours, theirs) = (lines(ours), lines(theirs));
    let only = |these: &[String], those: &[String], who: &str| -> Vec<String> {
        let only = these.iter().filter(|line| !those.contains(line));
        only.map(|line| format!("  {who}: {line}")).collect()
    };
    [only(&theirs, &ours, "kube-apiserver"), only(&ours, &theirs, "the sandbox")]
        .concat()
        .join("\n")
}
