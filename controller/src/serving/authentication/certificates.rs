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
    /// Reads authorities out of PEM. One that cannot be used does not spoil the others.
    ///
    /// # Errors
    /// If there are none.
    pub fn read(pem: &[u8]) -> Result<Self> {
        let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let certificates = certificates.context("the certificate authorities are no PEM")?;
        let mut roots = RootCertStore::empty();
        let (_, unusable) = roots.add_parsable_certificates(certificates);
        if unusable > 0 {
            tracing::warn!(unusable, "Certificate authorities cannot be used and are left out");
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

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

    use super::*;

    /// An authority in PEM, and a certificate by it for a user in two groups, for a purpose.
    fn certified(purpose: ExtendedKeyUsagePurpose) -> (String, CertificateDer<'static>) {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = authority.self_signed(&key).unwrap().pem();
        let mut leaf = CertificateParams::default();
        let name = &mut leaf.distinguished_name;
        name.push(DnType::CommonName, "alice");
        name.push(DnType::OrganizationName, "developers");
        leaf.extended_key_usages = vec![purpose];
        let own = KeyPair::generate().unwrap();
        let certificate = leaf.signed_by(&own, &Issuer::new(authority, key)).unwrap();
        (pem, certificate.der().clone())
    }

    #[test]
    fn a_certificate_names_its_user_and_groups_to_who_believes_its_authority() {
        let (authority, certificate) = certified(ExtendedKeyUsagePurpose::ClientAuth);
        let (stranger, _) = certified(ExtendedKeyUsagePurpose::ClientAuth);
        let verifier = Verifier::read(authority.as_bytes()).unwrap();
        let alice = user(verifier.subject(std::slice::from_ref(&certificate)).unwrap().unwrap());
        assert_eq!(alice, Some(User::new("alice", vec!["developers".to_owned()])));
        assert!(verifier.subject(&[]).unwrap().is_none());
        let verifier = Verifier::read(stranger.as_bytes()).unwrap();
        assert!(verifier.subject(&[certificate]).is_err());
    }

    #[test]
    fn the_certificate_of_a_server_is_no_clients() {
        let (authority, certificate) = certified(ExtendedKeyUsagePurpose::ServerAuth);
        let verifier = Verifier::read(authority.as_bytes()).unwrap();
        assert!(verifier.subject(&[certificate]).is_err());
    }

    #[test]
    fn an_authority_that_cannot_be_used_does_not_spoil_the_others() {
        let (good, certificate) = certified(ExtendedKeyUsagePurpose::ClientAuth);
        let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let verifier = Verifier::read(format!("{bad}{good}").as_bytes()).unwrap();
        assert!(verifier.subject(&[certificate]).is_ok());
        assert!(Verifier::read(bad.as_bytes()).is_err());
        assert!(Verifier::read(b"").is_err());
    }
}
