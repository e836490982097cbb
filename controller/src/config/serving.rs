//! How HTTPS ports are served and who may read, checked.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::flags::serving::{NamedPair, Values};
use crate::serving::tls::{Groups, Suites, TlsVersion};

/// All about the HTTPS port of the manager.
#[derive(Clone, Debug, PartialEq)]
pub struct Serving {
    /// The port.
    pub listening: Listening,
    /// Who a client is.
    pub authentication: Authentication,
    /// What a client may read.
    pub authorization: Authorization,
    /// Whether the verbosity of the log can be changed (`--profiling`).
    pub debugging: Debugging,
}

/// An HTTPS port and its TLS.
#[derive(Clone, Debug, PartialEq)]
pub struct Listening {
    /// `--bind-address`; an unspecified one means all addresses of both families.
    pub bind_address: IpAddr,
    /// `--secure-port`.
    pub port: u16,
    /// Where the certificate comes from.
    pub certificate: CertificateSource,
    /// `--tls-min-version`.
    pub min_version: TlsVersion,
    /// `--tls-cipher-suites`.
    pub suites: Suites,
    /// `--tls-curve-preferences`.
    pub groups: Groups,
    /// `--tls-sni-cert-key`: certificates for clients that ask for certain names.
    pub named_certificates: Vec<NamedPair>,
    /// Which versions of HTTP are spoken (`--disable-http2-serving`).
    pub protocols: Protocols,
    /// `--http2-max-streams-per-connection`; none means a limit of our own.
    pub most_streams: Option<NonZeroU32>,
    /// `--permit-port-sharing`.
    pub sharing: Sharing,
}

/// Where the certificate of the port comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// `--tls-cert-file` and `--tls-private-key-file`.
    Files {
        /// The certificate and what leads to its authority, in PEM.
        certificate: PathBuf,
        /// Its key, in PEM.
        key: PathBuf,
    },
    /// `--cert-dir`: a pair that is made there once.
    Directory(PathBuf),
    /// A pair that is made anew at every start.
    Memory,
}

/// The versions of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// HTTP/1.1 and HTTP/2, as the client likes.
    All,
    /// HTTP/1.1.
    Http1,
}

/// Whether other processes may listen on the same port at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Those that allow it, too (`SO_REUSEPORT`).
    Permitted,
    /// None.
    Refused,
}

/// What `--profiling` opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debugging {
    /// `/debug/flags/v`.
    On,
    /// Nothing.
    Off,
}

/// How clients are told apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Authentication {
    /// `--authentication-kubeconfig`.
    pub kubeconfig: Option<String>,
    /// Whether the cluster is asked for the authorities of clients.
    pub lookup: Lookup,
    /// `--authentication-token-webhook-cache-ttl`.
    pub token_ttl: Duration,
    /// `--client-ca-file`.
    pub client_ca: Option<PathBuf>,
    /// `--requestheader-client-ca-file`, and how its clients name those they speak for.
    pub request_header_ca: Option<PathBuf>,
    /// The rest of the `--requestheader-…` flags.
    pub request_headers: RequestHeaders,
}

/// What is done about authorities of clients that no flag names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// They are read in the cluster, and the start fails if they cannot be.
    Required,
    /// They are read if that is possible (`--authentication-tolerate-lookup-failure`).
    Tolerated,
    /// They are not looked for (`--authentication-skip-lookup`).
    Skipped,
}

/// How a proxy in front names the user for whom it speaks. Names of headers are in small letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHeaders {
    /// The common names that a proxy may have; none means any.
    pub allowed_names: Vec<String>,
    /// The headers with the name of the user; the first that is not empty counts.
    pub username: Vec<String>,
    /// The headers with the groups.
    pub group: Vec<String>,
    /// What headers begin with that carry more.
    pub extra_prefix: Vec<String>,
    /// The headers with the uid.
    pub uid: Vec<String>,
}

/// What decides who may read what.
#[derive(Clone, Debug, PartialEq)]
pub struct Authorization {
    /// `--authorization-kubeconfig`.
    pub kubeconfig: Option<String>,
    /// `--authorization-always-allow-paths`.
    pub always_allow_paths: Vec<String>,
    /// `--authorization-webhook-cache-authorized-ttl`.
    pub authorized_ttl: Duration,
    /// `--authorization-webhook-cache-unauthorized-ttl`.
    pub unauthorized_ttl: Duration,
}

