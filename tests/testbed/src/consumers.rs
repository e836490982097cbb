//! What reads slices and was written by others: kube-proxy and CoreDNS. Both work on the network
//! namespace of whoever starts them, and kube-proxy needs root there.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::binaries::{Binaries, Program};
use crate::child::Child;
use crate::control_plane::{ApiServer, free_port, ready, retried};
use crate::kubeconfig::CONTEXT;

/// What a test may want of kube-proxy.
#[derive(Clone, Debug)]
pub struct KubeProxyOptions {
    /// The Node that it works on; it must exist, and have addresses.
    pub node: String,
    /// The addresses of Pods, as kube-proxy takes them: one range, or one of each family.
    pub cluster_cidr: String,
    /// How long it rests after it has changed the rules, at least.
    pub min_sync_period: Duration,
}

/// A running kube-proxy in nftables mode.
pub struct KubeProxy {
    child: Child,
    _folder: TempDir,
    metrics: u16,
}

impl KubeProxy {
    /// Starts one, and waits until it has programmed what there is.
    ///
    /// # Errors
    /// If there is no such program, or if it does not become healthy.
    pub async fn start(server: &ApiServer, options: &KubeProxyOptions) -> Result<Self> {
        let program = Binaries::default().find(Program::KubeProxy)?;
        retried(async || {
            let folder = tempfile::tempdir()?;
            let (healthz, metrics) = (free_port()?, free_port()?);
            let file = folder.path().join("config");
            std::fs::write(&file, configuration(server, options, healthz, metrics))?;
            let arguments = [format!("--config={}", file.display())];
            let mut child = Child::start("kube-proxy", &program, &arguments, folder.path())?;
            ready(&mut child, async || get(healthz, "/healthz").await.is_ok()).await?;
            Ok(Self { child, _folder: folder, metrics })
        })
        .await
    }

    /// What it serves under `/metrics`.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn metrics(&self) -> Result<String> {
        get(self.metrics, "/metrics").await
    }

    /// The end of what it printed.
    pub fn log_tail(&self) -> String {
        self.child.log_tail()
    }
}

/// A running CoreDNS that answers for `cluster.local`.
pub struct Coredns {
    child: Child,
    _folder: TempDir,
}

impl Coredns {
    /// Starts one on an address, and waits until it knows the cluster.
    ///
    /// # Errors
    /// If there is no such program, or if it does not become ready.
    pub async fn start(server: &ApiServer, address: SocketAddr) -> Result<Self> {
        let program = Binaries::default().find(Program::Coredns)?;
        retried(async || {
            let folder = tempfile::tempdir()?;
            let port = free_port()?;
            let file = folder.path().join("Corefile");
            std::fs::write(&file, corefile(server, address, port))?;
            let arguments = ["-conf".to_owned(), file.display().to_string()];
            let mut child = Child::start("coredns", &program, &arguments, folder.path())?;
            ready(&mut child, async || get(port, "/ready").await.is_ok()).await?;
            Ok(Self { child, _folder: folder })
        })
        .await
    }

    /// The end of what it printed.
    pub fn log_tail(&self) -> String {
        self.child.log_tail()
    }
}

/// JSON is YAML, too. Without `maxPerCore: 0` kube-proxy would change what the whole machine shares.
fn configuration(
    server: &ApiServer,
    options: &KubeProxyOptions,
    healthz: u16,
    metrics: u16,
) -> String {
    let config = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": server.kubeconfig_path()},
        "hostnameOverride": options.node,
        "clusterCIDR": options.cluster_cidr,
        "healthzBindAddress": format!("127.0.0.1:{healthz}"),
        "metricsBindAddress": format!("127.0.0.1:{metrics}"),
        "conntrack": {"maxPerCore": 0},
        "nftables": {"minSyncPeriod": format!("{}ms", options.min_sync_period.as_millis())},
    });
    format!("{config:#}\n")
}

/// Answers may not be older than the slices, so they are not to be kept: `ttl 0`.
fn corefile(server: &ApiServer, address: SocketAddr, ready: u16) -> String {
    let kubeconfig = server.kubeconfig_path();
    format!(
        "\
.:{} {{
    bind {}
    ready 127.0.0.1:{ready}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {} {CONTEXT}
        ttl 0
    }}
}}
",
        address.port(),
        address.ip(),
        kubeconfig.display(),
    )
}

/// Asks a port on loopback, and fails unless the answer is 200.
async fn get(port: u16, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer in HTTP")?;
    if !head.lines().next().unwrap_or_default().contains(" 200 ") {
        bail!("{path} on port {port} says {}", head.lines().next().unwrap_or_default());
    }
    Ok(body.to_owned())
}
