//! Reading: one object, or a list in pages of one revision.

use std::ops::Bound;

use http::StatusCode;
use serde_json::json;

use super::page::{self, Page};
use super::{Reply, event, form, options};
use crate::kinds::Storage;
use crate::object::Object;
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::selector::Selector;
use crate::state::State;
use crate::store::Store;

/// One object.
pub fn get(store: &Store, ask: &Ask) -> Result<Reply, Refusal> {
    options::revision_of_object(store, ask)?;
    match store.get(ask.kind, &ask.namespace, &ask.name) {
        Some(object) => Ok(Reply::Object(StatusCode::OK, object)),
        None => Err(Refusal::not_found(ask.kind, &ask.name)),
    }
}

/// Many objects: all of a namespace or of the cluster, narrowed by selectors, a page at a time.
pub fn list(state: &State, ask: &Ask) -> Result<Reply, Refusal> {
    let store = &state.store;
    options::of_list(ask)?;
    let at = options::revision_of_list(store, ask)?;
    let selector = selector(ask)?;
    let page = Page::of(store, ask, at)?;
    let objects = store.objects_at(ask.kind, page.revision).map_err(|_| Refusal::list_expired())?;
    let mut chosen = objects
        .range((page.begin(&ask.namespace), Bound::Unbounded))
        .take_while(|(_, object)| concerns(ask, object))
        .filter(|(_, object)| selector.matches(object));
    let mut items = Vec::new();
    let mut last = None;
    for (key, object) in chosen.by_ref().take(page.limit) {
        items.push(object.clone());
        last = Some(key);
    }
    let left = chosen.count();
    let mut metadata = json!({"resourceVersion": page.revision.to_string()});
    if let (Some(last), Some(fields), true) = (last, metadata.as_object_mut(), left > 0) {
        fields.insert("continue".to_owned(), json!(page::token(page.revision, last)));
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
    let selector = Selector::parse(ask.parameter("labelSelector"), &fields)?;
    selector.fields().try_for_each(|field| ask.kind.selects_by(field))?;
    Ok(selector)
}
