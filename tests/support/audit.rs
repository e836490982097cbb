//! Every write of slices and Endpoints, or of claims, as the API server has it in its audit log: also those
//! that change nothing, which no watch shows, and who made them. The tests themselves never PUT, so every
//! PUT is a manager's.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use testbed::ApiServerOptions;

/// Who writes slices and Endpoints.
const ENDPOINTS: &str = r#"{
    "level": "Metadata",
    "verbs": ["create", "update", "patch", "delete"],
    "resources": [
        {"group": "", "resources": ["endpoints"]},
        {"group": "discovery.k8s.io", "resources": ["endpointslices"]}
    ]
}"#;

/// Who writes claims. Without its object the request to create one does not tell its name.
const CLAIMS: &str = r#"{
    "level": "Request",
    "verbs": ["create", "update", "patch", "delete"],
    "resources": [{"group": "networking.k8s.io", "resources": ["ipaddresses"]}]
}"#;

/// A request to write a slice or an Endpoints object, however it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditedWrite {
    /// When the API server received it.
    pub at: Timestamp,
    /// Who made it.
    pub writer: String,
}

/// The audit log of one API server.
pub struct AuditLog {
    folder: TempDir,
}

impl AuditLog {
    /// Makes an API server write one.
    pub fn kept_by(options: &mut ApiServerOptions) -> Self {
        Self::of(ENDPOINTS, options)
    }

    /// Makes an API server write one of claims on addresses only.
    pub fn of_claims_kept_by(options: &mut ApiServerOptions) -> Self {
        Self::of(CLAIMS, options)
    }

    fn of(rule: &str, options: &mut ApiServerOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("policy.json");
        let text = format!(
            r#"{{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
                "rules": [{rule}, {{"level": "None"}}]}}"#
        );
        std::fs::write(&policy, text).unwrap();
        let log = folder.path().join("audit.log");
        options.flags.push(format!("--audit-policy-file={}", policy.display()));
        options.flags.push(format!("--audit-log-path={}", log.display()));
        Self { folder }
    }

    /// How many PUTs of a kind (in the plural) there were in a namespace, answered however.
    pub fn puts(&self, namespace: &str, plural: &str) -> usize {
        let entries = self.entries();
        let theirs = entries.iter().filter(|entry| {
            let object = &entry["objectRef"];
            entry["verb"] == "update"
                && object["namespace"] == namespace
                && object["resource"] == plural
        });
        theirs.count()
    }

    /// Who wrote slices and Endpoints, in the order in which the requests came, told once where it
    /// was the same one several times in a row. A user whom somebody else spoke for is the one.
    pub fn writers(&self) -> Vec<String> {
        let mut writers: Vec<String> =
            self.writes().into_iter().map(|write| write.writer).collect();
        writers.dedup();
        writers
    }

    /// How many requests to write slices and Endpoints somebody has made.
    pub fn writes_by(&self, writer: &str) -> usize {
        self.writes().iter().filter(|write| write.writer == writer).count()
    }

    /// All requests to write slices and Endpoints, in the order in which they came.
    pub fn writes(&self) -> Vec<AuditedWrite> {
        let write = |entry: &Value| {
            let as_whom = entry["impersonatedUser"]["username"].as_str();
            let writer = as_whom.or(entry["user"]["username"].as_str());
            AuditedWrite {
                at: entry["requestReceivedTimestamp"].as_str().unwrap().parse().unwrap(),
                writer: writer.unwrap_or("nobody").to_owned(),
            }
        };
        let mut writes: Vec<AuditedWrite> = self.entries().iter().map(write).collect();
        writes.sort_by_key(|write| write.at);
        writes
    }

    /// The addresses on which somebody tried to create a claim and was told that there is one.
    pub fn claims_found_taken_by(&self, writer: &str) -> BTreeSet<String> {
        let entries = self.entries();
        let refused = entries.iter().filter(|entry| {
            entry["verb"] == "create"
                && entry["user"]["username"] == writer
                && entry["responseStatus"]["code"] == 409
        });
        let names = refused.filter_map(|entry| entry["objectRef"]["name"].as_str());
        names.map(str::to_owned).collect()
    }

    fn entries(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.folder.path().join("audit.log")).unwrap_or_default();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}
