//! Refusals, as the API's Status objects.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::causes::Causes;
use crate::kinds::Kind;
use crate::managed::Conflicts;
use crate::object::Object;
use crate::request::Verb;

/// Why a request is not carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub code: StatusCode,
    reason: &'static str,
    message: String,
    details: Option<Value>,
}

impl Refusal {
    /// A refusal in words.
    pub fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// 404 for a path that nothing is served under.
    pub fn no_such_path() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).with_details(json!({}))
    }

    /// 404 for an object.
    pub fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", kind.resource());
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(kind.plural, kind, name)
    }

    /// 405.
    pub fn method() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
            .with_details(json!({}))
    }

    /// 409 for a name that is taken.
    pub fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", kind.resource());
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(kind.plural, kind, name)
    }

    /// 409 for a resourceVersion that is not the object's.
    pub fn conflict(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        let message =
            format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.resource());
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(kind.plural, kind, name)
    }

    /// 409 for fields that others want otherwise.
    pub fn apply_conflict(conflicts: &Conflicts) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", conflicts.message())
            .with_details(json!({"causes": conflicts.causes()}))
    }

    /// 409 for a precondition of a deletion.
    pub fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.qualified_kind());
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(kind.kind, kind, name)
    }

    /// 409 for a PUT that means an object which had this name before.
    pub fn other_uid(kind: &Kind, object: &Object, said: &str) -> Self {
        let (name, known) = (&object.name, &object.uid);
        let place = ["/registry", kind.plural, &object.namespace, name];
        let place = place.into_iter().filter(|part| !part.is_empty());
        let place = place.collect::<Vec<_>>().join("/");
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {said}, UID in object meta: {known}"
        );
        let message =
            format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.resource());
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(kind.plural, kind, name)
    }

    /// 403 for something new in a namespace that is going away.
    pub fn namespace_terminating(kind: &Kind, name: &str, namespace: &str) -> Self {
        let message = format!(
            "{} \"{name}\" is forbidden: unable to create new content in namespace {namespace} because it is being terminated",
            kind.resource()
        );
        let cause = json!({
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        });
        let mut refusal =
            Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(kind.plural, kind, name);
        if let Some(details) = refusal.details.as_mut().and_then(Value::as_object_mut) {
            details.insert("causes".to_owned(), json!([cause]));
        }
        refusal
    }

    /// 422 for one field.
    pub fn invalid(kind: &Kind, name: &str, field: &str, cause: &'static str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is invalid: {field}: {why}", kind.qualified_kind());
        let code = StatusCode::UNPROCESSABLE_ENTITY;
        let mut refusal = Self::new(code, "Invalid", message).about(kind.kind, kind, name);
        if let Some(details) = refusal.details.as_mut().and_then(Value::as_object_mut) {
            let cause = json!({"reason": cause, "message": why, "field": field});
            details.insert("causes".to_owned(), json!([cause]));
        }
        refusal
    }

    /// 422 for a number of replicas.
    pub fn invalid_scale(name: &str, why: &str) -> Self {
        let field = "spec.replicas";
        let message = format!("Scale.autoscaling \"{name}\" is invalid: {field}: {why}");
        let cause = json!({"reason": "FieldValueInvalid", "message": why, "field": field});
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).with_details(json!({
            "name": name, "group": "autoscaling", "kind": "Scale", "causes": [cause],
        }))
    }

    /// 422 for a question that cannot be answered. The real server does not name the kind, either.
    pub fn invalid_review(kind: &Kind, field: &str, why: &str) -> Self {
        let message = format!(".{} \"\" is invalid: {field}: {why}", kind.group);
        let cause = json!({"reason": "FieldValueInvalid", "message": why, "field": field});
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
            .with_details(json!({"group": kind.group, "causes": [cause]}))
    }

    /// 422 for the life of a token.
    pub fn invalid_token_request(seconds: i64, why: &str) -> Self {
        let (field, group) = ("spec.expirationSeconds", "authentication.k8s.io");
        let why = format!("Invalid value: {seconds}: {why}");
        let message = format!("TokenRequest.{group} \"\" is invalid: {field}: {why}");
        let cause = json!({"reason": "FieldValueInvalid", "message": why, "field": field});
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
            .with_details(json!({"group": group, "kind": "TokenRequest", "causes": [cause]}))
    }

    /// 422 for an option of a request.
    pub fn invalid_option(verb: Verb, field: &str, cause: &'static str, why: &str) -> Self {
        let kind = match verb {
            Verb::Create => "CreateOptions",
            Verb::Update => "UpdateOptions",
            Verb::Patch => "PatchOptions",
            Verb::Delete | Verb::DeleteCollection => "DeleteOptions",
            Verb::Get | Verb::List | Verb::Watch => "ListOptions",
        };
        let message = format!("{kind}.meta.k8s.io \"\" is invalid: {field}: {why}");
        let cause = json!({"reason": cause, "message": why, "field": field});
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).with_details(json!({
            "group": "meta.k8s.io", "kind": kind, "causes": [cause],
        }))
    }

    /// 422 for a patch that makes something that cannot be read. The real server names no kind.
    pub fn invalid_patch(value: &str, why: &str) -> Self {
        let why = format!("Invalid value: {}: {why}", json!(value));
        let cause = json!({"reason": "FieldValueInvalid", "message": why, "field": "patch"});
        let message = format!(" \"\" is invalid: patch: {why}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
            .with_details(json!({"causes": [cause]}))
    }

    /// 422 for a patch that does not fit the object.
    pub fn patch_does_not_fit() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).with_details(json!({}))
    }

    /// 415 for a patch of no known type.
    pub fn patch_type() -> Self {
        let (code, message) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "415: Unsupported Media Type");
        Self::new(code, "UnsupportedMediaType", message).with_details(json!({}))
    }

    /// 409 for a Pod that has its Node.
    pub fn already_bound(name: &str, node: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on pods/binding \"{name}\": pod {name} is already assigned to node \"{node}\""
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message)
            .with_details(json!({"name": name, "kind": "pods/binding"}))
    }

    /// 410 for a list at a revision that is forgotten.
    pub fn list_expired() -> Self {
        let message = "The resourceVersion for the provided list is too old.";
        Self::new(StatusCode::GONE, "Expired", message)
    }

    /// 410 for a watch from a revision that is forgotten.
    pub fn watch_expired(asked: u64, oldest: u64) -> Self {
        let message = format!("too old resource version: {asked} ({oldest})");
        Self::new(StatusCode::GONE, "Expired", message)
    }

    /// 504 for a revision that is still to come.
    pub fn too_large(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let cause = json!({
            "reason": "ResourceVersionTooLarge",
            "message": "Too large resource version",
        });
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message)
            .with_details(json!({"causes": [cause], "retryAfterSeconds": 1}))
    }

    /// 406 for a form of object that is not served.
    pub fn form(accepted: &[&str]) -> Self {
        let accepted = accepted.join(", ");
        let message = format!("only the following media types are accepted: {accepted}");
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
    }

    /// 406 for a media type that is not served.
    pub fn representation(available: &[&str]) -> Self {
        let available = available.join(", ");
        let message = format!("406: Not Acceptable\n\nAvailable representations: {available}");
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message).with_details(json!({}))
    }

    /// 422 for all that is wrong with an object; nothing if nothing is.
    ///
    /// # Errors
    /// The refusal.
    pub fn of_object(kind: &Kind, name: &str, causes: &Causes) -> Result<(), Self> {
        match causes.is_empty() {
            true => Ok(()),
            false => Err(Self::of_other_kind(kind, kind.kind, name, causes)),
        }
    }

    /// 422 for an object that says it is of another kind than the path.
    pub fn of_other_kind(kind: &Kind, said: &str, name: &str, causes: &Causes) -> Self {
        let qualified = match kind.group {
            "" => said.to_owned(),
            group => format!("{said}.{group}"),
        };
        let message = format!("{qualified} \"{name}\" is invalid: {}", causes.text());
        let mut refusal =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).about(said, kind, name);
        if let Some(details) = refusal.details.as_mut().and_then(Value::as_object_mut) {
            details.insert("causes".to_owned(), causes.details());
        }
        refusal
    }

    /// 422 for an update that does not say of which version. It names the resource, not the kind.
    pub fn version(kind: &Kind, name: &str, cause: &'static str, why: &str) -> Self {
        let field = "metadata.resourceVersion";
        let message = format!("{} \"{name}\" is invalid: {field}: {why}", kind.resource());
        let code = StatusCode::UNPROCESSABLE_ENTITY;
        let mut refusal = Self::new(code, "Invalid", message).about(kind.plural, kind, name);
        if let Some(details) = refusal.details.as_mut().and_then(Value::as_object_mut) {
            let cause = json!({"reason": cause, "message": why, "field": field});
            details.insert("causes".to_owned(), json!([cause]));
        }
        refusal
    }

    /// 422 for all that is wrong with the options of a list or watch; nothing if nothing is.
    ///
    /// # Errors
    /// The refusal.
    pub fn of_list_options(causes: &Causes) -> Result<(), Self> {
        if causes.is_empty() {
            return Ok(());
        }
        let message = format!("ListOptions.meta.k8s.io \"\" is invalid: {}", causes.text());
        let details = json!({
            "group": "meta.k8s.io", "kind": "ListOptions", "causes": causes.details(),
        });
        let code = StatusCode::UNPROCESSABLE_ENTITY;
        Err(Self::new(code, "Invalid", message).with_details(details))
    }

    /// 422 for all that is wrong with the options of a deletion.
    pub fn of_delete_options(causes: &Causes) -> Self {
        let message = format!("DeleteOptions.meta.k8s.io \"\" is invalid: {}", causes.text());
        let details = json!({
            "group": "meta.k8s.io", "kind": "DeleteOptions", "causes": causes.details(),
        });
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).with_details(details)
    }

    /// 403 for a namespace that no cluster does without.
    pub fn may_not_be_deleted(name: &str) -> Self {
        let message =
            format!("namespaces \"{name}\" is forbidden: this namespace may not be deleted");
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
            .with_details(json!({"name": name, "kind": "namespaces"}))
    }

    /// 415.
    pub fn media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    /// The refusal as a Status.
    pub fn status(&self) -> Value {
        let mut status = Map::new();
        status.insert("kind".to_owned(), json!("Status"));
        status.insert("apiVersion".to_owned(), json!("v1"));
        status.insert("metadata".to_owned(), json!({}));
        status.insert("status".to_owned(), json!("Failure"));
        status.insert("message".to_owned(), json!(self.message));
        if !self.reason.is_empty() {
            status.insert("reason".to_owned(), json!(self.reason));
        }
        if let Some(details) = &self.details {
            status.insert("details".to_owned(), details.clone());
        }
        status.insert("code".to_owned(), json!(self.code.as_u16()));
        Value::Object(status)
    }

    fn about(self, named: &str, kind: &Kind, name: &str) -> Self {
        let mut details = Map::new();
        if !name.is_empty() {
            details.insert("name".to_owned(), json!(name));
        }
        if !kind.group.is_empty() {
            details.insert("group".to_owned(), json!(kind.group));
        }
        details.insert("kind".to_owned(), json!(named));
        self.with_details(Value::Object(details))
    }

    fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }
}
