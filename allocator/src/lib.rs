//! Addresses out of ranges: which are free, which one to give next, and whether what is in use
//! agrees with what is claimed. Nothing here knows Kubernetes, the time, or where randomness
//! comes from.
//!
//! A range is a CIDR. Offset 0 is the first address that may be given:
//!
//! ```text
//! 10.96.0.0/12
//!  .0.0   10.96.0.1 ........ 10.96.1.0   10.96.1.1 ............ 10.111.255.254   10.111.255.255
//! network  offset 0             255         256                    1048573          broadcast
//! (never) [      static band       ]    [        dynamic band               ]        (never)
//!          given when asked for, or       given to those who do not care
//!          when the dynamic band is full
//! ```
//!
//! The static band is small (KEP-3070), so an address chosen by hand rarely meets one that was
//! given by chance. IPv6 has no broadcast address.
//!
//! Each band keeps its used addresses in one of two structures. [`counted`] is for up to 2^24
//! addresses, all of IPv4 that matters: a bit each, and counts of the free ones, so that a pick
//! costs the same at every fill. [`sparse`] is for more than can ever be used: a set, and draws
//! until one is free. Every pick is exactly uniform.
//!
//! Read in this order: [`span`] and [`range`], [`counted`] and [`sparse`], `band` and `pick`
//! which hide the difference, [`allocator`] for one IP family, [`families`] for both, [`audit`].

pub mod range;
pub mod span;

pub mod counted;
mod draw;
pub mod sparse;

mod band;
mod pick;

pub mod allocator;
pub mod families;

pub mod audit;

pub use allocator::{Allocator, Error, Usage};
pub use families::{Families, Refused, Wish};
pub use range::{Range, Unusable};
pub use span::{IpFamily, Span};
