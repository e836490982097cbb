//! Says what happens, and shows what a reader would see in a shell.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;

use testbed::{Binaries, Program};

use crate::inside::FILES;
use crate::network::Place;

static KUBECTL: LazyLock<PathBuf> =
    LazyLock::new(|| Binaries::default().find(Program::Kubectl).unwrap());

/// A step begins.
pub fn step(name: &str) {
    println!("\n== {name}");
}

/// What was seen of a step.
pub fn seen(what: &str) {
    println!("   {what}");
}

/// Calls kubectl, shows the command and what it prints, and returns the latter. Its warnings are left
/// out.
pub fn kubectl(kubeconfig: &str, line: &str) -> String {
    let mut command = Command::new(&*KUBECTL);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command.env("KUBECONFIG", kubeconfig).env("HOME", FILES);
    show("kubectl", command, line)
}

/// Calls a program of the machine in a place of the network, and shows the same.
pub fn shell(place: &Place, program: &str, line: &str) -> String {
    show(program, place.command(program), line)
}

fn show(program: &str, mut command: Command, line: &str) -> String {
    println!("   $ {program} {line}");
    let output = command.args(line.split(' ')).output().unwrap();
    let printed = text(&output);
    printed.lines().for_each(|line| println!("   {line}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    printed
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}
