//! TLS as the flags want it, from a certificate and its key.

use std::sync::Arc;

use anyhow::{Result, bail};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    SupportedCipherSuite, SupportedProtocolVersion, version,
};

use super::pairs::{NamedPair, Pair, Pairs};
use crate::config::serving::{Listening, Protocols};

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2. Nothing older is spoken here, even if it is asked for.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// How keys are exchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Groups {
    /// As TLS libraries like it.
    #[default]
    Usual,
    /// By these groups only, by their IANA numbers.
    These(Vec<u16>),
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

impl Groups {
    /// Reads `--tls-curve-preferences`. As in Go, the numbers say what may be used, and not in which
    /// order. Those that Go knows are good even where rustls does not have them.
    pub fn read(numbers: &[i32]) -> Result<Self, String> {
        let known = |number: &i32| u16::try_from(*number).ok().filter(|id| GO_GROUPS.contains(id));
        match numbers.iter().find(|number| known(number).is_none()) {
            Some(number) => {
                Err(format!("curve preference {number} is not supported by the current Go version"))
            }
            None if numbers.is_empty() => Ok(Groups::Usual),
            None => Ok(Groups::These(numbers.iter().filter_map(known).collect())),
        }
    }

    /// The numbers that were asked for and are not offered.
    pub fn not_offered(&self) -> Vec<u16> {
        let offered = aws_lc_rs::default_provider().kx_groups;
        let is_offered =
            |number: &u16| offered.iter().any(|group| u16::from(group.name()) == *number);
        match self {
            Groups::Usual => Vec::new(),
            Groups::These(numbers) => {
                numbers.iter().copied().filter(|number| !is_offered(number)).collect()
            }
        }
    }

    fn contain(&self, group: u16) -> bool {
        match self {
            Groups::Usual => true,
            Groups::These(numbers) => numbers.contains(&group),
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

/// What a server needs to speak TLS: a pair for everybody, and others for those who ask for certain
/// names.
///
/// # Errors
/// If a key does not fit its certificate, or nothing is left by which keys could be exchanged.
pub fn config(pair: Pair, named: Vec<NamedPair>, listening: &Listening) -> Result<ServerConfig> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| listening.suites.contain(suite));
    provider.kx_groups.retain(|group| listening.groups.contain(group.name().into()));
    if provider.kx_groups.is_empty() {
        bail!("none of the groups in --tls-curve-preferences is offered here");
    }
    let provider = Arc::new(provider);
    let pairs = Pairs::new(pair, named, &provider)?;
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&listening.min_version.and_newer())?
        .with_client_cert_verifier(Arc::new(AnyCertificate(provider)))
        .with_cert_resolver(Arc::new(pairs));
    config.alpn_protocols = match listening.protocols {
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

/// The groups that Go knows: P-256, P-384, P-521, X25519, and their hybrids with ML-KEM.
const GO_GROUPS: [u16; 7] = [23, 24, 25, 29, 4587, 4588, 4589];

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
