//! As much of OpenAPI as makes kubectl leave the checking of fields to the server: per kind one
//! patch operation that knows `fieldValidation`. There are no schemas.

use serde_json::{Map, Value, json};

use super::discovery::{group_versions, hash};
use crate::kinds::{KINDS, Kind, Scope};

/// Where the documents of the group versions are. The address changes with the content.
pub fn index() -> Value {
    let mut paths = Map::new();
    for (group, version) in group_versions() {
        let path = match group {
            "" => format!("api/{version}"),
            group => format!("apis/{group}/{version}"),
        };
        let content = document(group, version).unwrap_or_default().to_string();
        let url = format!("/openapi/v3/{path}?hash={:016X}", hash(content.as_bytes()));
        paths.insert(path, json!({"serverRelativeURL": url}));
    }
    json!({"paths": paths})
}

/// The document of a group version; none if it is not served.
pub fn document(group: &str, version: &str) -> Option<Value> {
    let served = KINDS.iter().filter(|kind| kind.group == group && kind.version == version);
    let paths: Map<String, Value> = served.map(|kind| (path(kind), operations(kind))).collect();
    let info = json!({"title": "Kubernetes", "version": "v1.36.3"});
    (!paths.is_empty()).then(|| json!({"openapi": "3.0.0", "info": info, "paths": paths}))
}

fn path(kind: &Kind) -> String {
    let root = match kind.group {
        "" => format!("/api/{}", kind.version),
        group => format!("/apis/{group}/{}", kind.version),
    };
    match kind.scope {
        Scope::Cluster => format!("{root}/{}/{{name}}", kind.plural),
        Scope::Namespaced => format!("{root}/namespaces/{{namespace}}/{}/{{name}}", kind.plural),
    }
}

fn operations(kind: &Kind) -> Value {
    let names = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    json!({"patch": {
        "parameters": [{"name": "fieldValidation", "in": "query"}],
        "x-kubernetes-group-version-kind": names,
    }})
}
