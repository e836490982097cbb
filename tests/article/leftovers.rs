//! Whether anything is left behind, also by a test that was interrupted or killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::network::{self, Place};

/// How long the kernel may take to tidy up.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a test could leave on a machine.
#[derive(Debug, PartialEq, Eq)]
pub struct Machine {
    namespaces: String,
    rules: String,
}

impl Machine {
    /// What is there now.
    pub fn look() -> Self {
        Self { namespaces: said("ip netns list"), rules: said("nft --stateless list ruleset") }
    }

    /// Fails if anything is there that was not before.
    pub fn is_unchanged(&self) {
        assert_eq!(*self, Self::look(), "the test has left something behind");
    }
}

/// Interrupts a test with Pods and rules as Ctrl-C does, then kills one, then kills its first process
/// within: each time nothing may be left.
pub fn nothing_is_left() -> ExitCode {
    if !crate::requirements::missing().is_empty() {
        return crate::outside::play("wait", "");
    }
    let before = Machine::look();
    for (how, end) in [
        ("interrupted by Ctrl-C", interrupt as fn(&Child)),
        ("asked to end by SIGTERM", terminate),
        ("killed", kill),
    ] {
        let (mut test, namespace) = waiting_test();
        assert!(processes_in(&namespace) >= 3, "the test, and the programs of two Pods");
        end(&test);
        until_ended(&mut test);
        until_empty(&namespace);
        before.is_unchanged();
        println!("A test that was {how} has left nothing behind.");
    }
    ExitCode::SUCCESS
}

/// The play for this: a Node with two Pods, a rule, and no end.
pub fn wait_to_be_killed() {
    network::lay_out();
    let program = std::env::current_exe().unwrap();
    let mut running = Vec::new();
    for (name, number) in [("pod-1", 1), ("pod-2", 2)] {
        let answerer = Place::new(name, number)
            .command(program.to_str().unwrap())
            .args(["answer", name, crate::inside::FILES, "9376"])
            .spawn();
        running.push(answerer.unwrap());
    }
    network::run("nft add table ip left-behind");
    println!("{}", fs::read_link("/proc/self/ns/pid").unwrap().display());
    running.iter_mut().for_each(|answerer| drop(answerer.wait()));
}

/// A test in a process group of its own, as in a shell, and its process namespace.
fn waiting_test() -> (Child, String) {
    // Whoever runs us in the background of a script has made us deaf to Ctrl-C.
    let mut test = Command::new("env")
        .arg("--default-signal=INT,TERM")
        .arg(std::env::current_exe().unwrap())
        .args(["play", "wait", ""])
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(test.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (test, line.trim().to_owned())
}

fn interrupt(test: &Child) {
    kill_process_group(pid(test), Signal::INT).unwrap();
}

fn terminate(test: &Child) {
    kill_process(pid(test), Signal::TERM).unwrap();
}

fn kill(test: &Child) {
    kill_process(pid(test), Signal::KILL).unwrap();
}

fn pid(test: &Child) -> Pid {
    Pid::from_raw(test.id().try_into().unwrap()).unwrap()
}

fn until_ended(test: &mut Child) {
    let deadline = Instant::now() + PATIENCE;
    while test.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            test.kill().unwrap();
            panic!("the test runs on");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// With its last process go a namespace's mounts, and with these the network namespaces.
fn until_empty(namespace: &str) {
    let deadline = Instant::now() + PATIENCE;
    while processes_in(namespace) > 0 {
        assert!(Instant::now() < deadline, "{} processes run on", processes_in(namespace));
        thread::sleep(Duration::from_millis(20));
    }
}

fn processes_in(namespace: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let links = processes.filter_map(|process| fs::read_link(process.path().join("ns/pid")).ok());
    links.filter(|link| link.to_str() == Some(namespace)).count()
}

fn said(line: &str) -> String {
    let mut words = line.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
