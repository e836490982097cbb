//! The flags of the admission webhook.

use std::net::{IpAddr, Ipv4Addr};

use super::integer;
use super::serving::{Assigned, address};

/// The values, parsed and not yet judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    pub bind_address: IpAddr,
    pub secure_port: i64,
    pub cert_dir: String,
    pub client_ca_file: String,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            bind_address: Ipv4Addr::UNSPECIFIED.into(),
            secure_port: 0,
            cert_dir: String::new(),
            client_ca_file: String::new(),
        }
    }
}

impl Values {
    pub fn assign(&mut self, name: &str, value: &str) -> Result<Assigned, String> {
        match name {
            "webhook-bind-address" => self.bind_address = address(value)?,
            "webhook-secure-port" => self.secure_port = integer(value)?,
            "webhook-cert-dir" => value.clone_into(&mut self.cert_dir),
            "webhook-client-ca-file" => value.clone_into(&mut self.client_ca_file),
            _ => return Ok(Assigned::No),
        }
        Ok(Assigned::Yes)
    }
}
