//! TLS as the flags want it, from a certificate and its key.

use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    SupportedCipherSuite, SupportedProtocolVersion, version,
};

use crate::config::serving::{Protocols, Serving};

/// A certificate with what leads to its authority, and its key.
pub struct Pair {
    /// The certificate of the server first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first certificate.
    pub key: PrivateKeyDer<'static>,
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2. Nothing older is spoken here, even if it is asked for.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// The cipher suites of TLS 1.2 that are spoken; those of TLS 1.3 cannot be chosen, as in Go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Suites {
    /// All that are safe.
    #[default]
    All,
    /// These, by their IANA names.
    These(Vec<String>),
}

impl TlsVersion {
    /// Reads `--tls-min-version`.
    pub fn read(text: &str) -> Result<Self, String> {
        match text {
            "" | "VersionTLS10" | "VersionTLS11" | "VersionTLS12" => Ok(TlsVersion::Tls12),
            "VersionTLS13" => Ok(TlsVersion::Tls13),
            other => Err(format!("unknown tls version {other:?}")),
        }
    }

    fn and_newer(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            TlsVersion::Tls12 => vec![&version::TLS12, &version::TLS13],
            TlsVersion::Tls13 => vec![&version::TLS13],
        }
    }
}

impl Suites {
    /// Reads `--tls-cipher-suites`. Names that Go knows are good even where the suite is too old to be
    /// spoken here.
    pub fn read(names: &[String]) -> Result<Self, String> {
        match names.iter().find(|name| !GO_SUITES.contains(&name.as_str())) {
            Some(name) => Err(format!("Cipher suite {name} not supported or doesn't exist")),
            None if names.is_empty() => Ok(Suites::All),
            None => Ok(Suites::These(names.iter().map(|name| whole(name)).collect())),
        }
    }

    /// The names that were asked for and are not spoken.
    pub fn not_spoken(&self) -> Vec<&str> {
        let spoken = aws_lc_rs::ALL_CIPHER_SUITES;
        let is_spoken = |name: &str| spoken.iter().any(|suite| iana_name(suite) == name);
        match self {
            Suites::All => Vec::new(),
            Suites::These(names) => {
                names.iter().map(String::as_str).filter(|name| !is_spoken(name)).collect()
            }
        }
    }

    fn contain(&self, suite: &SupportedCipherSuite) -> bool {
        match self {
            Suites::All => true,
            Suites::These(names) => suite.tls13().is_some() || names.contains(&iana_name(suite)),
        }
    }
}

/// What a server needs to speak TLS.
///
/// # Errors
/// If the key does not fit the certificate.
pub fn config(pair: Pair, serving: &Serving) -> Result<ServerConfig> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| serving.suites.contain(suite));
    let provider = Arc::new(provider);
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&serving.min_version.and_newer())?
        .with_client_cert_verifier(Arc::new(AnyCertificate(provider)))
        .with_single_cert(pair.chain, pair.key)
        .context("the certificate cannot be used with the key")?;
    config.alpn_protocols = match serving.protocols {
        Protocols::All => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Protocols::Http1 => vec![b"http/1.1".to_vec()],
    };
    Ok(config)
}

/// Lets everybody connect, with any certificate or none: who a client is is judged for each request,
/// so that a stranger is answered 401 and not cut off. That the client has the key of its
/// certificate is proved here.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`. rustls calls those of TLS 1.3 `TLS13_…`.
fn iana_name(suite: &SupportedCipherSuite) -> String {
    let name = suite.suite().as_str().unwrap_or_default();
    name.replace("TLS13_", "TLS_")
}

/// Go has older names for some suites, without the hash.
fn whole(name: &str) -> String {
    let hash = if name.ends_with("_POLY1305") { "_SHA256" } else { "" };
    format!("{name}{hash}")
}

/// The suites that Go knows, and with it kube-controller-manager.
const GO_SUITES: [&str; 27] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_RC4_128_SHA",
];
