//! An AdmissionReview as it comes, as far as it matters.

use controller_core::facts::Service;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::wire::{self, ServiceName};

/// Holds may not keep longer names. Those of Services are not longer.
const LONGEST_NAME: usize = 63;

/// What an API server asks.
#[derive(Debug)]
pub struct Request {
    /// `request.uid`: the answer must repeat it.
    pub uid: String,
    /// Whether anything may come of it (`request.dryRun`).
    pub effect: Effect,
    /// The Service, or nothing if there is none to be judged: another kind, another operation, or one
    /// that the API server is going to refuse.
    pub service: Option<NewService>,
}

/// A Service about to be created.
#[derive(Debug)]
pub struct NewService {
    /// What we keep of it. Where the name is to be generated, its beginning stands for it.
    pub fact: Service,
    /// Its name.
    pub name: ServiceName,
    /// The object as it came.
    pub object: Value,
}

/// Whether anything may come of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The Service may be created.
    Real,
    /// It is only tried.
    Trial,
}

impl Request {
    /// Reads an AdmissionReview.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        let review: Review = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let Some(asked) = review.request.filter(|asked| !asked.uid.is_empty()) else {
            return Err("it has no request with a uid".to_owned());
        };
        let is_ours = asked.operation == "CREATE" && asked.kind.kind == "Service";
        let service = is_ours.then(|| NewService::read(asked.object, &asked.namespace)).flatten();
        let effect = if asked.dry_run { Effect::Trial } else { Effect::Real };
        Ok(Self { uid: asked.uid, effect, service })
    }
}

impl NewService {
    /// What is not stored yet has no version, and maybe no name.
    fn read(object: Value, namespace: &str) -> Option<Self> {
        let mut named = object.clone();
        let metadata = named.get_mut("metadata")?.as_object_mut()?;
        let text = |field: &str| {
            let text = metadata.get(field).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let name = match (text("name"), text("generateName")) {
            (Some(name), _) if name.len() > LONGEST_NAME => return None,
            (Some(name), _) => ServiceName::Given(name),
            (None, prefix) => ServiceName::Generated(prefix?.chars().take(LONGEST_NAME).collect()),
        };
        let (ServiceName::Given(shown) | ServiceName::Generated(shown)) = &name;
        metadata.insert("name".to_owned(), json!(shown));
        metadata.insert("namespace".to_owned(), json!(namespace));
        metadata.insert("resourceVersion".to_owned(), json!("0"));
        let fact = wire::read_service(named.to_string().as_bytes()).ok()?;
        Some(Self { fact, name, object })
    }
}

#[derive(Deserialize)]
struct Review {
    request: Option<Asked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    uid: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    namespace: String,
    operation: String,
    #[serde(default)]
    object: Value,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Kind {
    kind: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(operation: &str, metadata: Value) -> Vec<u8> {
        let object = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"ports": [{"port": 80, "protocol": "TCP"}], "type": "ClusterIP"},
            "status": {"loadBalancer": {}},
        });
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "a-uid", "operation": operation, "namespace": "shop", "dryRun": false,
                "kind": {"group": "", "version": "v1", "kind": "Service"}, "object": object,
            },
        });
        review.to_string().into_bytes()
    }

    fn service(operation: &str, metadata: Value) -> Option<NewService> {
        Request::read(&review(operation, metadata)).unwrap().service
    }

    #[test]
    fn a_service_without_a_version_is_read_under_the_name_that_it_has_or_will_begin_with() {
        let named = service("CREATE", json!({"name": "web"})).unwrap();
        assert_eq!(named.fact.key.to_string(), "shop/web");
        assert_eq!(named.name, ServiceName::Given("web".to_owned()));
        let generated = service("CREATE", json!({"generateName": "web-"})).unwrap();
        assert_eq!(generated.fact.key.to_string(), "shop/web-");
        assert_eq!(generated.name, ServiceName::Generated("web-".to_owned()));
    }

    #[test]
    fn what_the_api_server_refuses_by_itself_and_what_is_no_creation_is_not_judged() {
        assert!(service("CREATE", json!({})).is_none(), "it has no name");
        assert!(service("CREATE", json!({"name": "w".repeat(64)})).is_none());
        assert!(service("UPDATE", json!({"name": "web"})).is_none());
    }

    #[test]
    fn what_is_no_review_says_so() {
        for body in ["", "{}", r#"{"request": {"uid": "", "operation": "CREATE"}}"#, "[1]"] {
            assert!(Request::read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
