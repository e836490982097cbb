//! Certificates with their keys, and which of them a client is shown (`--tls-sni-cert-key`).

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// A certificate with what leads to its authority, and its key.
pub struct Pair {
    /// The certificate of the server first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first certificate.
    pub key: PrivateKeyDer<'static>,
}

/// A pair for clients that ask for certain names.
pub struct NamedPair {
    /// The pair.
    pub pair: Pair,
    /// The names; without any, those that the certificate has. `*.example.com` is any label in front.
    pub names: Vec<String>,
}

/// The pair for everybody, and the others.
#[derive(Debug)]
pub struct Pairs {
    usual: Arc<CertifiedKey>,
    named: Vec<(Vec<String>, Arc<CertifiedKey>)>,
}

impl Pairs {
    /// # Errors
    /// If a key does not fit its certificate, or a certificate has no names and is given none.
    pub fn new(usual: Pair, named: Vec<NamedPair>, provider: &CryptoProvider) -> Result<Self> {
        let named = named.into_iter().map(|NamedPair { pair, names }| {
            let names = if names.is_empty() { own_names(&pair)? } else { names };
            Ok((names, certified(pair, provider)?))
        });
        Ok(Self { usual: certified(usual, provider)?, named: named.collect::<Result<_>>()? })
    }

    /// The first pair that is for this very name counts, else the first for all names like it.
    fn named(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let any = name.split_once('.').map(|(_, domain)| format!("*.{domain}"));
        [Some(name.to_owned()), any].into_iter().flatten().find_map(|wanted| {
            let fitting =
                |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case(&wanted));
            self.named.iter().find_map(|(names, pair)| fitting(names).then_some(pair))
        })
    }
}

impl ResolvesServerCert for Pairs {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.named(name));
        Some(named.unwrap_or(&self.usual).clone())
    }
}

fn certified(pair: Pair, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>> {
    CertifiedKey::from_der(pair.chain, pair.key, provider)
        .map(Arc::new)
        .context("the certificate cannot be used with the key")
}

/// The names in a certificate, or its common name if it has none.
fn own_names(pair: &Pair) -> Result<Vec<String>> {
    let der = pair.chain.first().context("there is no certificate in the file")?;
    let (_, certificate) = parse_x509_certificate(der)
        .map_err(|error| anyhow!("the certificate is broken: {error}"))?;
    let alternatives = certificate.subject_alternative_name()?;
    let alternatives = alternatives.iter().flat_map(|names| &names.value.general_names);
    let mut names: Vec<String> = alternatives
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
        .collect();
    let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    if names.is_empty() {
        names.extend(common.map(str::to_owned));
    }
    match names.is_empty() {
        true => Err(anyhow!("the certificate has no name, and --tls-sni-cert-key gives it none")),
        false => Ok(names),
    }
}
