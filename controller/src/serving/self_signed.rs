//! Certificates that we make ourselves, where nobody gives us one.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Result, anyhow};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};

/// Clocks differ, so a certificate is good a little before it was made.
const EARLIER: Duration = Duration::from_secs(60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A certificate and its key, by an authority of its own that signs nothing else. All in PEM.
pub struct SelfSigned {
    /// The certificate of the authority.
    pub authority: String,
    /// The certificate.
    pub certificate: String,
    /// The key of the certificate.
    pub key: String,
}

impl SelfSigned {
    /// Makes one for a year, for a server of these names and addresses. An unspecified address is left
    /// out.
    ///
    /// # Errors
    /// If a name is none, or nothing can be signed.
    pub fn new(host: &str, names: &[&str], addresses: &[IpAddr]) -> Result<Self> {
        let now = SystemTime::now();
        let mut issuer = params(&format!("{host}-ca"), now);
        issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        issuer.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(issuer, KeyPair::generate()?)?;

        let mut leaf = params(host, now);
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        for name in names {
            leaf.subject_alt_names.push(SanType::DnsName((*name).try_into()?));
        }
        let mut addresses = addresses.to_vec();
        addresses.retain(|address| !address.is_unspecified());
        addresses.dedup();
        leaf.subject_alt_names.extend(addresses.into_iter().map(SanType::IpAddress));
        let key = KeyPair::generate()?;
        let leaf = leaf.signed_by(&key, &issuer)?;
        Ok(Self { authority: issuer.pem(), certificate: leaf.pem(), key: key.serialize_pem() })
    }

    /// The certificate and that of its authority.
    pub fn chain(&self) -> String {
        format!("{}{}", self.certificate, self.authority)
    }
}

/// Names of certificates end with when they were made, as those of Go's servers do.
fn params(name: &str, now: SystemTime) -> CertificateParams {
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, format!("{name}@{seconds}"));
    params.not_before = (now - EARLIER).into();
    params.not_after = (now + YEAR).into();
    params
}

/// Writes a file that must not be there.
///
/// # Errors
/// If it is there, or cannot be written.
pub fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| anyhow!("open {}: {error}", path.display()))
}
