//! etcd, API servers and stock managers, each on ports of its own, ready when started.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::ByteString;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::Api;
use kube::api::PostParams;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::binaries::{Binaries, Program};
use crate::child::Child;
use crate::kubeconfig::{self, TOKEN, User};

/// How long a program may take to become ready. It takes seconds; a busy machine gets more.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(50);
/// A port may be taken by somebody else between choosing it and listening on it.
const TRIES: usize = 3;

/// A running etcd.
pub struct Etcd {
    _child: Child,
    _folder: TempDir,
    url: String,
}

/// What a test may want of an API server.
#[derive(Clone, Debug)]
pub struct ApiServerOptions {
    /// Which API server.
    pub program: Program,
    /// `--etcd-prefix`: servers with different prefixes share an etcd and nothing else.
    pub prefix: String,
    /// `--service-cluster-ip-range`.
    pub service_cluster_ip_range: String,
    /// Further flags.
    pub flags: Vec<String>,
}

impl Default for ApiServerOptions {
    fn default() -> Self {
        Self {
            program: Program::KubeApiserver,
            prefix: "/registry".to_owned(),
            service_cluster_ip_range: "10.96.0.0/16,fd00:96::/112".to_owned(),
            flags: Vec::new(),
        }
    }
}

/// A running kube-apiserver.
pub struct ApiServer {
    child: Option<Child>,
    folder: TempDir,
    program: PathBuf,
    arguments: Vec<String>,
    url: String,
}

impl ApiServerOptions {
    /// The defaults, under a prefix of its own.
    pub fn under(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..Self::default() }
    }
}

/// What a test may want of a stock manager.
#[derive(Clone, Debug)]
pub struct ControllerManagerOptions {
    /// `--controllers`.
    pub controllers: Vec<String>,
    /// Further flags.
    pub flags: Vec<String>,
}

impl ControllerManagerOptions {
    /// These controllers, and no limit on requests that a test would notice.
    pub fn unhurried(controllers: &[&str]) -> Self {
        Self {
            controllers: controllers.iter().map(|name| (*name).to_owned()).collect(),
            flags: vec!["--kube-api-qps=5000".to_owned(), "--kube-api-burst=5000".to_owned()],
        }
    }
}

/// A running kube-controller-manager.
pub struct ControllerManager {
    child: Child,
    folder: TempDir,
    port: u16,
}

/// One etcd and one API server.
pub struct ControlPlane {
    /// The API server, dropped first.
    pub api_server: ApiServer,
    /// The store.
    pub etcd: Etcd,
}

impl ControlPlane {
    /// Starts both.
    pub async fn start() -> Result<Self> {
        let etcd = Etcd::start().await?;
        let api_server = ApiServer::start(&etcd, ApiServerOptions::default()).await?;
        Ok(Self { api_server, etcd })
    }
}

impl Etcd {
    /// Starts an etcd with an empty store in memory-backed files.
    pub async fn start() -> Result<Self> {
        let program = Binaries::default().find(Program::Etcd)?;
        let folder = tempfile::tempdir()?;
        let (child, url) = retried(async || {
            let (client, peer) = (free_port()?, free_port()?);
            let url = format!("http://127.0.0.1:{client}");
            let arguments = [
                "--quota-backend-bytes=8589934592".to_owned(),
                format!("--data-dir={}", folder.path().join("data").display()),
                format!("--listen-client-urls={url}"),
                format!("--advertise-client-urls={url}"),
                format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
                "--unsafe-no-fsync".to_owned(),
                "--log-level=error".to_owned(),
            ];
            let mut child = Child::start("etcd", &program, &arguments, folder.path())?;
            ready(&mut child, async || is_healthy(client).await).await?;
            Ok((child, url))
        })
        .await?;
        Ok(Self { _child: child, _folder: folder, url })
    }

