//! Client certificates: whether an authority stands behind one, and whose it is.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_parser::parse_x509_certificate;
use x509_parser::x509::AttributeTypeAndValue;

use crate::serving::user::User;

/// The authorities of some clients.
#[derive(Clone)]
pub struct Verifier(Arc<dyn ClientCertVerifier>);

/// Whom a certificate names.
pub struct Subject {
    /// The last common name; may be empty.
    pub common_name: String,
    /// The organizations.
    pub organizations: Vec<String>,
}

impl Verifier {
    /// Reads authorities out of PEM.
    ///
    /// # Errors
    /// If there are none, or one cannot be read.
    pub fn read(pem: &[u8]) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.context("a certificate authority is no PEM")?)?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .context("there is no certificate authority in it")?;
        Ok(Self(verifier))
    }

    /// Whom the first of these certificates names. The others may lead to an authority.
    ///
    /// # Errors
    /// If no authority stands behind it at this moment.
    pub fn subject(&self, certificates: &[CertificateDer<'_>]) -> Result<Option<Subject>> {
        let Some((own, others)) = certificates.split_first() else {
            return Ok(None);
        };
        self.0
            .verify_client_cert(own, others, UnixTime::now())
            .map_err(|error| anyhow!("verifying the client's certificate failed: {error}"))?;
        subject(own).map(Some)
    }
}

/// Common name and organizations are user and groups.
pub fn user(subject: Subject) -> Option<User> {
    let Subject { common_name, organizations } = subject;
    (!common_name.is_empty()).then(|| User::new(common_name, organizations))
}

fn subject(certificate: &CertificateDer<'_>) -> Result<Subject> {
    let (_, certificate) = parse_x509_certificate(certificate)
        .map_err(|error| anyhow!("reading the client's certificate failed: {error}"))?;
    let text = |value: &AttributeTypeAndValue<'_>| value.as_str().map(str::to_owned).ok();
    let name = certificate.subject();
    Ok(Subject {
        common_name: name.iter_common_name().last().and_then(text).unwrap_or_default(),
        organizations: name.iter_organization().filter_map(text).collect(),
    })
}
