//! What is served, told to clients: groups, versions, resources; in one piece or in many. And the
//! few paths beside the API: versions and health.

use std::sync::Arc;

use http::request::Parts;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::openapi;
use crate::kinds::{Kind, Kinds, NAMESPACE, Part, Scope, Storage};
use crate::negotiate;

/// An answer that concerns no object.
pub struct Page {
    /// The HTTP status.
    pub code: StatusCode,
    /// The media type.
    pub media_type: &'static str,
    /// The body.
    pub body: String,
    /// Changes when the body changes.
    pub etag: Option<String>,
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const VERBS: [&str; 8] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// The same, in the order in which defined kinds tell them.
const CUSTOM_VERBS: [&str; 8] =
    ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
/// The Kubernetes version that is imitated.
const VERSION: (&str, &str, &str) = ("1", "36", "v1.36.3");

/// The page at a path, unless it is a path of objects.
pub fn page(parts: &Parts, kinds: &Kinds) -> Option<Page> {
    let path = parts.uri.path();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let page = match segments.as_slice() {
        [] => json_page(&json!({"paths": paths(kinds)})),
        ["healthz" | "livez" | "readyz"] | ["livez" | "readyz", "ping"] => text_page("ok"),
        ["version"] => json_page(&version()),
        ["api"] | ["apis"] if negotiate::wants_aggregated_discovery(parts) => {
            aggregated(kinds, |kind| kind.group.is_empty() == (segments == ["api"]))
        }
        ["api"] => json_page(&core_versions(parts)),
        ["apis"] => {
            let groups: Vec<Value> =
                groups(kinds).into_iter().map(|name| group(kinds, name)).collect();
            json_page(&json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["apis", name] if groups(kinds).contains(name) => json_page(&single_group(kinds, name)),
        ["api", version] => resources(kinds, "", version)?,
        ["apis", name, version] if groups(kinds).contains(name) => resources(kinds, name, version)?,
        ["openapi", "v3"] => json_page(&openapi::index(kinds)),
        ["openapi", "v3", "api", version] => document(openapi::document(kinds, "", version)?),
        ["openapi", "v3", "apis", name, version] => {
            document(openapi::document(kinds, name, version)?)
        }
        ["api", _, ..] => return None,
        ["apis", name, ..] if groups(kinds).contains(name) => return None,
        _ => Page { code: StatusCode::NOT_FOUND, ..text_page("404 page not found\n") },
    };
    let readable = matches!(parts.method, Method::GET) || page.code != StatusCode::OK;
    readable.then_some(page)
}

/// The groups with a name, in the order of the table of kinds.
pub fn groups(kinds: &Kinds) -> Vec<&'static str> {
    let mut groups: Vec<&str> = Vec::new();
    for kind in kinds.all() {
        if !kind.group.is_empty() && !groups.contains(&kind.group) {
            groups.push(kind.group);
        }
    }
    groups
}

/// The versions of a group, the preferred one first.
pub fn versions(kinds: &Kinds, group: &str) -> Vec<&'static str> {
    let mut versions: Vec<&str> = Vec::new();
    for kind in kinds.all().filter(|kind| kind.group == group) {
        if !versions.contains(&kind.version) {
            versions.push(kind.version);
        }
    }
    versions
}

/// Every group version that is served.
pub fn group_versions(kinds: &Kinds) -> Vec<(&'static str, &'static str)> {
    let groups = std::iter::once("").chain(groups(kinds));
    let versions = groups
        .flat_map(|group| versions(kinds, group).into_iter().map(move |version| (group, version)));
    versions.collect()
}

fn paths(kinds: &Kinds) -> Vec<String> {
    let of_group = |(group, version): (&str, &str)| match group {
        "" => format!("/api/{version}"),
        group => format!("/apis/{group}/{version}"),
    };
    let api = group_versions(kinds).into_iter().map(of_group);
    let others = ["/healthz", "/livez", "/openapi/v3", "/readyz", "/version"];
    api.chain(others.map(str::to_owned)).collect()
}

fn version() -> Value {
    let (major, minor, git_version) = VERSION;
    json!({
        "major": major, "minor": minor, "emulationMajor": major, "emulationMinor": minor,
        "minCompatibilityMajor": major, "minCompatibilityMinor": "35",
        "gitVersion": git_version, "gitCommit": "", "gitTreeState": "", "buildDate": "",
        "goVersion": "", "compiler": "rustc", "platform": "sandbox",
    })
}

fn core_versions(parts: &Parts) -> Value {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let address = host.or(parts.uri.host()).unwrap_or("");
    let everywhere = json!([{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]);
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": everywhere})
}

fn group(kinds: &Kinds, name: &str) -> Value {
    let versions = versions(kinds, name)
        .into_iter()
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}));
    let versions: Vec<Value> = versions.collect();
    json!({"name": name, "versions": versions, "preferredVersion": versions.first()})
}