/// All that is wrong with the values. Without a port nothing else matters.
pub fn problems(values: &Values) -> Vec<String> {
    let mut errors = Vec::new();
    if values.secure_port == 0 {
        return errors;
    }
    errors.extend(port_problem("secure-port", values.secure_port));
    for (flag, list) in [
        ("requestheader-username-headers", &values.requestheader_username_headers),
        ("requestheader-group-headers", &values.requestheader_group_headers),
        ("requestheader-extra-headers-prefix", &values.requestheader_extra_headers_prefix),
        ("requestheader-allowed-names", &values.requestheader_allowed_names),
    ] {
        if list.words().iter().any(|word| word.trim().is_empty()) {
            errors.push(format!("empty value in {flag:?}"));
        }
    }
    if values.tls_cert_file.is_empty() != values.tls_private_key_file.is_empty() {
        errors.push("missing filename for serving cert".to_owned());
    }
    errors.extend(tls_problems(values));
    errors
}

/// What is wrong with how TLS is to be spoken.
pub fn tls_problems(values: &Values) -> Vec<String> {
    let version = TlsVersion::read(&values.tls_min_version).err();
    let suites = Suites::read(values.tls_cipher_suites.words()).err();
    let groups = Groups::read(&values.tls_curve_preferences).err();
    version.into_iter().chain(suites).chain(groups).collect()
}

/// What is wrong with the number of a port. Nought is good, and means none.
pub fn port_problem(flag: &str, port: i64) -> Option<String> {
    match port {
        0..=65535 => None,
        ..0 => Some(format!(
            "--{flag} {port} must be between 0 and 65535, inclusive. 0 for turning off secure port"
        )),
        65536.. => Some(format!(
            "--{flag} {port} must be between 1 and 65535, inclusive. It cannot be turned off with 0"
        )),
    }
}

/// How the port is served, if it is. The values must have no [`problems`].
pub fn serving(values: Values) -> Option<Serving> {
    let port = u16::try_from(values.secure_port).ok().filter(|port| *port > 0)?;
    let named_certificates = values.tls_sni_cert_key.clone();
    Some(Serving {
        listening: Listening {
            named_certificates,
            ..listening(&values, values.bind_address, port, certificate(&values))
        },
        debugging: if values.profiling { Debugging::On } else { Debugging::Off },
        authorization: Authorization {
            kubeconfig: given(&values.authorization_kubeconfig),
            always_allow_paths: values.authorization_always_allow_paths.words().to_vec(),
            authorized_ttl: values.authorization_webhook_cache_authorized_ttl,
            unauthorized_ttl: values.authorization_webhook_cache_unauthorized_ttl,
        },
        authentication: authentication(&values),
    })
}

/// A port with one certificate. All ports of a process speak the same TLS.
pub fn listening(
    values: &Values,
    bind_address: IpAddr,
    port: u16,
    certificate: CertificateSource,
) -> Listening {
    Listening {
        bind_address,
        port,
        certificate,
        min_version: TlsVersion::read(&values.tls_min_version).unwrap_or_default(),
        suites: Suites::read(values.tls_cipher_suites.words()).unwrap_or_default(),
        groups: Groups::read(&values.tls_curve_preferences).unwrap_or_default(),
        named_certificates: Vec::new(),
        most_streams: u32::try_from(values.http2_max_streams_per_connection)
            .ok()
            .and_then(NonZeroU32::new),
        sharing: match values.permit_port_sharing {
            true => Sharing::Permitted,
            false => Sharing::Refused,
        },
        protocols: match values.disable_http2_serving {
            true => Protocols::Http1,
            false => Protocols::All,
        },
    }
}

fn certificate(values: &Values) -> CertificateSource {
    match (given(&values.tls_cert_file), given(&values.tls_private_key_file)) {
        (Some(certificate), Some(key)) => CertificateSource::Files { certificate, key },
        _ => {
            given(&values.cert_dir).map_or(CertificateSource::Memory, CertificateSource::Directory)
        }
    }
}

fn authentication(values: &Values) -> Authentication {
    let headers = |words: &[String]| words.iter().map(|word| word.to_ascii_lowercase()).collect();
    Authentication {
        kubeconfig: given(&values.authentication_kubeconfig),
        lookup: if values.authentication_skip_lookup {
            Lookup::Skipped
        } else if values.authentication_tolerate_lookup_failure {
            Lookup::Tolerated
        } else {
            Lookup::Required
        },
        token_ttl: values.authentication_token_webhook_cache_ttl,
        client_ca: given(&values.client_ca_file),
        request_header_ca: given(&values.requestheader_client_ca_file),
        request_headers: RequestHeaders {
            allowed_names: values.requestheader_allowed_names.words().to_vec(),
            username: headers(values.requestheader_username_headers.words()),
            group: headers(values.requestheader_group_headers.words()),
            extra_prefix: headers(values.requestheader_extra_headers_prefix.words()),
            uid: headers(values.requestheader_uid_headers.words()),
        },
    }
}

/// What a text stands for, unless it is empty.
pub fn given<T: for<'a> From<&'a str>>(text: &str) -> Option<T> {
    (!text.is_empty()).then(|| text.into())
}

#[cfg(test)]
mod tests;
