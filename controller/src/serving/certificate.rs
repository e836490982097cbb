//! The certificate of the port: given in files, or made by ourselves.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::pairs::{NamedPair, Pair};
use super::reloaded::Reloaded;
use super::self_signed::{self, SelfSigned};
use super::tls;
use crate::config::serving::{CertificateSource, Listening};
use crate::logging::PLAIN;

/// The names of the pair in `--cert-dir`, as kube-controller-manager calls them.
const CERTIFICATE: &str = "kube-controller-manager.crt";
const KEY: &str = "kube-controller-manager.key";

/// TLS with the certificates that are in force. They are read again when their files change.
pub struct Identity(Reloaded<ServerConfig>);

impl Identity {
    /// Reads the certificate, or makes one where there is none.
    ///
    /// # Errors
    /// If it cannot be read, used or made.
    pub fn new(listening: &Listening) -> Result<Self> {
        let usual = match &listening.certificate {
            CertificateSource::Memory => {
                let made = self_signed(listening.bind_address)?;
                tracing::info!(name: PLAIN, "Generated self-signed cert in-memory");
                Source::Made(made)
            }
            CertificateSource::Directory(directory) => {
                let (certificate, key) = in_directory(directory, listening.bind_address)
                    .context("error creating self-signed certificates")?;
                Source::Files { certificate, key }
            }
            CertificateSource::Files { certificate, key } => {
                Source::Files { certificate: certificate.clone(), key: key.clone() }
            }
        };
        let named = listening.named_certificates.iter();
        let mut files: Vec<PathBuf> = named
            .flat_map(|named| [PathBuf::from(&named.certificate), PathBuf::from(&named.key)])
            .collect();
        if let Source::Files { certificate, key } = &usual {
            files.extend([certificate.clone(), key.clone()]);
        }
        let listening = listening.clone();
        Reloaded::new(files, move || configured(&usual, &listening)).map(Self)
    }

    /// What the next connection is to use.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.0.current()
    }
}

/// Where the pair for everybody comes from.
enum Source {
    Made(SelfSigned),
    Files { certificate: PathBuf, key: PathBuf },
}

/// TLS with all pairs as they are now.
fn configured(usual: &Source, listening: &Listening) -> Result<ServerConfig> {
    let named = listening.named_certificates.iter().map(|named| {
        let pair = from_files(Path::new(&named.certificate), Path::new(&named.key))?;
        Ok(NamedPair { pair, names: named.names.clone() })
    });
    let named = named.collect::<Result<_>>()?;
    match usual {
        Source::Made(made) => {
            tls::config(pair(made.chain().as_bytes(), made.key.as_bytes())?, named, listening)
        }
        Source::Files { certificate, key } => {
            let pair = from_files(certificate, key)?;
            tls::config(pair, named, listening).with_context(|| cannot_serve(certificate, key))
        }
    }
}

fn from_files(certificate: &Path, key: &Path) -> Result<Pair> {
    let (chain, secret) = (read(certificate)?, read(key)?);
    pair(&chain, &secret).with_context(|| cannot_serve(certificate, key))
}

fn cannot_serve(certificate: &Path, key: &Path) -> String {
    format!("cannot serve with {} and {}", certificate.display(), key.display())
}

/// A certificate for loopback and the address of the port.
fn self_signed(address: IpAddr) -> Result<SelfSigned> {
    SelfSigned::new("localhost", &["localhost"], &[Ipv4Addr::LOCALHOST.into(), address])
}

/// The pair in a directory, which is made there if there is none.
fn in_directory(directory: &Path, address: IpAddr) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (directory.join(CERTIFICATE), directory.join(KEY));
    match (certificate.exists(), key.exists()) {
        (true, true) => return Ok((certificate, key)),
        (false, false) => {}
        (there, _) => {
            let missing = if there { &key } else { &certificate };
            bail!(
                "error reading {}, certificate and key must be supplied as a pair",
                missing.display()
            );
        }
    }
    fs::create_dir_all(directory)
        .map_err(|error| anyhow!("mkdir {}: {error}", directory.display()))?;
    let made = self_signed(address)?;
    self_signed::write(&key, &made.key, 0o600)?;
    self_signed::write(&certificate, &made.chain(), 0o644)?;
    let (shown_certificate, shown_key) = (certificate.display(), key.display());
    tracing::info!(name: PLAIN, "Generated self-signed cert ({shown_certificate}, {shown_key})");
    Ok((certificate, key))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| anyhow!("open {}: {error}", path.display()))
}

fn pair(chain: &[u8], key: &[u8]) -> Result<Pair> {
    let certificates = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
    let chain = certificates.context("the certificate is no PEM")?;
    if chain.is_empty() {
        bail!("there is no certificate in the file");
    }
    let key = PrivateKeyDer::from_pem_slice(key).context("there is no private key in the file")?;
    Ok(Pair { chain, key })
}
