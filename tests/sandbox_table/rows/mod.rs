//! The rows, by subject.

mod content;
mod creating;
mod deleting;
mod discovery;
mod events;
mod mistakes;
mod objects;
mod patching;
mod subresources;
mod tables;
mod updating;
mod watching;

use crate::row::Row;

/// All rows.
pub fn all() -> Vec<Row> {
    let subjects = [
        discovery::rows(),
        creating::rows(),
        updating::rows(),
        patching::rows(),
        deleting::rows(),
        watching::rows(),
        tables::rows(),
        content::rows(),
        subresources::rows(),
        events::rows(),
        mistakes::rows(),
    ];
    subjects.into_iter().flatten().collect()
}
