//! A kubeconfig for one API server.

use anyhow::{Context, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;

/// The token of the administrator. The server listens on loopback only and lives for a test.
pub const TOKEN: &str = "roster-testbed";

/// The name of its cluster and of its only context.
pub const CONTEXT: &str = "testbed";

/// Whose kubeconfig it is.
#[derive(Clone, Copy, Debug)]
pub enum User<'a> {
    /// He may do everything.
    Administrator,
    /// Somebody in whose name the administrator speaks.
    SpokenFor(&'a str),
    /// Whoever a token belongs to.
    Bearer(&'a str),
}

/// The kubeconfig's text. It is JSON, which is YAML, too.
pub fn text(url: &str, certificate_authority: &str, user: User<'_>) -> String {
    let user = match user {
        User::Administrator => json!({"token": TOKEN}),
        User::SpokenFor(name) => json!({"token": TOKEN, "as": name}),
        User::Bearer(token) => json!({"token": token}),
    };
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": url, "certificate-authority": certificate_authority}}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": "user"}}],
        "current-context": CONTEXT,
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
