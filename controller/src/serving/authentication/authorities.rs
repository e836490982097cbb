//! Whom certificates of clients and of proxies are believed: authorities out of files, or those that
//! the API server publishes for all who serve the cluster, in the ConfigMap
//! `kube-system/extension-apiserver-authentication`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use http::HeaderMap;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use tokio::task::JoinHandle;

use super::certificates::{self, Verifier};
use crate::config::serving::{Authentication, Lookup, RequestHeaders};
use crate::serving::reloaded::Reloaded;
use crate::serving::review::Reviewer;
use crate::serving::user::User;

const NAMESPACE: &str = "kube-system";
const NAME: &str = "extension-apiserver-authentication";
/// How often the ConfigMap is read. Authorities are replaced with weeks of overlap.
const READ: Duration = Duration::from_secs(60);
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// All authorities.
#[derive(Default)]
pub struct Authorities {
    clients: Option<Reloaded<Verifier>>,
    proxies: Option<(Reloaded<Verifier>, RequestHeaders)>,
    cluster: Option<Cluster>,
}

/// What the cluster publishes, read again and again.
struct Cluster {
    published: Arc<Mutex<Published>>,
    reading: JoinHandle<()>,
}

/// What is used of the ConfigMap.
#[derive(Clone, Default)]
struct Published {
    clients: Option<Verifier>,
    proxies: Option<(Verifier, RequestHeaders)>,
}

impl Authorities {
    /// Reads files, and asks the cluster for what no flag names.
    ///
    /// # Errors
    /// If a file cannot be used, or the cluster has to be asked and does not answer.
    pub async fn find(settings: &Authentication, reviewer: Option<&Reviewer>) -> Result<Self> {
        let file = |path: &Option<_>| path.as_deref().map(authorities_in).transpose();
        let clients = file(&settings.client_ca).context("unable to load client CA provider")?;
        let proxies = file(&settings.request_header_ca)
            .context("unable to create request header authentication config")?;
        let mut found = Self {
            clients,
            proxies: proxies.map(|proxies| (proxies, settings.request_headers.clone())),
            cluster: None,
        };
        let complete = found.clients.is_some() && found.proxies.is_some();
        if !complete && settings.lookup != Lookup::Skipped {
            found.cluster = found.look_up(settings.lookup, reviewer).await?;
        }
        Ok(found)
    }