fn single_group(kinds: &Kinds, name: &str) -> Value {
    let mut answer = json!({"kind": "APIGroup", "apiVersion": "v1"});
    if let (Some(fields), Value::Object(group)) = (answer.as_object_mut(), group(kinds, name)) {
        fields.extend(group);
    }
    answer
}

/// Discovery of one group version, as every client knows it.
fn resources(kinds: &Kinds, group: &str, version: &str) -> Option<Page> {
    let served = || kinds.of_version(group, version).into_iter();
    let first = served().next()?;
    let mut list = Vec::new();
    for kind in served() {
        list.push(resource(kind));
        list.extend(subresources(kind).map(|part| subresource(kind, part)));
    }
    let mut answer = json!({"kind": "APIResourceList"});
    if let Some(fields) = answer.as_object_mut() {
        if !group.is_empty() {
            fields.insert("apiVersion".to_owned(), json!("v1"));
        }
        fields.insert("groupVersion".to_owned(), json!(first.api_version()));
        fields.insert("resources".to_owned(), json!(list));
    }
    Some(json_page(&answer))
}

fn resource(kind: &Kind) -> Value {
    let mut resource = json!({
        "name": kind.plural, "singularName": kind.singular(),
        "namespaced": kind.scope == Scope::Namespaced, "kind": kind.kind, "verbs": verbs(kind),
    });
    names(kind, &mut resource);
    resource
}

fn names(kind: &Kind, resource: &mut Value) {
    if let Some(fields) = resource.as_object_mut() {
        if !kind.short_names.is_empty() {
            fields.insert("shortNames".to_owned(), json!(kind.short_names));
        }
        if !kind.categories.is_empty() {
            fields.insert("categories".to_owned(), json!(kind.categories));
        }
    }
}

fn verbs(kind: &Kind) -> Vec<&'static str> {
    let fits = |verb: &&str| match *verb {
        "create" => true,
        "deletecollection" if *kind == NAMESPACE => false,
        _ => kind.storage != Storage::None,
    };
    let verbs = if kind.custom.is_some() { CUSTOM_VERBS } else { VERBS };
    verbs.into_iter().filter(fits).collect()
}

/// A part of a kind's objects that has a path of its own.
struct Subresource {
    name: &'static str,
    part: Part,
    verbs: &'static [&'static str],
    /// Group, version and kind, if they are not those of the object.
    foreign: Option<(&'static str, &'static str, &'static str)>,
}

const SUBRESOURCES: [Subresource; 6] = {
    const CREATE: &[&str] = &["create"];
    const CHANGE: &[&str] = &["get", "patch", "update"];
    const fn made(
        name: &'static str,
        part: Part,
        foreign: (&'static str, &'static str, &'static str),
    ) -> Subresource {
        Subresource { name, part, verbs: CREATE, foreign: Some(foreign) }
    }
    [
        made("binding", Part::Binding, ("", "v1", "Binding")),
        made("eviction", Part::Eviction, ("policy", "v1", "Eviction")),
        Subresource { name: "finalize", part: Part::Finalize, verbs: &["update"], foreign: None },
        Subresource {
            name: "scale",
            part: Part::Scale,
            verbs: CHANGE,
            foreign: Some(("autoscaling", "v1", "Scale")),
        },
        Subresource { name: "status", part: Part::Status, verbs: CHANGE, foreign: None },
        made("token", Part::Token, ("authentication.k8s.io", "v1", "TokenRequest")),
    ]
};

fn subresources(kind: &Kind) -> impl Iterator<Item = &'static Subresource> {
    SUBRESOURCES.iter().filter(|subresource| kind.has(subresource.part))
}

