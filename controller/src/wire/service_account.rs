//! Writing in the name of a ServiceAccount (`--use-service-account-credentials`): its token is asked
//! for when it is first needed, renewed before it ends, and asked for again when it is refused.

use std::time::Duration;

use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::WireError;

/// Where the accounts of controllers live.
const NAMESPACE: &str = "kube-system";
/// How long a token is asked to last.
const LIFE: Duration = Duration::from_secs(3600);
/// After which part of its life a token is renewed.
const RENEWED_AFTER: f64 = 0.8;

/// A ServiceAccount and its token.
pub struct Account {
    name: &'static str,
    accounts: Api<ServiceAccount>,
    namespaces: Api<Namespace>,
    /// Held across the request for a token, so that many writers ask for one.
    token: Mutex<Option<Token>>,
}

struct Token {
    authorization: HeaderValue,
    renewed_at: Instant,
}

impl Account {
    /// An account of a controller, which is made if it is missing. `client` is who may ask for its
    /// tokens.
    pub fn new(client: Client, name: &'static str) -> Self {
        Self {
            name,
            accounts: Api::namespaced(client.clone(), NAMESPACE),
            namespaces: Api::all(client),
            token: Mutex::default(),
        }
    }

    /// The full name of the user.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{NAMESPACE}:{}", self.name)
    }

    /// Makes a request one of this account.
    pub(super) async fn sign<B>(&self, request: &mut Request<B>) -> Result<(), WireError> {
        let authorization = self.authorization().await?;
        let agent = format!("roster/v{}/{}", env!("CARGO_PKG_VERSION"), self.user());
        request.headers_mut().insert(AUTHORIZATION, authorization);
        if let Ok(agent) = HeaderValue::try_from(agent) {
            request.headers_mut().insert(USER_AGENT, agent);
        }
        Ok(())
    }

    async fn authorization(&self) -> Result<HeaderValue, WireError> {
        let mut held = self.token.lock().await;
        if let Some(token) = held.as_ref().filter(|token| Instant::now() < token.renewed_at) {
            return Ok(token.authorization.clone());
        }
        let token = self.request().await?;
        let authorization = token.authorization.clone();
        *held = Some(token);
        Ok(authorization)
    }

    /// Forgets a token that was refused: its account may have been deleted.
    pub(super) async fn refused(&self) {
        *self.token.lock().await = None;
    }

    async fn request(&self) -> Result<Token, WireError> {
        self.exists().await?;
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                expiration_seconds: i64::try_from(LIFE.as_secs()).ok(),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let asked = Instant::now();
        let post = PostParams::default();
        let answer = self.accounts.create_token_request(self.name, &post, &request).await?;
        let token = answer.status.and_then(|status| status.token).unwrap_or_default();
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|error| WireError::Decode(format!("a token of {}: {error}", self.user())))?;
        authorization.set_sensitive(true);
        tracing::debug!(user = self.user(), "Has a new token");
        Ok(Token { authorization, renewed_at: asked + LIFE.mul_f64(RENEWED_AFTER) })
    }

    /// Makes the account if it is missing, and its namespace.
    async fn exists(&self) -> Result<(), WireError> {
        if self.accounts.get_opt(self.name).await?.is_some() {
            return Ok(());
        }
        if self.namespaces.get_opt(NAMESPACE).await?.is_none() {
            let metadata = named(NAMESPACE);
            let namespace = Namespace { metadata, ..Namespace::default() };
            self.namespaces.create(&PostParams::default(), &namespace).await?;
        }
        let account = ServiceAccount { metadata: named(self.name), ..ServiceAccount::default() };
        match self.accounts.create(&PostParams::default(), &account).await.map_err(WireError::from)
        {
            // Another replica was faster.
            Err(error) if error.is_conflict() => Ok(()),
            result => result.map(drop),
        }
    }
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}