    /// The user for whom a proxy speaks.
    ///
    /// # Errors
    /// If the certificate is no proxy's.
    pub fn proxied(
        &self,
        headers: &HeaderMap,
        certificates: &[CertificateDer<'_>],
    ) -> Result<Option<User>> {
        let given = self.proxies.as_ref();
        let given = given.map(|(file, names)| ((*file.current()).clone(), names.clone()));
        let Some((verifier, names)) = given.or_else(|| self.published().proxies) else {
            return Ok(None);
        };
        let Some(proxy) = verifier.subject(certificates)? else {
            return Ok(None);
        };
        if !names.allow(&proxy.common_name) {
            return Err(anyhow!("x509: subject with cn={} is not allowed", proxy.common_name));
        }
        Ok(names.user(headers))
    }

    /// The user whose certificate it is.
    ///
    /// # Errors
    /// If no authority stands behind it.
    pub fn certified(&self, certificates: &[CertificateDer<'_>]) -> Result<Option<User>> {
        let given = self.clients.as_ref().map(|file| (*file.current()).clone());
        let Some(verifier) = given.or_else(|| self.published().clients) else {
            return Ok(None);
        };
        Ok(verifier.subject(certificates)?.and_then(certificates::user))
    }

    fn published(&self) -> Published {
        self.cluster.as_ref().map(|cluster| cluster.published.lock().clone()).unwrap_or_default()
    }

    /// The start fails only for want of the authorities of proxies, as in kube-controller-manager.
    async fn look_up(
        &self,
        lookup: Lookup,
        reviewer: Option<&Reviewer>,
    ) -> Result<Option<Cluster>> {
        let Some(reviewer) = reviewer else {
            self.warn_of_what_is_missing();
            return Ok(None);
        };
        let reader = Reader(Api::namespaced(reviewer.client().clone(), NAMESPACE));
        let published = match reader.read().await {
            Ok(published) => published,
            Err(error) if self.proxies.is_none() && lookup == Lookup::Required => {
                return Err(
                    error.context("unable to load configmap based request-header-client-ca-file")
                );
            }
            Err(error) => {
                tracing::warn!(
                    err = format!("{error:#}"),
                    "Error looking up in-cluster authentication configuration"
                );
                tracing::warn!(
                    "Continuing without authentication configuration. This may treat all requests as anonymous. It is looked up again every minute."
                );
                Published::default()
            }
        };
        let published = Arc::new(Mutex::new(published));
        let reading = tokio::spawn(reader.keep_reading(published.clone()));
        Ok(Some(Cluster { published, reading }))
    }

    fn warn_of_what_is_missing(&self) {
        if self.clients.is_none() {
            tracing::warn!(
                "No authentication-kubeconfig provided in order to lookup client-ca-file in configmap/{NAME} in {NAMESPACE}, so client certificate authentication won't work."
            );
        }
        if self.proxies.is_none() {
            tracing::warn!(
                "No authentication-kubeconfig provided in order to lookup requestheader-client-ca-file in configmap/{NAME} in {NAMESPACE}, so request-header client certificate authentication won't work."
            );
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Reads the ConfigMap.
struct Reader(Api<ConfigMap>);

impl Reader {
    async fn read(&self) -> Result<Published> {
        let map = tokio::time::timeout(PATIENCE, self.0.get_opt(NAME))
            .await
            .map_err(|_| anyhow!("no answer within {} s", PATIENCE.as_secs()))??;
        // A cluster that publishes nothing believes no certificates, and that is its right.
        map.map_or(Ok(Published::default()), |map| Published::read(&map))
    }

    async fn keep_reading(self, published: Arc<Mutex<Published>>) {
        loop {
            tokio::time::sleep(READ).await;
            match self.read().await {
                Ok(now) => *published.lock() = now,
                Err(error) => {
                    tracing::debug!(
                        err = format!("{error:#}"),
                        "Cannot read the authorities of clients again; those known stay in force"
                    );
                }
            }
        }
    }
}

impl Published {
    /// Lists are JSON. Authorities that are not there are not believed.
    fn read(map: &ConfigMap) -> Result<Self> {
        let data = map.data.clone().unwrap_or_default();
        let authorities = |key: &str| match data.get(key).filter(|pem| !pem.is_empty()) {
            Some(pem) => Verifier::read(pem.as_bytes()).map(Some).with_context(|| key.to_owned()),
            None => Ok(None),
        };
        let list = |key: &str| -> Result<Vec<String>> {
            let text = data.get(key).filter(|text| !text.is_empty());
            text.map_or(Ok(Vec::new()), |text| serde_json::from_str(text))
                .with_context(|| format!("{key} is no list"))
        };
        let headers = |key| -> Result<Vec<String>> {
            Ok(list(key)?.iter().map(|name| name.to_ascii_lowercase()).collect())
        };
        let names = RequestHeaders {
            allowed_names: list("requestheader-allowed-names")?,
            username: headers("requestheader-username-headers")?,
            group: headers("requestheader-group-headers")?,
            extra_prefix: headers("requestheader-extra-headers-prefix")?,
            uid: headers("requestheader-uid-headers")?,
        };
        let proxies = authorities("requestheader-client-ca-file")?;
        Ok(Self {
            clients: authorities("client-ca-file")?,
            proxies: proxies.map(|verifier| (verifier, names)),
        })
    }
}

/// The authorities in a file, read again when it changes.
///
/// # Errors
/// If there are none that can be used.
pub fn authorities_in(path: &Path) -> Result<Reloaded<Verifier>> {
    let file = path.to_owned();
    let read = move || {
        let pem =
            std::fs::read(&file).map_err(|error| anyhow!("open {}: {error}", file.display()))?;
        Verifier::read(&pem).with_context(|| file.display().to_string())
    };
    Reloaded::new(vec![path.to_owned()], read)
}
