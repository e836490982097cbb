//! What a list or a watch may be asked for: which revision, and how exactly.

use http::StatusCode;
use serde_json::json;

use crate::causes::Causes;
use crate::refusal::Refusal;
use crate::request::{Ask, Verb};
use crate::store::Store;

const MATCH: &str = "resourceVersionMatch";
const INITIAL: &str = "sendInitialEvents";

/// Checks the options of a write.
///
/// # Errors
/// 422 for a dry run of anything but all.
pub fn of_write(ask: &Ask) -> Result<(), Refusal> {
    let dry_run = ask.parameter("dryRun");
    if dry_run.is_empty() || dry_run == "All" {
        return Ok(());
    }
    let why = format!("Unsupported value: {}: supported values: \"All\"", json!([dry_run]));
    Err(Refusal::invalid_option(ask.verb, "dryRun", "FieldValueNotSupported", &why))
}

/// Checks the options of a list.
///
/// # Errors
/// 422 for options that contradict each other.
pub fn of_list(ask: &Ask) -> Result<(), Refusal> {
    let mut wrong = Causes::default();
    let version = ask.parameter("resourceVersion");
    match ask.parameter(MATCH) {
        "" => {}
        _ if version.is_empty() => {
            wrong.forbidden(
                MATCH,
                &format!("{MATCH} is forbidden unless resourceVersion is provided"),
            );
        }
        "Exact" if version == "0" => {
            let why = format!("{MATCH} \"exact\" is forbidden for resourceVersion \"0\"");
            wrong.forbidden(MATCH, &why);
        }
        "Exact" | "NotOlderThan" => {}
        other => wrong.unsupported(MATCH, &json!(other), &["Exact", "NotOlderThan", ""]),
    }
    if !ask.parameter(INITIAL).is_empty() {
        wrong.forbidden(INITIAL, &format!("{INITIAL} is forbidden for list"));
    }
    Refusal::of_list_options(&wrong)
}

/// Checks the options of a watch.
///
/// # Errors
/// As [`of_list`].
pub fn of_watch(ask: &Ask) -> Result<(), Refusal> {
    let mut wrong = Causes::default();
    let initial = !ask.parameter(INITIAL).is_empty();
    match ask.parameter(MATCH) {
        "" if initial => {
            let why = format!("{INITIAL} requires setting {MATCH} to NotOlderThan");
            wrong.forbidden(MATCH, &why);
        }
        "" => {}
        _ if !initial => {
            let why = format!("{MATCH} is forbidden for watch unless {INITIAL} is provided");
            wrong.forbidden(MATCH, &why);
        }
        "NotOlderThan" => {}
        other => wrong.unsupported(MATCH, &json!(other), &["NotOlderThan"]),
    }
    Refusal::of_list_options(&wrong)
}

/// The revision that a list is asked for, or none.
///
/// # Errors
/// 400 for one that is no number, 504 for one that is still to come.
pub fn revision_of_list(store: &Store, ask: &Ask) -> Result<Option<u64>, Refusal> {
    let found = revision(ask)
        .map_err(|why| Refusal::bad_request(format!("invalid resource version: {why}")))?;
    not_in_the_future(store, found)
}

/// The revision that an object or a watch is asked for, or none.
///
/// # Errors
/// 500 for one that is no number, as on the real server.
pub fn revision_of_watch(ask: &Ask) -> Result<Option<u64>, Refusal> {
    revision(ask).map_err(|why| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "", why))
}

/// As [`revision_of_watch`].
///
/// # Errors
/// Also 504 for one that is still to come.
pub fn revision_of_object(store: &Store, ask: &Ask) -> Result<Option<u64>, Refusal> {
    not_in_the_future(store, revision_of_watch(ask)?)
}

/// A revision, unless it is still to come.
///
/// # Errors
/// 504 if it is.
pub fn not_in_the_future(store: &Store, revision: Option<u64>) -> Result<Option<u64>, Refusal> {
    match revision {
        Some(revision) if revision > store.revision() => {
            Err(Refusal::too_large(revision, store.revision()))
        }
        found => Ok(found),
    }
}

/// Whether a request cannot be answered before a revision has come. A watch from there on can: it
/// is silent until then.
pub fn waits_for(ask: &Ask) -> Option<u64> {
    let waits = match ask.verb {
        Verb::Get | Verb::List => true,
        Verb::Watch => is_streaming_list(ask),
        _ => false,
    };
    if waits { revision(ask).ok().flatten() } else { None }
}

/// Whether a watch is to begin with all there is.
pub fn is_streaming_list(ask: &Ask) -> bool {
    ask.parameter(INITIAL) == "true"
}

fn revision(ask: &Ask) -> Result<Option<u64>, String> {
    let text = ask.parameter("resourceVersion");
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        format!(
            "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
        )
    })
}
