//! Every PUT of slices and Endpoints, as the API server has it in its audit log: also those that
//! change nothing, which no watch shows. The tests themselves never PUT, so all are a manager's.

use std::path::PathBuf;

use serde_json::Value;
use testbed::ApiServerOptions;

const POLICY: &str = r#"{
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "Metadata",
            "verbs": ["update"],
            "resources": [
                {"group": "", "resources": ["endpoints"]},
                {"group": "discovery.k8s.io", "resources": ["endpointslices"]}
            ]
        },
        {"level": "None"}
    ]
}"#;

/// The audit log of one API server.
pub struct AuditLog {
    folder: PathBuf,
}

impl AuditLog {
    /// Makes an API server write one.
    pub fn kept_by(options: &mut ApiServerOptions) -> Self {
        let unique = options.prefix.replace('/', "-");
        let folder =
            std::env::temp_dir().join(format!("roster-audit{unique}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let policy = folder.join("policy.json");
        std::fs::write(&policy, POLICY).unwrap();
        let log = folder.join("audit.log");
        options.flags.push(format!("--audit-policy-file={}", policy.display()));
        options.flags.push(format!("--audit-log-path={}", log.display()));
        Self { folder }
    }

    /// How many PUTs of a kind (in the plural) there were in a namespace, answered however.
    pub fn puts(&self, namespace: &str, plural: &str) -> usize {
        let log = std::fs::read_to_string(self.folder.join("audit.log")).unwrap_or_default();
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let theirs = entries.filter(|entry| {
            let object = &entry["objectRef"];
            object["namespace"] == namespace && object["resource"] == plural
        });
        theirs.count()
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
