//! The flags of the HTTPS port: how it is served, and who may read.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::list::List;
use super::{boolean, duration, integer};

/// What `--tls-sni-cert-key` says of one pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPair {
    /// The file with the certificate.
    pub certificate: String,
    /// The file with its key.
    pub key: String,
    /// The names that it is for; without any, those that it has.
    pub names: Vec<String>,
}

/// The values, parsed and not yet judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    pub bind_address: IpAddr,
    pub secure_port: i64,
    pub cert_dir: String,
    pub tls_cert_file: String,
    pub tls_private_key_file: String,
    pub tls_min_version: String,
    pub tls_cipher_suites: List,
    pub tls_curve_preferences: Vec<i32>,
    pub tls_sni_cert_key: Vec<NamedPair>,
    pub disable_http2_serving: bool,
    pub http2_max_streams_per_connection: i64,
    pub permit_port_sharing: bool,
    pub profiling: bool,
    pub client_ca_file: String,
    pub requestheader_client_ca_file: String,
    pub requestheader_allowed_names: List,
    pub requestheader_username_headers: List,
    pub requestheader_group_headers: List,
    pub requestheader_extra_headers_prefix: List,
    pub requestheader_uid_headers: List,
    pub authentication_kubeconfig: String,
    pub authentication_skip_lookup: bool,
    pub authentication_tolerate_lookup_failure: bool,
    pub authentication_token_webhook_cache_ttl: Duration,
    pub authorization_kubeconfig: String,
    pub authorization_always_allow_paths: List,
    pub authorization_webhook_cache_authorized_ttl: Duration,
    pub authorization_webhook_cache_unauthorized_ttl: Duration,
}

/// Whether a flag was one of these.
pub enum Assigned {
    Yes,
    No,
}

impl Default for Values {
    fn default() -> Self {
        const TTL: Duration = Duration::from_secs(10);
        Self {
            bind_address: Ipv4Addr::UNSPECIFIED.into(),
            secure_port: 10257,
            cert_dir: String::new(),
            tls_cert_file: String::new(),
            tls_private_key_file: String::new(),
            tls_min_version: String::new(),
            tls_cipher_suites: List::by_default(&[]),
            tls_curve_preferences: Vec::new(),
            tls_sni_cert_key: Vec::new(),
            disable_http2_serving: false,
            http2_max_streams_per_connection: 0,
            permit_port_sharing: false,
            profiling: false,
            client_ca_file: String::new(),
            requestheader_client_ca_file: String::new(),
            requestheader_allowed_names: List::by_default(&[]),
            requestheader_username_headers: List::by_default(&["x-remote-user"]),
            requestheader_group_headers: List::by_default(&["x-remote-group"]),
            requestheader_extra_headers_prefix: List::by_default(&["x-remote-extra-"]),
            requestheader_uid_headers: List::by_default(&[]),
            authentication_kubeconfig: String::new(),
            authentication_skip_lookup: false,
            authentication_tolerate_lookup_failure: false,
            authentication_token_webhook_cache_ttl: TTL,
            authorization_kubeconfig: String::new(),
            authorization_always_allow_paths: List::by_default(&["/healthz", "/readyz", "/livez"]),
            authorization_webhook_cache_authorized_ttl: TTL,
            authorization_webhook_cache_unauthorized_ttl: TTL,
        }
    }
}

impl Values {
    pub fn assign(&mut self, name: &str, value: &str) -> Result<Assigned, String> {
        if let Some(text) = self.text(name) {
            value.clone_into(text);
        } else if let Some(list) = self.list(name) {
            list.add(value)?;
        } else if let Some(switch) = self.switch(name) {
            *switch = boolean(value)?;
        } else if let Some(ttl) = self.ttl(name) {
            *ttl = duration::parse(value)?;
        } else {
            return self.single(name, value);
        }
        Ok(Assigned::Yes)
    }

