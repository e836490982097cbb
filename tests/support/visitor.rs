//! Somebody who asks an HTTPS port for something, and what they see.

use http::header::CONTENT_TYPE;
use http::{Method, Request};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::{Client, Config};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use tempfile::TempDir;

/// A client of one port. It believes any certificate of the server.
pub struct Visitor {
    client: Client,
    headers: Vec<(&'static str, String)>,
    _folder: TempDir,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The HTTP status.
    pub code: u16,
    /// `Content-Type`.
    pub content_type: String,
    /// The body.
    pub body: String,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct ClientCertificate {
    certificate: String,
    key: String,
}

/// An authority that clients' certificates are made by.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate, in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Makes a certificate for a user of one group.
    pub fn certify(&self, user: &str, group: &str) -> ClientCertificate {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, group);
        params.distinguished_name.push(DnType::CommonName, user);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        ClientCertificate { certificate, key: key.serialize_pem() }
    }
}

impl Visitor {
    /// Somebody without a certificate at `https://HOST:PORT`.
    pub fn anonymous(url: &str) -> Self {
        Self::new(url, None)
    }

    /// The holder of a certificate.
    pub fn certified(url: &str, certificate: &ClientCertificate) -> Self {
        Self::new(url, Some(certificate))
    }

    /// Says this in every request.
    #[must_use]
    pub fn saying(mut self, header: &'static str, value: &str) -> Self {
        self.headers.push((header, value.to_owned()));
        self
    }

    /// Asks by GET.
    pub async fn get(&self, path: &str) -> Seen {
        self.ask(Method::GET, path).await
    }

    /// Asks by GET, where perhaps nobody is at home.
    pub async fn try_get(&self, path: &str) -> Option<Seen> {
        self.try_send(Method::GET, path, "").await.ok()
    }

    /// Asks.
    pub async fn ask(&self, method: Method, path: &str) -> Seen {
        self.send(method, path, "").await
    }

    /// Puts something there.
    pub async fn put(&self, path: &str, body: &str) -> Seen {
        self.send(Method::PUT, path, body).await
    }

    /// Posts something there, where perhaps nobody is at home.
    pub async fn try_post(&self, path: &str, body: &str) -> Option<Seen> {
        self.try_send(Method::POST, path, body).await.ok()
    }

    async fn send(&self, method: Method, path: &str, body: &str) -> Seen {
        self.try_send(method, path, body).await.unwrap()
    }

    async fn try_send(&self, method: Method, path: &str, body: &str) -> kube::Result<Seen> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(body.as_bytes().to_vec())).unwrap();
        let (head, body) = self.client.send(request).await?.into_parts();
        let content_type = head.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap());
        let body = body.collect().await.unwrap().to_bytes();
        Ok(Seen {
            code: head.status.as_u16(),
            content_type: content_type.unwrap_or_default().to_owned(),
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    fn new(url: &str, certificate: Option<&ClientCertificate>) -> Self {
        // A second call finds a provider installed already, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(url.parse().unwrap());
        config.accept_invalid_certs = true;
        config.default_retry = false;
        if let Some(ClientCertificate { certificate, key }) = certificate {
            let file = |name: &str, pem: &str| {
                let path = folder.path().join(name);
                std::fs::write(&path, pem).unwrap();
                Some(path.display().to_string())
            };
            config.auth_info.client_certificate = file("client.crt", certificate);
            config.auth_info.client_key = file("client.key", key);
        }
        let client = Client::try_from(config).unwrap();
        Self { client, headers: Vec::new(), _folder: folder }
    }
}