fn subresource(kind: &Kind, part: &Subresource) -> Value {
    let mut resource = json!({
        "name": format!("{}/{}", kind.plural, part.name), "singularName": "",
        "namespaced": kind.scope == Scope::Namespaced,
        "kind": part.foreign.map_or(kind.kind, |(_, _, kind)| kind), "verbs": part.verbs,
    });
    if let (Some((group, version, _)), Some(fields)) = (part.foreign, resource.as_object_mut())
        && !group.is_empty()
    {
        fields.insert("group".to_owned(), json!(group));
        fields.insert("version".to_owned(), json!(version));
    }
    resource
}

/// Discovery in one piece.
fn aggregated(kinds: &Kinds, served: impl Fn(&Kind) -> bool) -> Page {
    let mut items: Vec<Value> = Vec::new();
    for group in std::iter::once("").chain(groups(kinds)) {
        let versions = versions(kinds, group).into_iter().filter_map(|version| {
            let kinds = kinds.of_version(group, version).into_iter().filter(|kind| served(kind));
            let resources: Vec<Value> = kinds.map(aggregated_resource).collect();
            let version =
                json!({"version": version, "freshness": "Current", "resources": resources});
            (!resources.is_empty()).then_some(version)
        });
        let versions: Vec<Value> = versions.collect();
        if versions.is_empty() {
            continue;
        }
        let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
        items.push(json!({"metadata": metadata, "versions": versions}));
    }
    let list = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {}, "items": items,
    });
    Page { media_type: AGGREGATED, ..json_page(&list) }
}

fn aggregated_resource(kind: &Kind) -> Value {
    let scope = match kind.scope {
        Scope::Cluster => "Cluster",
        Scope::Namespaced => "Namespaced",
    };
    // A kind that is defined says its own group and version, a built-in one those around it.
    let (group, version) = match kind.custom {
        Some(_) => (kind.group, kind.version),
        None => ("", ""),
    };
    let mut resource = json!({
        "resource": kind.plural,
        "responseKind": {"group": group, "version": version, "kind": kind.kind},
        "scope": scope, "singularResource": kind.singular(), "verbs": verbs(kind),
    });
    names(kind, &mut resource);
    let parts = subresources(kind).map(|part| {
        let (group, version, kind) = part.foreign.unwrap_or((group, version, kind.kind));
        json!({
            "subresource": part.name,
            "responseKind": {"group": group, "version": version, "kind": kind},
            "verbs": part.verbs,
        })
    });
    let parts: Vec<Value> = parts.collect();
    if let (false, Some(fields)) = (parts.is_empty(), resource.as_object_mut()) {
        fields.insert("subresources".to_owned(), json!(parts));
    }
    resource
}

fn json_page(body: &Value) -> Page {
    let body = format!("{body}\n");
    let etag = Some(format!("\"{:016x}\"", hash(body.as_bytes())));
    Page { code: StatusCode::OK, media_type: JSON, body, etag }
}

fn document(document: Arc<openapi::Document>) -> Page {
    let etag = Some(format!("\"{:016X}\"", document.hash));
    Page { code: StatusCode::OK, media_type: JSON, body: document.body.clone(), etag }
}

fn text_page(body: &str) -> Page {
    Page { code: StatusCode::OK, media_type: TEXT, body: body.to_owned(), etag: None }
}

/// FNV-1a: tells contents apart, no more.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
