//! A kubeconfig for one API server, with a token that may do everything.

use anyhow::{Context, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};

/// The token of the administrator. The server listens on loopback only and lives for a test.
pub const TOKEN: &str = "roster-testbed";

/// The kubeconfig's text, for the administrator or for somebody he speaks for. It is JSON, which is
/// YAML, too.
pub fn text(url: &str, certificate_authority: &str, user: Option<&str>) -> String {
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": {"server": url, "certificate-authority": certificate_authority}}],
        "users": [{"name": "admin", "user": {"token": TOKEN, "as": user}}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "admin"}}],
        "current-context": "testbed",
    });
    format!("{config:#}\n")
}

/// A client for a kubeconfig.
pub async fn client(text: &str) -> Result<kube::Client> {
    // A second call finds a provider installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let kubeconfig =
        Kubeconfig::from_yaml(text).context("the testbed's kubeconfig is unreadable")?;
    let mut config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    Ok(kube::Client::try_from(config)?)
}