    fn single(&mut self, name: &str, value: &str) -> Result<Assigned, String> {
        match name {
            "bind-address" => self.bind_address = address(value)?,
            "secure-port" => self.secure_port = integer(value)?,
            "http2-max-streams-per-connection" => {
                self.http2_max_streams_per_connection = integer(value)?;
            }
            "tls-curve-preferences" => self.tls_curve_preferences.extend(integers(value)?),
            "tls-sni-cert-key" => self.tls_sni_cert_key.push(named_pair(value)?),
            _ => return Ok(Assigned::No),
        }
        Ok(Assigned::Yes)
    }

    fn text(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "cert-dir" => &mut self.cert_dir,
            "tls-cert-file" => &mut self.tls_cert_file,
            "tls-private-key-file" => &mut self.tls_private_key_file,
            "tls-min-version" => &mut self.tls_min_version,
            "client-ca-file" => &mut self.client_ca_file,
            "requestheader-client-ca-file" => &mut self.requestheader_client_ca_file,
            "authentication-kubeconfig" => &mut self.authentication_kubeconfig,
            "authorization-kubeconfig" => &mut self.authorization_kubeconfig,
            _ => return None,
        })
    }

    fn list(&mut self, name: &str) -> Option<&mut List> {
        Some(match name {
            "tls-cipher-suites" => &mut self.tls_cipher_suites,
            "requestheader-allowed-names" => &mut self.requestheader_allowed_names,
            "requestheader-username-headers" => &mut self.requestheader_username_headers,
            "requestheader-group-headers" => &mut self.requestheader_group_headers,
            "requestheader-extra-headers-prefix" => &mut self.requestheader_extra_headers_prefix,
            "requestheader-uid-headers" => &mut self.requestheader_uid_headers,
            "authorization-always-allow-paths" => &mut self.authorization_always_allow_paths,
            _ => return None,
        })
    }

    fn switch(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "disable-http2-serving" => &mut self.disable_http2_serving,
            "permit-port-sharing" => &mut self.permit_port_sharing,
            "profiling" => &mut self.profiling,
            "authentication-skip-lookup" => &mut self.authentication_skip_lookup,
            "authentication-tolerate-lookup-failure" => {
                &mut self.authentication_tolerate_lookup_failure
            }
            _ => return None,
        })
    }

    fn ttl(&mut self, name: &str) -> Option<&mut Duration> {
        Some(match name {
            "authentication-token-webhook-cache-ttl" => {
                &mut self.authentication_token_webhook_cache_ttl
            }
            "authorization-webhook-cache-authorized-ttl" => {
                &mut self.authorization_webhook_cache_authorized_ttl
            }
            "authorization-webhook-cache-unauthorized-ttl" => {
                &mut self.authorization_webhook_cache_unauthorized_ttl
            }
            _ => return None,
        })
    }
}

/// An empty address means all, as Go reads it.
pub fn address(value: &str) -> Result<IpAddr, String> {
    let text = value.trim();
    if text.is_empty() {
        return Ok(Ipv4Addr::UNSPECIFIED.into());
    }
    text.parse().map_err(|_| format!("failed to parse IP: {value:?}"))
}

fn integers(value: &str) -> Result<Vec<i32>, String> {
    value.split(',').map(integer).collect()
}

/// Reads `CERTIFICATE,KEY[:NAME,…]`.
fn named_pair(value: &str) -> Result<NamedPair, String> {
    let (files, names) = match value.split_once(':') {
        Some((files, names)) => (files, Some(names)),
        None => (value, None),
    };
    if names == Some("") {
        return Err("empty names list is not allowed".to_owned());
    }
    match files.split(',').map(str::trim).collect::<Vec<_>>()[..] {
        [certificate, key] if !certificate.is_empty() && !key.is_empty() => Ok(NamedPair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            names: names.iter().flat_map(|names| names.split(',')).map(trimmed).collect(),
        }),
        _ => Err("expected comma separated certificate and key file paths".to_owned()),
    }
}

fn trimmed(name: &str) -> String {
    name.trim().to_owned()
}
