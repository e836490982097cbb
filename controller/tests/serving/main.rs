//! The HTTPS port of the program, as probes, scrapers, operators and strangers find it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

#[path = "../program/mod.rs"]
mod program;

mod beside_stock;
mod certificates;
mod configuration;
mod replicas;
mod resting;
mod starting;

use program::Process;

/// `roster controller-manager` with a port on loopback.
struct Manager {
    process: Process,
    url: String,
}

impl Manager {
    /// Starts it on a cluster, and waits until it serves.
    async fn start(kubeconfig: &str, flags: &[&str]) -> Self {
        let port = testbed::free_port().unwrap();
        let secure_port = format!("--secure-port={port}");
        let ours = ["--leader-elect=false", "--bind-address=127.0.0.1", &secure_port];
        let process = Process::start(kubeconfig, &[&ours[..], flags].concat());
        process.says("Serving securely on").await;
        Self { process, url: format!("https://127.0.0.1:{port}") }
    }
}

/// A kubeconfig of a cluster that is not there.
fn unreachable(folder: &std::path::Path) -> String {
    let path = folder.join("unreachable");
    let port = testbed::free_port().unwrap();
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": format!("https://127.0.0.1:{port}")}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    });
    std::fs::write(&path, config.to_string()).unwrap();
    path.display().to_string()
}
