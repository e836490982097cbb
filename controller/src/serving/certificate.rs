//! The certificate of the port: given in files, or made by ourselves.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow, bail};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::pairs::{NamedPair, Pair};
use super::reloaded::Reloaded;
use super::tls;
use crate::config::serving::{CertificateSource, Serving};
use crate::logging::PLAIN;

/// The names of the pair in `--cert-dir`, as kube-controller-manager calls them.
const CERTIFICATE: &str = "kube-controller-manager.crt";
const KEY: &str = "kube-controller-manager.key";
/// Clocks differ, so a certificate is good a little before it was made.
const EARLIER: Duration = Duration::from_secs(60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// TLS with the certificates that are in force. They are read again when their files change.
pub struct Identity(Reloaded<ServerConfig>);

impl Identity {
    /// Reads the certificate, or makes one where there is none.
    ///
    /// # Errors
    /// If it cannot be read, used or made.
    pub fn new(serving: &Serving) -> Result<Self> {
        let usual = match &serving.certificate {
            CertificateSource::Memory => {
                let made = self_signed(serving.bind_address)?;
                tracing::info!(name: PLAIN, "Generated self-signed cert in-memory");
                Source::Made(made)
            }
            CertificateSource::Directory(directory) => {
                let (certificate, key) = in_directory(directory, serving.bind_address)
                    .context("error creating self-signed certificates")?;
                Source::Files { certificate, key }
            }
            CertificateSource::Files { certificate, key } => {
                Source::Files { certificate: certificate.clone(), key: key.clone() }
            }
        };
        let named = serving.named_certificates.iter();
        let mut files: Vec<PathBuf> = named
            .flat_map(|named| [PathBuf::from(&named.certificate), PathBuf::from(&named.key)])
            .collect();
        if let Source::Files { certificate, key } = &usual {
            files.extend([certificate.clone(), key.clone()]);
        }
        let serving = serving.clone();
        Reloaded::new(files, move || configured(&usual, &serving)).map(Self)
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
fn configured(usual: &Source, serving: &Serving) -> Result<ServerConfig> {
    let named = serving.named_certificates.iter().map(|named| {
        let pair = from_files(Path::new(&named.certificate), Path::new(&named.key))?;
        Ok(NamedPair { pair, names: named.names.clone() })
    });
    let named = named.collect::<Result<_>>()?;
    match usual {
        Source::Made(made) => {
            tls::config(pair(made.chain.as_bytes(), made.key.as_bytes())?, named, serving)
        }
        Source::Files { certificate, key } => {
            let pair = from_files(certificate, key)?;
            tls::config(pair, named, serving).with_context(|| cannot_serve(certificate, key))
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

/// A pair that we made, in PEM.
struct SelfSigned {
    /// The certificate and its issuer.
    chain: String,
    key: String,
}

/// A certificate for loopback and the address of the port, by an issuer of its own that signs
/// nothing else.
fn self_signed(address: IpAddr) -> Result<SelfSigned> {
    let now = SystemTime::now();
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let certificate = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, format!("{name}@{seconds}"));
        params.not_before = (now - EARLIER).into();
        params.not_after = (now + YEAR).into();
        params
    };
    let mut issuer = certificate("localhost-ca");
    issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    issuer.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let issuer = CertifiedIssuer::self_signed(issuer, KeyPair::generate()?)?;

    let mut leaf = certificate("localhost");
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.subject_alt_names = vec![
        SanType::DnsName("localhost".try_into()?),
        SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
    ];
    if !address.is_unspecified() && address != IpAddr::from(Ipv4Addr::LOCALHOST) {
        leaf.subject_alt_names.push(SanType::IpAddress(address));
    }
    let key = KeyPair::generate()?;
    let leaf = leaf.signed_by(&key, &issuer)?;
    Ok(SelfSigned { chain: leaf.pem() + &issuer.pem(), key: key.serialize_pem() })
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
    write(&key, &made.key, 0o600)?;
    write(&certificate, &made.chain, 0o644)?;
    let (shown_certificate, shown_key) = (certificate.display(), key.display());
    tracing::info!(name: PLAIN, "Generated self-signed cert ({shown_certificate}, {shown_key})");
    Ok((certificate, key))
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| anyhow!("open {}: {error}", path.display()))
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
