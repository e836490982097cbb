//! A child process that ends with us, however we end: it runs under a small shell that holds one
//! end of a pipe to us and ends the child when the pipe closes, which the kernel does even for a
//! process that was killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::build::last_lines;

/// Starts "$@", writes its pid to the file in $1, ends it when standard input closes, and ends
/// with it.
const GUARD: &str = r#"
pidfile=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
echo $child > "$pidfile.new" && mv "$pidfile.new" "$pidfile"
{ cat <&3 >/dev/null; kill -TERM $child 2>/dev/null; sleep 3; kill -KILL $child 2>/dev/null; } &
exec 3<&-
wait $child
"#;

/// How long a child may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running program.
pub struct Child {
    name: &'static str,
    guard: std::process::Child,
    pid: Pid,
    log: PathBuf,
}

impl Child {
    /// Starts a program. What it prints goes to `NAME.log` in the folder.
    pub fn start(
        name: &'static str,
        program: &Path,
        arguments: &[String],
        folder: &Path,
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let pidfile = folder.join(format!("{name}.pid"));
        let _ = fs::remove_file(&pidfile);
        let output = File::options().create(true).append(true).open(&log)?;
        let mut guard = Command::new("/bin/sh")
            .args(["-c", GUARD, "guard"])
            .args([pidfile.as_os_str(), program.as_os_str()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = match wait_for_pid(&pidfile) {
            Ok(pid) => pid,
            Err(error) => {
                let _ = guard.kill();
                let _ = guard.wait();
                return Err(error.context(format!("cannot start {}", program.display())));
            }
        };
        Ok(Self { name, guard, pid, log })
    }

    /// The pid of the program itself.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Fails with the end of the log if the program is not running any more.
    pub fn check(&mut self) -> Result<()> {
        match self.guard.try_wait()? {
            None => Ok(()),
            Some(status) => bail!(
                "{} has ended ({status}); the end of its log:\n{}",
                self.name,
                self.log_tail()
            ),
        }
    }

    /// The end of what the program printed.
    pub fn log_tail(&self) -> String {
        last_lines(&fs::read_to_string(&self.log).unwrap_or_default(), 25)
    }

    /// Asks the program to end, and waits until it has.
    pub fn stop(mut self, signal: Signal) {
        self.end(signal);
    }

    fn end(&mut self, signal: Signal) {
        if matches!(self.guard.try_wait(), Ok(Some(_))) {
            return;
        }
        let _ = kill_process(self.pid, signal);
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.guard.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = kill_process(self.pid, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end(Signal::KILL);
    }
}

fn wait_for_pid(file: &Path) -> Result<Pid> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Ok(text) = fs::read_to_string(file) {
            let raw: i32 = text.trim().parse().context("the pid file holds no number")?;
            return Pid::from_raw(raw).context("the pid file holds zero");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    bail!("its pid was not written within {} s", PATIENCE.as_secs())
}