    /// Stores an object past every API server, as old and as wrong as it may be. `key` is that of
    /// Kubernetes: `/registry/services/specs/default/web`.
    pub async fn put(&self, key: &str, object: &serde_json::Value) -> Result<()> {
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        let body = serde_json::json!({"key": bytes(key), "value": bytes(&object.to_string())});
        let body = body.to_string();
        let address = self.url.trim_start_matches("http://");
        let length = body.len();
        let request = format!(
            "POST /v3/kv/put HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let answer = exchange(address, &request).await?;
        match answer.contains(" 200 ") {
            true => Ok(()),
            false => bail!("etcd does not take {key}: {answer}"),
        }
    }
}

impl ApiServer {
    /// Starts a kube-apiserver on an etcd, and waits until it is ready.
    pub async fn start(etcd: &Etcd, options: ApiServerOptions) -> Result<Self> {
        let program = Binaries::default().find(options.program)?;
        retried(async || {
            let folder = tempfile::tempdir()?;
            let port = free_port()?;
            let url = format!("https://127.0.0.1:{port}");
            let arguments = arguments(etcd, &options, folder.path(), port)?;
            let program = program.clone();
            let mut server = Self { child: None, folder, program, arguments, url };
            server.start_again().await?;
            Ok(server)
        })
        .await
    }

    /// Starts the server again after [`ApiServer::stop`], on the same port and the same store.
    pub async fn start_again(&mut self) -> Result<()> {
        let mut child =
            Child::start("kube-apiserver", &self.program, &self.arguments, self.folder.path())?;
        let certificate = self.certificate();
        ready(&mut child, async || certificate.exists()).await?;
        std::fs::write(self.kubeconfig_path(), self.kubeconfig())?;
        let client = self.client().await?;
        ready(&mut child, async || is_ready(&client).await).await?;
        self.child = Some(child);
        Ok(())
    }

    /// Ends the server and keeps its store.
    pub fn stop(&mut self) {
        if let Some(child) = self.child.take() {
            child.stop(Signal::KILL);
        }
    }

    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The pid of the server, if it is running.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::pid)
    }

    /// A kubeconfig whose user may do everything.
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig_as(User::Administrator)
    }

    /// The file with that kubeconfig. It goes with the server.
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// A client that may do everything.
    pub async fn client(&self) -> Result<kube::Client> {
        kubeconfig::client(&self.kubeconfig()).await
    }

    /// A client of somebody who may do what RBAC says.
    pub async fn client_as(&self, user: &str) -> Result<kube::Client> {
        kubeconfig::client(&self.kubeconfig_as(User::SpokenFor(user))).await
    }

    /// A file with a kubeconfig of somebody who may do what RBAC says. It goes with the server.
    pub fn kubeconfig_path_as(&self, user: &str) -> Result<PathBuf> {
        let path = self.folder.path().join(format!("kubeconfig-{user}"));
        std::fs::write(&path, self.kubeconfig_as(User::SpokenFor(user)))?;
        Ok(path)
    }

    /// A file with a kubeconfig of a ServiceAccount of kube-system, with a token for an hour. It goes
    /// with the server.
    pub async fn kubeconfig_path_of(&self, account: &str) -> Result<PathBuf> {
        let token = self.token_of(account).await?;
        let path = self.folder.path().join(format!("kubeconfig-of-{account}"));
        std::fs::write(&path, self.kubeconfig_as(User::Bearer(&token)))?;
        Ok(path)
    }

    /// A token of a ServiceAccount of kube-system.
    ///
    /// # Errors
    /// If there is no such account.
    pub async fn token_of(&self, account: &str) -> Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, "kube-system");
        let (post, request) = (PostParams::default(), TokenRequest::default());
        let answer = accounts.create_token_request(account, &post, &request).await?;
        let token = answer.status.and_then(|status| status.token);
        token.context("a token was asked for and none was given")
    }

    fn kubeconfig_as(&self, user: User<'_>) -> String {
        kubeconfig::text(&self.url, &self.certificate().display().to_string(), user)
    }

    /// The certificate that the server shows, which is its own authority.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("apiserver.crt")
    }
}

impl ControllerManager {
    /// Starts a stock manager on an API server. Two managers with the same controllers on one
    /// server fight, so a test must not start two.
    pub async fn start(server: &ApiServer, options: ControllerManagerOptions) -> Result<Self> {
        let program = Binaries::default().find(Program::KubeControllerManager)?;
        let folder = tempfile::tempdir()?;
        let kubeconfig = server.kubeconfig_path().display().to_string();
        let client = server.client().await?;
        let (child, port) = retried(async || {
            let port = free_port()?;
            let mut arguments = vec![
                format!("--kubeconfig={kubeconfig}"),
                format!("--authentication-kubeconfig={kubeconfig}"),
                format!("--authorization-kubeconfig={kubeconfig}"),
                "--leader-elect=false".to_owned(),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--secure-port={port}"),
                format!("--cert-dir={}", folder.path().display()),
                format!("--controllers={}", options.controllers.join(",")),
            ];
            arguments.extend(options.flags.iter().cloned());
            let mut child =
                Child::start("kube-controller-manager", &program, &arguments, folder.path())?;
            let listens =
                async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
            ready(&mut child, listens).await?;
            if !is_ready(&client).await {
                bail!("the API server went away");
            }
            Ok((child, port))
        })
        .await?;
        Ok(Self { child, folder, port })
    }

