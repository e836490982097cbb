//! The flags of the HTTPS port: how it is served, and who may read.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::list::List;
use super::{boolean, duration, integer};

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
    pub disable_http2_serving: bool,
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
            disable_http2_serving: false,
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
            list.add(value);
        } else if let Some(switch) = self.switch(name) {
            *switch = boolean(value)?;
        } else if let Some(ttl) = self.ttl(name) {
            *ttl = duration::parse(value)?;
        } else if name == "bind-address" {
            self.bind_address = address(value)?;
        } else if name == "secure-port" {
            self.secure_port = integer(value)?;
        } else {
            return Ok(Assigned::No);
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
fn address(value: &str) -> Result<IpAddr, String> {
    let text = value.trim();
    if text.is_empty() {
        return Ok(Ipv4Addr::UNSPECIFIED.into());
    }
    text.parse().map_err(|_| format!("failed to parse IP: {value:?}"))
}
