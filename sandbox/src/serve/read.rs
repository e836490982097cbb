//! Reading: one object, or a list in pages of one revision.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Reply, event, form};
use crate::kinds::Storage;
use crate::object::Object;
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::selector::Selector;
use crate::state::State;
use crate::store::{Key, Store};

/// One object.
pub fn get(store: &Store, ask: &Ask) -> Result<Reply, Refusal> {
    not_in_the_future(store, ask)?;
    match store.get(ask.kind, &ask.namespace, &ask.name) {
        Some(object) => Ok(Reply::Object(StatusCode::OK, object)),
        None => Err(Refusal::not_found(ask.kind, &ask.name)),
    }
}

/// Many objects: all of a namespace or of the cluster, narrowed by selectors, a page at a time.
pub fn list(state: &State, ask: &Ask) -> Result<Reply, Refusal> {
    let store = &state.store;
    let at = not_in_the_future(store, ask)?;
    let selector = selector(ask)?;
    let page = Page::of(store, ask, at)?;
    let objects = store.objects_at(ask.kind, page.revision).map_err(|_| Refusal::list_expired())?;
    let after = |key: &Key| page.after.as_ref().is_none_or(|after| key > after);
    let mut chosen = objects
        .iter()
        .filter(|(key, object)| after(key) && concerns(ask, object) && selector.matches(object));
    let mut items = Vec::new();
    let mut last = None;
    for (key, object) in chosen.by_ref().take(page.limit) {
        items.push(object.clone());
        last = Some(key);
    }
    let left = chosen.count();
    let mut metadata = json!({"resourceVersion": page.revision.to_string()});
    if let (Some(last), Some(fields), true) = (last, metadata.as_object_mut(), left > 0) {
        fields.insert("continue".to_owned(), json!(token(page.revision, last)));
        if selector.is_empty() {
            fields.insert("remainingItemCount".to_owned(), json!(left));
        }
    }
    let body = form::many(ask.form, ask.kind, &items, &metadata, state.time());
    Ok(Reply::Json(StatusCode::OK, body))
}

/// Whether an object is in the namespace that is asked for.
pub fn concerns(ask: &Ask, object: &Object) -> bool {
    ask.namespace.is_empty() || ask.namespace == object.namespace
}

/// The selectors of a query.
pub fn selector(ask: &Ask) -> Result<Selector, Refusal> {
    let fields = ask.parameter("fieldSelector");
    let fields = match ask.kind.storage {
        Storage::Events => fields.split(',').map(event::stored_field).collect::<Vec<_>>().join(","),
        Storage::Own | Storage::None => fields.to_owned(),
    };
    Selector::parse(ask.parameter("labelSelector"), &fields)
}

/// The revision that a query names, or none; one that is still to come is refused.
pub fn not_in_the_future(store: &Store, ask: &Ask) -> Result<Option<u64>, Refusal> {
    let text = ask.parameter("resourceVersion");
    if text.is_empty() {
        return Ok(None);
    }
    let Ok(revision) = text.parse() else {
        return Err(Refusal::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
        )));
    };
    if revision > store.revision() {
        return Err(Refusal::too_large(revision, store.revision()));
    }
    Ok(Some(revision))
}

/// Which part of a list is asked for.
struct Page {
    revision: u64,
    after: Option<Key>,
    limit: usize,
}

impl Page {
    fn of(store: &Store, ask: &Ask, at: Option<u64>) -> Result<Self, Refusal> {
        let limit = match ask.parameter("limit").parse() {
            Ok(limit) if limit > 0 && at != Some(0) => limit,
            _ => usize::MAX,
        };
        let token = ask.parameter("continue");
        if token.is_empty() {
            let exact = ask.parameter("resourceVersionMatch") == "Exact";
            let revision = at.filter(|_| exact).unwrap_or(store.revision());
            return Ok(Self { revision, after: None, limit });
        }
        if at.is_some() {
            let why = "specifying resource version is not allowed when using continue";
            return Err(Refusal::bad_request(why));
        }
        let invalid = || Refusal::bad_request(format!("invalid continue token: {token}"));
        let parts: Value = serde_json::from_str(token).map_err(|_| invalid())?;
        let part = |name| parts.get(name).and_then(Value::as_str).map(str::to_owned);
        let revision = parts.get("revision").and_then(Value::as_u64).ok_or_else(invalid)?;
        let after = (part("namespace").ok_or_else(invalid)?, part("name").ok_or_else(invalid)?);
        Ok(Self { revision, after: Some(after), limit })
    }
}

/// Where the next page goes on.
fn token(revision: u64, (namespace, name): &Key) -> String {
    json!({"revision": revision, "namespace": namespace, "name": name}).to_string()
}
