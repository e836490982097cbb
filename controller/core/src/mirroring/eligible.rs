//! Which Endpoints are mirrored: one question, answered in one place.

use super::Snapshot;
use crate::facts::endpoints::SKIP_MIRROR_LABEL;
use crate::facts::{Endpoints, Service};
use crate::reason::Reason;

/// Whether Endpoints are mirrored.
pub enum Eligibility<'a> {
    /// They are.
    Mirrored(&'a Endpoints),
    /// They are not, for this reason; slices made from them go.
    NotMirrored(Reason),
}

/// Decides whether the Endpoints of a name are mirrored: they must want it, and a Service without
/// a selector must want them. Its type and families play no part.
pub fn eligible(snapshot: &Snapshot) -> Eligibility<'_> {
    let Some(endpoints) = snapshot.endpoints.as_deref() else {
        return Eligibility::NotMirrored(Reason::ServiceNotFound);
    };
    if is_withheld(endpoints) {
        return Eligibility::NotMirrored(Reason::SkipMirror);
    }
    match snapshot.service.as_deref() {
        None => Eligibility::NotMirrored(Reason::EndpointsOrphaned),
        Some(Service { selector: Some(_), .. }) => Eligibility::NotMirrored(Reason::Foreign),
        Some(_) => Eligibility::Mirrored(endpoints),
    }
}

/// Whether Endpoints say that they are not to be mirrored: by the label, whose only value with a
/// meaning is `true`, or because they are a lock and no endpoints at all.
fn is_withheld(endpoints: &Endpoints) -> bool {
    let labels = &endpoints.metadata.labels;
    labels.get(SKIP_MIRROR_LABEL).is_some_and(|value| &**value == "true") || endpoints.is_lock()
}
