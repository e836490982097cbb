//! Taking over from kube-controller-manager: whether it still writes what we would write, how it is
//! told not to, and how nobody becomes a second writer by mistake.

mod arguments;
mod command;
mod guard;
mod sighting;
mod steps;
mod verdict;

pub use command::check;
pub use guard::Guard;
pub use sighting::Lookout;
pub use verdict::{Sighting, StockLease, StockPod, StockWrite, Verdict};
