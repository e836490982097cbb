//! Who asks, and the tokens by which programs in Pods say who they are. A token has the shape of a
//! JSON web token; its signature is random and remembered, so nobody else can check it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Who issues tokens, and for whom they are good if nobody says otherwise.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// `system:serviceaccount:NAMESPACE:NAME`, or a person.
    pub username: String,
    /// The uid of the ServiceAccount.
    pub uid: String,
    /// What rights are given to.
    pub groups: Vec<String>,
}

impl Default for Requester {
    /// Whoever has the kubeconfig.
    fn default() -> Self {
        Self {
            username: "kubernetes-admin".to_owned(),
            uid: String::new(),
            groups: ["system:masters", "system:authenticated"].map(str::to_owned).to_vec(),
        }
    }
}

impl Requester {
    /// A program that runs as a ServiceAccount.
    pub fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
        let of_namespace = format!("system:serviceaccounts:{namespace}");
        Self {
            username: format!("system:serviceaccount:{namespace}:{name}"),
            uid: uid.to_owned(),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                of_namespace,
                "system:authenticated".to_owned(),
            ],
        }
    }

    /// As reviews name it.
    pub fn user_info(&self) -> Value {
        let mut info = json!({"username": self.username});
        if let Some(fields) = info.as_object_mut() {
            if !self.uid.is_empty() {
                fields.insert("uid".to_owned(), json!(self.uid));
            }
            fields.insert("groups".to_owned(), json!(self.groups));
        }
        info
    }
}

/// A token that was given out.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The namespace of its ServiceAccount.
    pub namespace: String,
    /// The name of its ServiceAccount.
    pub name: String,
    /// The uid of its ServiceAccount: the token is worth nothing when that is gone.
    pub uid: String,
    /// For whom it is good.
    pub audiences: Vec<String>,
    /// Until when.
    pub expires: Timestamp,
}

/// The tokens that were given out and have not expired.
#[derive(Default)]
pub struct Tokens(BTreeMap<String, Issued>);

impl Tokens {
    /// Makes a token out of 256 random bits.
    pub fn issue(&mut self, issued: Issued, random: [u128; 2], now: Timestamp) -> String {
        self.0.retain(|_, issued| issued.expires > now);
        let header = json!({"alg": "none", "typ": "JWT"});
        let claims = json!({
            "aud": issued.audiences, "iss": ISSUER,
            "iat": now.as_second(), "nbf": now.as_second(), "exp": issued.expires.as_second(),
            "kubernetes.io": {
                "namespace": issued.namespace,
                "serviceaccount": {"name": issued.name, "uid": issued.uid},
            },
            "sub": format!("system:serviceaccount:{}:{}", issued.namespace, issued.name),
        });
        let part = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let parts = [
            part(header.to_string().as_bytes()),
            part(claims.to_string().as_bytes()),
            part(random.map(u128::to_be_bytes).as_flattened()),
        ];
        let token = parts.join(".");
        self.0.insert(token.clone(), issued);
        token
    }

    /// What is known of a token that has not expired.
    pub fn find(&self, token: &str, now: Timestamp) -> Option<&Issued> {
        self.0.get(token).filter(|issued| issued.expires > now)
    }
}
