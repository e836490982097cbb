//! The kubeconfig of a running sandbox: two files in a folder, for their owner's eyes only.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use crate::listen::Listener;

/// Writes `kubeconfig` and `ca.crt` into a folder, and says where the kubeconfig is.
///
/// # Errors
/// If the folder cannot be made or a file cannot be written.
pub fn write(listener: &Listener, folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let folder = std::path::absolute(folder)?;
    let authority = folder.join("ca.crt");
    private(&authority, listener.certificate())?;
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": {
            "server": format!("https://{}", listener.address()),
            "certificate-authority": authority,
        }}],
        "users": [{"name": "admin", "user": {"token": listener.token()}}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "admin"}}],
        "current-context": "sandbox",
    });
    let path = folder.join("kubeconfig");
    // JSON is YAML, too.
    private(&path, &format!("{config:#}\n"))?;
    Ok(path)
}

/// Writes a file that only its owner can read. One that is there already is made anew, so that it
/// has these rights and no others.
fn private(path: &Path, text: &str) -> Result<()> {
    let write = || {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
