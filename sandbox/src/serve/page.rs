//! Pages of a list. All pages show the revision of the first.

use std::ops::Bound;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::request::Ask;
use crate::store::{Key, Store};

/// Which part of a list is asked for.
pub struct Page {
    /// The revision that is shown.
    pub revision: u64,
    /// How many objects there may be.
    pub limit: usize,
    after: Option<Key>,
}

impl Page {
    /// The page that a query names, of a list at a revision, or of the newest.
    ///
    /// # Errors
    /// 400 for a limit or a token that cannot be read, and for a token beside a revision.
    pub fn of(store: &Store, ask: &Ask, at: Option<u64>) -> Result<Self, Refusal> {
        let limit = match limit(ask.parameter("limit"))? {
            limit if limit > 0 && at != Some(0) => usize::try_from(limit).unwrap_or(usize::MAX),
            _ => usize::MAX,
        };
        let token = ask.parameter("continue");
        if token.is_empty() {
            // A page of an old list is a page of that list.
            let exact = ask.parameter("resourceVersionMatch") == "Exact" || limit < usize::MAX;
            let revision = at.filter(|at| exact && *at > 0).unwrap_or(store.revision());
            return Ok(Self { revision, limit, after: None });
        }
        if at.is_some_and(|at| at > 0) {
            let why = "specifying resource version is not allowed when using continue";
            return Err(Refusal::bad_request(why));
        }
        let (revision, after) = read(token).ok_or_else(|| {
            Refusal::bad_request(
                "invalid continue token: continue key is not valid: it is none of ours",
            )
        })?;
        Ok(Self { revision, limit, after: Some(after) })
    }

    /// Where the page begins, in the list of a namespace or of all.
    pub fn begin(&self, namespace: &str) -> Bound<Key> {
        match &self.after {
            Some(after) => Bound::Excluded(after.clone()),
            None => Bound::Included((namespace.to_owned(), String::new())),
        }
    }
}

/// Where the next page goes on, in letters that may stand in an address.
pub fn token(revision: u64, (namespace, name): &Key) -> String {
    let token = json!({"revision": revision, "namespace": namespace, "name": name});
    URL_SAFE_NO_PAD.encode(token.to_string())
}

fn read(token: &str) -> Option<(u64, Key)> {
    let parts: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let part = |name| parts.get(name).and_then(Value::as_str).map(str::to_owned);
    Some((parts.get("revision")?.as_u64()?, (part("namespace")?, part("name")?)))
}

fn limit(text: &str) -> Result<i64, Refusal> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        let why = format!("strconv.ParseInt: parsing \"{text}\": invalid syntax");
        Refusal::bad_request(why)
    })
}
