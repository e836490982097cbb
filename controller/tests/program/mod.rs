//! The program, started as an operator starts it.

#![allow(dead_code)] // each of the tests uses a part

pub mod stage;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Where the program is.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_roster");
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program, ended with the test.
pub struct Process {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// `roster controller-manager` on a cluster, as the only replica.
    pub fn alone(kubeconfig: &str) -> Self {
        Self::start(kubeconfig, &["--leader-elect=false"])
    }

    /// `roster controller-manager` on a cluster, with further flags. It serves only if they say where.
    pub fn start(kubeconfig: &str, flags: &[&str]) -> Self {
        let kubeconfig = format!("--kubeconfig={kubeconfig}");
        let ours = ["controller-manager", "-v=2", "--secure-port=0", &kubeconfig];
        Self::run(&[&ours[..], flags].concat())
    }

    /// `roster` with arguments.
    pub fn run(arguments: &[impl AsRef<OsStr>]) -> Self {
        Self::spawn(Command::new(PROGRAM).args(arguments))
    }

    /// The same where it finds what a Pod has: the files of a ServiceAccount, and where the API server
    /// is. In a mount namespace of its own, nobody else sees the files.
    pub fn in_a_pod(account: &Path, server: (&str, &str), arguments: &[impl AsRef<OsStr>]) -> Self {
        let mount = "mount -t tmpfs tmpfs /var/run && mkdir -p /var/run/secrets/kubernetes.io \
                     && cp -r \"$0\" /var/run/secrets/kubernetes.io/serviceaccount && exec \"$@\"";
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--map-root-user", "sh", "-c", mount])
            .args([account.as_os_str(), PROGRAM.as_ref()])
            .args(arguments)
            .env("KUBERNETES_SERVICE_HOST", server.0)
            .env("KUBERNETES_SERVICE_PORT", server.1);
        Self::spawn(&mut command)
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let sink = log.clone();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| sink.lock().push(line));
        });
        Self { child, log }
    }

    /// The same as the only replica, whose log cannot be written: the disk is full.
    pub fn without_a_log(kubeconfig: &str) -> Self {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let child = Command::new(PROGRAM)
            .args([
                "controller-manager",
                "-v=4",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
            ])
            .arg(format!("--secure-port={}", testbed::free_port().unwrap()))
            .arg(format!("--kubeconfig={kubeconfig}"))
            // Whoever runs the test may write its output to a file.
            .stdout(Stdio::null())
            .stderr(full)
            .spawn()
            .unwrap();
        Self { child, log: Arc::default() }
    }

    /// The files on disks that it has open for writing.
    pub fn files_open_for_writing(&self) -> Vec<String> {
        let process = format!("/proc/{}", self.child.id());
        let descriptors = std::fs::read_dir(format!("{process}/fd")).unwrap();
        let open = descriptors.filter_map(|entry| {
            let number = entry.ok()?.file_name().into_string().ok()?;
            let target = std::fs::read_link(format!("{process}/fd/{number}")).ok()?;
            let info = std::fs::read_to_string(format!("{process}/fdinfo/{number}")).ok()?;
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
            // The last octal digit is the access mode: 0 is for reading.
            let writes = !flags.trim().ends_with('0');
            let target = target.display().to_string();
            let on_disk = target.starts_with('/') && !target.starts_with("/dev/");
            (writes && on_disk).then_some(target)
        });
        open.collect()
    }

    /// How many lines of the log have this in them.
    pub fn lines_with(&self, text: &str) -> usize {
        self.log.lock().iter().filter(|line| line.contains(text)).count()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.log.lock().join("\n")
    }

    /// Waits until the log has a line with this in it.
    pub async fn says(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.lines_with(text) == 0 {
            assert!(Instant::now() < deadline, "never said {text:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal: `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it has ended.
    pub async fn ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "still runs:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
