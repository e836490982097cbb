//! Files that come in Go modules beside what is built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

const OPERATOR: &str = "github.com/prometheus-operator/prometheus-operator";

/// The folder with the definitions of the Prometheus Operator's kinds, one file each, downloaded
/// unless it is there.
///
/// # Errors
/// If there is no Go, or no way to download the module.
pub fn prometheus_operator_crds() -> Result<PathBuf> {
    let downloaded = Command::new("go")
        .args(["mod", "download", "-json", OPERATOR])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("prometheus-operator"))
        .env("GOTOOLCHAIN", "local")
        .output()
        .context("cannot run go")?;
    let answer: Value =
        serde_json::from_slice(&downloaded.stdout).context("`go mod download` printed no JSON")?;
    let Some(folder) = answer.get("Dir").and_then(Value::as_str) else {
        bail!("{OPERATOR} cannot be downloaded: {answer}");
    };
    Ok(Path::new(folder).join("example/prometheus-operator-crd"))
}
