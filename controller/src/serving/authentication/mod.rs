//! Who a client is: somebody for whom a proxy in front speaks, the holder of a certificate, or the
//! bearer of a token, in this order; else nobody. What is shown and proves nothing is refused, so
//! that a wrong token is not taken for none.

mod authorities;
mod certificates;
mod request_headers;
mod tokens;

use anyhow::Result;
use http::HeaderMap;
use rustls::pki_types::CertificateDer;

pub use authorities::{Authorities, authorities_in};
pub use certificates::Verifier;
pub use tokens::Tokens;

use super::user::User;

/// Tells clients apart.
pub struct Authenticator {
    /// Whom certificates are believed.
    pub authorities: Authorities,
    /// Knows tokens, unless there is nobody to ask.
    pub tokens: Option<Tokens>,
}

impl Authenticator {
    /// Who asks, with these certificates, the client's own first.
    ///
    /// # Errors
    /// Why nothing of what they show is believed.
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        certificates: &[CertificateDer<'_>],
    ) -> Result<User> {
        let mut refusals = Vec::new();
        for shown in [
            self.authorities.proxied(headers, certificates),
            self.authorities.certified(certificates),
            self.borne(headers).await,
        ] {
            match shown {
                Ok(Some(user)) => return Ok(user.authenticated()),
                Ok(None) => {}
                Err(refusal) => refusals.push(format!("{refusal:#}")),
            }
        }
        if refusals.is_empty() {
            return Ok(User::anonymous());
        }
        anyhow::bail!(controller_core::error_text::join(refusals))
    }

    async fn borne(&self, headers: &HeaderMap) -> Result<Option<User>> {
        match &self.tokens {
            Some(tokens) => tokens.bearer(headers).await,
            None => Ok(None),
        }
    }
}
