//! Who set which field: `metadata.managedFields`, which every write keeps and from which an apply
//! knows what conflicts and what is to be removed.

mod apply;
mod managers;
mod set;
mod typed;

pub use apply::{Config, Conflicts, apply};
pub use managers::{Managers, Operation, Writer};
