//! One call of kubectl.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use support::Server;
use testbed::{Binaries, Program};

/// What of a call has to be the same on both servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The exit code and all that is printed.
    All,
    /// What the sandbox prints are lines that the real server makes kubectl print, too, among others.
    Subset,
    /// The exit code alone: what is printed is each server's own.
    Ending,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code.
    pub code: Option<i32>,
    /// What was printed.
    pub stdout: String,
    /// What was complained about.
    pub stderr: String,
}

/// Which server is talked to.
#[derive(Clone, Copy, Debug)]
pub enum On {
    /// kube-apiserver.
    Real,
    /// The sandbox.
    Sandbox,
}

struct Servers {
    real: Server,
    sandbox: Server,
    /// They are served as long as this lives.
    _runtime: tokio::runtime::Runtime,
}

static SERVERS: LazyLock<Servers> = LazyLock::new(|| {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let both = async {
        tokio::join!(async { Server::real().await.with_controllers().await }, Server::sandbox())
    };
    let (real, sandbox) = runtime.block_on(both);
    Servers { real, sandbox, _runtime: runtime }
});

/// Calls kubectl in a folder that is its home, too, so that nothing of one server is seen on the
/// other.
pub fn kubectl(on: On, folder: &Path, arguments: &[&str]) -> Ended {
    let server = match on {
        On::Real => &SERVERS.real,
        On::Sandbox => &SERVERS.sandbox,
    };
    let program = Binaries::default().find(Program::Kubectl).unwrap();
    let ran = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .env("KUBECONFIG", server.kubeconfig())
        .env("KUBE_EDITOR", "sed -i s/9376/9377/;s/port:.80/port:\\ 8080/")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: ran.status.code(), stdout: text(ran.stdout), stderr: text(ran.stderr) }
}
