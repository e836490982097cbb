//! `roster manifests webhook`: what makes the webhook known to an API server.

use std::path::PathBuf;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

use super::PATH;
use crate::serving::Verifier;

/// Prints the MutatingWebhookConfiguration that sends Services about to be created to Roster.
#[derive(Debug, Parser)]
#[command(name = "roster manifests webhook", disable_version_flag = true)]
pub struct Arguments {
    /// Where the API server reaches the webhook: https://HOST:PORT
    #[arg(long, conflicts_with = "service")]
    url: Option<String>,
    /// The Service in front of the webhook, NAMESPACE/NAME. Its namespace is exempt
    #[arg(long, default_value = "kube-system/roster-webhook")]
    service: String,
    /// The authority of the webhook's certificate, in PEM: ca.crt in its --webhook-cert-dir
    #[arg(long)]
    ca_file: PathBuf,
    /// What becomes of Services while no replica answers. Ignore: the API server chooses their
    /// addresses; Fail: none can be created
    #[arg(long, value_enum, default_value_t = FailurePolicy::Ignore)]
    failure_policy: FailurePolicy,
}

/// `failurePolicy`.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "PascalCase")]
enum FailurePolicy {
    Ignore,
    Fail,
}

impl Arguments {
    /// The manifest, as YAML.
    ///
    /// # Errors
    /// If the authority cannot be read, or the Service is no NAMESPACE/NAME.
    pub fn manifest(&self) -> Result<String> {
        let pem = std::fs::read(&self.ca_file)
            .with_context(|| format!("cannot read {}", self.ca_file.display()))?;
        Verifier::read(&pem).with_context(|| self.ca_file.display().to_string())?;
        let (namespace, name) = self
            .service
            .split_once('/')
            .with_context(|| format!("{:?} is no NAMESPACE/NAME of a Service", self.service))?;
        let mut client = match &self.url {
            Some(url) => json!({"url": format!("{}{PATH}", url.trim_end_matches('/'))}),
            None => json!({"service": {"namespace": namespace, "name": name, "path": PATH}}),
        };
        if let Some(client) = client.as_object_mut() {
            client.insert("caBundle".to_owned(), json!(BASE64_STANDARD.encode(pem)));
        }
        let mut exempt = vec!["kube-system"];
        if self.url.is_none() && namespace != "kube-system" {
            exempt.push(namespace);
        }
        let policy = match self.failure_policy {
            FailurePolicy::Ignore => "Ignore",
            FailurePolicy::Fail => "Fail",
        };
        Ok(serde_saphyr::to_string(&configuration(&client, &exempt, policy))?)
    }
}

/// Services of exempt namespaces must come up without it: it may be one of them that answers. So must
/// the API server's own. What needs no address is not sent at all.
fn configuration(client: &Value, exempt: &[&str], failure_policy: &str) -> Value {
    let condition = |name, expression| json!({"name": name, "expression": expression});
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "roster-webhook"},
        "webhooks": [{
            "name": "clusterip.webhook.roster.dev",
            "clientConfig": client,
            "rules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "resources": ["services"],
                "operations": ["CREATE"], "scope": "Namespaced",
            }],
            "matchPolicy": "Equivalent",
            "namespaceSelector": {"matchExpressions": [{
                "key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": exempt,
            }]},
            "matchConditions": [
                condition(
                    "not-of-the-api-server",
                    "request.namespace != 'default' || request.name != 'kubernetes'",
                ),
                condition(
                    "not-an-external-name",
                    "!has(object.spec.type) || object.spec.type != 'ExternalName'",
                ),
                condition(
                    "not-headless",
                    "!has(object.spec.clusterIP) || object.spec.clusterIP != 'None'",
                ),
            ],
            "admissionReviewVersions": ["v1"],
            // Trials hold nothing.
            "sideEffects": "NoneOnDryRun",
            "timeoutSeconds": 3,
            "failurePolicy": failure_policy,
            "reinvocationPolicy": "Never",
        }],
    })
}