    /// What it serves under `/metrics`. It asks its API server who may see it, and the
    /// administrator of the testbed may see everything.
    pub async fn metrics(&self) -> Result<String> {
        let certificate = self.folder.path().join("kube-controller-manager.crt");
        let certificate = certificate.display().to_string();
        let client =
            kubeconfig::client(&kubeconfig::text(&self.url(), &certificate, User::Administrator))
                .await?;
        let request = http::Request::get("/metrics").body(Vec::new())?;
        client.request_text(request).await.context("kube-controller-manager shows no metrics")
    }

    /// Ends the manager by a signal, and waits until it has ended.
    pub fn stop(self, signal: Signal) {
        self.child.stop(signal);
    }

    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The pid of the manager.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// The end of what it printed.
    pub fn log_tail(&self) -> String {
        self.child.log_tail()
    }

    /// All that it printed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("kube-controller-manager.log"))
            .unwrap_or_default()
    }
}

fn arguments(
    etcd: &Etcd,
    options: &ApiServerOptions,
    folder: &Path,
    port: u16,
) -> Result<Vec<String>> {
    let keys = rcgen::KeyPair::generate().context("cannot make a key for service accounts")?;
    let private = folder.join("service-account.key");
    let public = folder.join("service-account.pub");
    let tokens = folder.join("tokens.csv");
    std::fs::write(&private, keys.serialize_pem())?;
    std::fs::write(&public, keys.public_key_pem())?;
    std::fs::write(&tokens, format!("{TOKEN},admin,admin,system:masters\n"))?;
    let mut arguments = vec![
        format!("--etcd-servers={}", etcd.url),
        format!("--etcd-prefix={}", options.prefix),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", folder.display()),
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--token-auth-file={}", tokens.display()),
        "--service-account-issuer=https://testbed.local/".to_owned(),
        format!("--service-account-key-file={}", public.display()),
        format!("--service-account-signing-key-file={}", private.display()),
        "--authorization-mode=RBAC".to_owned(),
        format!("--service-cluster-ip-range={}", options.service_cluster_ip_range),
        "--disable-admission-plugins=ServiceAccount".to_owned(),
    ];
    arguments.extend(options.flags.iter().cloned());
    Ok(arguments)
}

async fn is_healthy(port: u16) -> bool {
    let answer = exchange(&format!("127.0.0.1:{port}"), "GET /health HTTP/1.0\r\n\r\n").await;
    answer.is_ok_and(|answer| answer.contains(" 200 ") && answer.contains("\"true\""))
}

async fn exchange(address: &str, request: &str) -> std::io::Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn is_ready(client: &kube::Client) -> bool {
    let Ok(request) = http::Request::get("/readyz").body(Vec::new()) else {
        return false;
    };
    let ready = client.request_text(request).await.is_ok_and(|text| text == "ok");
    ready && Api::<Namespace>::all(client.clone()).get("default").await.is_ok()
}

pub(crate) async fn ready(child: &mut Child, condition: impl AsyncFn() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        child.check()?;
        if Instant::now() > deadline {
            bail!(
                "not ready within {} s; the end of the log:\n{}",
                PATIENCE.as_secs(),
                child.log_tail()
            );
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

pub(crate) async fn retried<T>(start: impl AsyncFn() -> Result<T>) -> Result<T> {
    let mut tries = 1;
    loop {
        match start().await {
            Err(error)
                if tries < TRIES && format!("{error:#}").contains("address already in use") =>
            {
                tries += 1
            }
            result => return result,
        }
    }
}

/// A port on loopback that was free a moment ago.
///
/// # Errors
/// If there is none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on loopback")?;
    Ok(listener.local_addr()?.port())
}
