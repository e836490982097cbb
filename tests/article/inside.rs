//! The half of the test that is the first process of namespaces of its own. Its network is the Node's.

use std::fs;
use std::io::Read;
use std::process::ExitCode;
use std::thread;

use crate::leftovers;
use crate::network::run;
use crate::stage::Allocator;
use crate::story;

/// Where files go.
pub const FILES: &str = "/run/files";
/// How names are resolved in a Pod: kubelet writes this.
const RESOLVER: &str = "\
nameserver 10.96.0.10
search default.svc.cluster.local svc.cluster.local cluster.local
options ndots:5
";

/// Plays. A panic ends the process, and with it everything that it has started.
pub fn play(play: &str, roster: &str) -> ExitCode {
    end_with_the_other_half();
    hide_the_machine();
    match play {
        "wait" => leftovers::wait_to_be_killed(),
        "story" => tokio(story::observations(roster, Allocator::KubeApiserver)),
        "story-without-allocator" => tokio(story::observations(roster, Allocator::Roster)),
        "story-through-webhook" => tokio(story::observations(roster, Allocator::Webhook)),
        "change" => tokio(story::changes(roster)),
        unknown => panic!("there is no play {unknown:?}"),
    }
    ExitCode::SUCCESS
}

/// The other half holds the other end of standard input, and never writes.
fn end_with_the_other_half() {
    thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
}

/// What is written below `/run` and what is mounted is seen in here only.
fn hide_the_machine() {
    run("mount -t tmpfs tmpfs /run");
    run("mount -t sysfs sysfs /sys");
    for folder in ["/run/netns", FILES] {
        fs::create_dir(folder).unwrap();
    }
    let resolver = format!("{FILES}/resolv.conf");
    fs::write(&resolver, RESOLVER).unwrap();
    run(&format!("mount --bind {resolver} /etc/resolv.conf"));
}

fn tokio(play: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(play);
}
