//! What accounts have asked the API server for, out of its audit log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::ApiServerOptions;

use super::grants::Right;

/// The audit log of what some accounts of kube-system do.
pub struct Log(TempDir);

/// All requests so far.
pub struct Requests(Vec<Request>);

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asked.
    pub user: String,
    /// For what.
    pub right: Right,
    /// Why it was refused for want of a right.
    pub refusal: Option<String>,
}

impl Log {
    /// Makes an API server write one.
    pub fn kept_by(options: &mut ApiServerOptions, accounts: &[&str]) -> Self {
        let users = accounts.iter().map(|account| user(account));
        let policy = json!({
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [{"level": "Metadata", "users": users.collect::<Vec<_>>()}, {"level": "None"}],
        });
        let log = Self(tempfile::tempdir().unwrap());
        let policy_file = log.0.path().join("policy.json");
        std::fs::write(&policy_file, policy.to_string()).unwrap();
        options.flags.push(format!("--audit-policy-file={}", policy_file.display()));
        options.flags.push(format!("--audit-log-path={}", log.0.path().join("log").display()));
        log
    }

    /// What is in it.
    pub fn requests(&self) -> Requests {
        let log = std::fs::read_to_string(self.0.path().join("log")).unwrap_or_default();
        let entries = log.lines().filter_map(|line| serde_json::from_str(line).ok());
        Requests(entries.filter_map(|entry| request(&entry)).collect())
    }
}

impl Request {
    /// Whether it was refused for want of this right: asked for by name, or inside of a creation.
    pub fn misses(&self, right: &Right) -> bool {
        let inside = right.resource.ends_with("/finalizers");
        let refusal = self.refusal.as_deref().unwrap_or_default();
        match inside {
            true => refusal.contains("cannot set blockOwnerDeletion"),
            false => !refusal.is_empty() && right.covers(&self.right),
        }
    }
}

impl Requests {
    /// Those that a right was missing for.
    pub fn refused(&self) -> Vec<Request> {
        self.0.iter().filter(|request| request.refusal.is_some()).cloned().collect()
    }

    /// The rights that accounts have and have made no use of.
    pub fn unused(&self, rights: &BTreeMap<&str, BTreeSet<Right>>) -> Vec<String> {
        let used = |account: &str, right: &Right| {
            let user = user(account);
            self.0.iter().any(|request| request.user == user && right.covers(&request.right))
        };
        let of_each = rights.iter().flat_map(|(account, rights)| {
            let unused = rights.iter().filter(|right| !used(account, right));
            unused.map(move |right| format!("{account}: {right}"))
        });
        of_each.collect()
    }
}

/// The user that an account of kube-system is.
pub fn user(account: &str) -> String {
    format!("system:serviceaccount:kube-system:{account}")
}

/// Requests for something else than objects need no rights here.
fn request(entry: &Value) -> Option<Request> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &entry["objectRef"];
    let resource = match object["subresource"].as_str() {
        Some(subresource) => format!("{}/{subresource}", text(&object["resource"])),
        None => object["resource"].as_str()?.to_owned(),
    };
    let mut right = Right::new(&text(&object["apiGroup"]), &resource, &text(&entry["verb"]));
    right.name = object["name"].as_str().map(str::to_owned);
    let answer = &entry["responseStatus"];
    let message = text(&answer["message"]);
    // A quota forbids, too, whatever the rights.
    let refused = answer["code"] == 403 && !message.contains("exceeded quota");
    Some(Request {
        user: text(&entry["user"]["username"]),
        right,
        refusal: refused.then_some(message),
    })
}
