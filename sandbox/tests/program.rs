//! The program `roster-sandbox`: its port, its certificate, its token, and its files.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A running program. It is killed with the test.
struct Program {
    child: Child,
    folder: TempDir,
    kubeconfig: Value,
}

impl Program {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_roster-sandbox"))
            .arg("--directory")
            .arg(folder.path())
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.find(|line| line.as_ref().unwrap().contains("KUBECONFIG="));
        let path = line.unwrap().unwrap();
        let path = path.split_once("KUBECONFIG=").unwrap().1;
        let kubeconfig = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        Self { child, folder, kubeconfig }
    }

    fn address(&self) -> String {
        let url = self.kubeconfig["clusters"][0]["cluster"]["server"].as_str().unwrap();
        url.strip_prefix("https://").unwrap().to_owned()
    }

    fn token(&self) -> &str {
        self.kubeconfig["users"][0]["user"]["token"].as_str().unwrap()
    }

    /// The certificates of the kubeconfig.
    fn trusted(&self) -> RootCertStore {
        let path = self.kubeconfig["clusters"][0]["cluster"]["certificate-authority"].as_str();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(path.unwrap()).unwrap()).unwrap();
        roots
    }

    /// What is answered to a GET, or how the connection fails.
    fn get(&self, roots: RootCertStore, path: &str, token: &str) -> std::io::Result<String> {
        rest(self.ask(roots, path, token)?)
    }

    /// What is answered to a POST.
    fn post(&self, path: &str, body: &Value) -> String {
        let (body, token) = (body.to_string(), self.token());
        let mut stream = self.connect(self.trusted()).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        rest(stream).unwrap()
    }

    /// Sends a GET.
    fn ask(&self, roots: RootCertStore, path: &str, token: &str) -> std::io::Result<Stream> {
        let mut stream = self.connect(roots)?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        )?;
        Ok(stream)
    }

    fn connect(&self, roots: RootCertStore) -> std::io::Result<Stream> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        Ok(StreamOwned::new(connection, TcpStream::connect(self.address())?))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All that is still answered.
fn rest(mut stream: Stream) -> std::io::Result<String> {
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        // It closes the connection without a farewell, which HTTP makes up for.
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(answer),
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn only_its_owner_can_read_the_kubeconfig_and_the_certificate() {
    let program = Program::start();
    for name in ["kubeconfig", "ca.crt"] {
        assert_eq!(mode(&program.folder.path().join(name)), 0o600, "{name}");
    }
    assert!(program.token().len() >= 32);
    assert!(program.address().starts_with("127.0.0.1:"));
}

#[test]
fn files_that_are_there_already_are_made_anew() {
    let program = Program::start();
    let path = program.folder.path().join("kubeconfig");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let again = Command::new(env!("CARGO_BIN_EXE_roster-sandbox"))
        .arg("--directory")
        .arg(program.folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut again =
        Program { child: again, folder: tempfile::tempdir().unwrap(), kubeconfig: Value::Null };
    let lines = BufReader::new(again.child.stdout.take().unwrap()).lines();
    assert!(lines.map(Result::unwrap).any(|line| line.contains("KUBECONFIG=")));
    assert_eq!(mode(&path), 0o600);
    assert!(
        !std::fs::read_to_string(&path).unwrap().contains(program.token()),
        "a token of its own"
    );
}

#[test]
fn the_port_speaks_tls_under_the_certificate_of_the_kubeconfig_and_no_other() {
    let program = Program::start();
    let answer = program.get(program.trusted(), "/api/v1/nodes", program.token()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"NodeList\""));
    let stranger = Program::start();
    let refused = program.get(stranger.trusted(), "/api/v1/nodes", program.token());
    assert!(refused.unwrap_err().to_string().contains("certificate"));
    let mut plain = TcpStream::connect(program.address()).unwrap();
    plain.write_all(b"GET /version HTTP/1.1\r\nHost: sandbox\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "plain text is not answered");
}

#[test]
fn who_has_not_read_the_kubeconfig_sees_no_object() {
    let program = Program::start();
    for token in ["", "nobody"] {
        let answer = program.get(program.trusted(), "/api/v1/nodes", token).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
        assert!(!answer.contains("node-1"));
    }
}

#[test]
fn a_watch_ends_in_good_order_when_the_program_is_asked_to_end() {
    let mut program = Program::start();
    let mut stream =
        program.ask(program.trusted(), "/api/v1/nodes?watch=1", program.token()).unwrap();
    let mut begun = Vec::new();
    while !String::from_utf8_lossy(&begun).contains("\"ADDED\"") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        begun.push(byte[0]);
    }
    let asked = Command::new("kill").args(["-TERM", &program.child.id().to_string()]).status();
    assert!(asked.unwrap().success());
    assert!(rest(stream).unwrap().ends_with("0\r\n\r\n"), "the last chunk is there");
    assert!(program.child.wait().unwrap().success());
}

/// Waits until something is so.
fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} never came true");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_was_kept_is_there_again_after_a_crash() {
    let state = tempfile::tempdir().unwrap();
    let flags = ["--state-dir", state.path().to_str().unwrap()];
    let mut program = Program::start_with(&flags);
    let map = json!({"metadata": {"name": "kept"}, "data": {"key": "value"}});
    let made = program.post("/api/v1/namespaces/default/configmaps", &map);
    assert!(made.starts_with("HTTP/1.1 201 Created\r\n"), "{made}");
    let file = state.path().join("objects.json");
    until("the file holds the object", || {
        std::fs::read_to_string(&file).is_ok_and(|text| text.contains("\"kept\""))
    });
    program.child.kill().unwrap();
    program.child.wait().unwrap();

    let again = Program::start_with(&flags);
    let path = "/api/v1/namespaces/default/configmaps/kept";
    let answer = again.get(again.trusted(), path, again.token()).unwrap();
    assert!(answer.contains("\"key\":\"value\""), "{answer}");
    let nodes = again.get(again.trusted(), "/api/v1/nodes", again.token()).unwrap();
    assert!(nodes.contains("node-3") && !nodes.contains("node-4"), "{nodes}");
}

#[test]
fn a_mistake_on_the_command_line_is_told_and_help_names_every_flag() {
    let run = |flag: &str| {
        let ran = Command::new(env!("CARGO_BIN_EXE_roster-sandbox")).arg(flag).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (ran.status.code(), text(ran.stdout), text(ran.stderr))
    };
    let (code, _, told) = run("--service-cidr=10.96.0.0/16,10.97.0.0/16");
    assert_eq!(code, Some(2));
    assert!(told.contains("one range, or one of each family"), "{told}");
    let (code, help, _) = run("--help");
    assert_eq!(code, Some(0));
    for flag in ["port", "directory", "cluster-ip-allocation", "service-cidr", "state-dir", "nodes"]
    {
        assert!(help.contains(&format!("--{flag} <")), "{flag} in {help}");
    }
}
