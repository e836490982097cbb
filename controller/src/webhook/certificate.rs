//! The certificate of the webhook: `tls.crt` and `tls.key` in a folder, and `ca.crt`, which API servers
//! are told to believe. These are the names that they have in a Secret.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::{Result, bail};

use crate::serving::self_signed::{self, SelfSigned};

/// The names by which API servers reach it: on the same machine, or by the Service of the manifests.
const NAMES: [&str; 2] = ["localhost", "roster-webhook.kube-system.svc"];

/// Makes a certificate in a folder that has none.
pub fn ensure(directory: &Path, address: IpAddr) -> Result<()> {
    let [authority, certificate, key] =
        ["ca.crt", "tls.crt", "tls.key"].map(|name| directory.join(name));
    match (certificate.exists(), key.exists()) {
        (true, true) => return Ok(()),
        (false, false) => {}
        (there, _) => {
            let missing = if there { key } else { certificate };
            bail!("{} is missing; there must be both or none", missing.display());
        }
    }
    fs::create_dir_all(directory)?;
    let made = SelfSigned::new("roster-webhook", &NAMES, &[Ipv4Addr::LOCALHOST.into(), address])?;
    self_signed::write(&authority, &made.authority, 0o644)?;
    self_signed::write(&key, &made.key, 0o600)?;
    self_signed::write(&certificate, &made.chain(), 0o644)?;
    tracing::info!(directory = %directory.display(), "Generated a certificate for the webhook");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_half_a_pair_is_not_completed() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("certificates");
        let address = IpAddr::from(Ipv4Addr::UNSPECIFIED);
        ensure(&directory, address).unwrap();
        let made = fs::read(directory.join("tls.crt")).unwrap();
        ensure(&directory, address).unwrap();
        assert_eq!(fs::read(directory.join("tls.crt")).unwrap(), made);
        assert!(directory.join("ca.crt").exists());
        fs::remove_file(directory.join("tls.key")).unwrap();
        let error = ensure(&directory, address).unwrap_err().to_string();
        assert!(error.contains("tls.key is missing"), "{error}");
    }
}
