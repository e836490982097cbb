//! One of the bands of a range, and which of its addresses are used.

use std::ops::Range;

use rand_core::Rng;

use crate::counted::Counted;
use crate::range;
use crate::span::Span;
use crate::sparse::Sparse;

/// Up to this length a bit for each address is affordable: 2 MiB. Nobody uses up what is longer.
const LONGEST_COUNTED: u64 = 1 << 24;

/// Whom a band is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Those who ask for an address.
    Static,
    /// Those who do not.
    Dynamic,
}

/// One of the bands of a range, and which of its addresses are used.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    pub range: range::Range,
    pub purpose: Purpose,
    span: Span,
    offsets: Offsets,
}

#[derive(Clone, Debug)]
enum Offsets {
    Counted(Counted),
    Sparse(Sparse),
}

/// Sends a call to whichever structure there is.
macro_rules! offsets {
    ($band:expr, $offsets:ident => $call:expr) => {
        match $band.offsets {
            Offsets::Counted(ref $offsets) => $call,
            Offsets::Sparse(ref $offsets) => $call,
        }
    };
    (mut $band:expr, $offsets:ident => $call:expr) => {
        match $band.offsets {
            Offsets::Counted(ref mut $offsets) => $call,
            Offsets::Sparse(ref mut $offsets) => $call,
        }
    };
}

impl Band {
    /// The bands of a range, of which nothing is used.
    pub fn of_range(range: range::Range) -> impl Iterator<Item = Band> {
        let fixed = range.static_band().map(|span| Band::new(range, Purpose::Static, span));
        let dynamic = range.dynamic_band().map(|span| Band::new(range, Purpose::Dynamic, span));
        fixed.into_iter().chain(dynamic)
    }

    /// No band has more than 2^64 − 1 addresses.
    fn new(range: range::Range, purpose: Purpose, span: Span) -> Self {
        let len = span.size() as u64;
        let offsets = match len {
            ..=LONGEST_COUNTED => Offsets::Counted(Counted::new(len)),
            _ => Offsets::Sparse(Sparse::new(len)),
        };
        Band { range, purpose, span, offsets }
    }

    /// Whether it is so long that drawing until an address is free comes before counting.
    pub fn is_sparse(&self) -> bool {
        matches!(self.offsets, Offsets::Sparse(_))
    }

    /// The offset of a number of the band's family, if the band has it.
    pub fn offset_of(&self, number: u128) -> Option<u64> {
        self.span.offset_of(number).map(|offset| offset as u64)
    }

    /// The number of an offset.
    pub fn number_at(&self, offset: u64) -> u128 {
        self.span.number_at(u128::from(offset))
    }

    /// The offsets that the band shares with a span.
    pub fn window(&self, span: &Span) -> Option<Range<u64>> {
        let common = self.span.intersection(span)?;
        let first = self.offset_of(common.number_at(0))?;
        Some(first..first + common.size() as u64)
    }

    /// All its offsets.
    pub fn whole(&self) -> Range<u64> {
        0..self.span.size() as u64
    }

    /// How many addresses are free.
    pub fn free(&self) -> u64 {
        offsets!(self, offsets => offsets.free())
    }

    /// How many addresses of a window are free.
    pub fn free_in(&self, window: &Range<u64>) -> u64 {
        offsets!(self, offsets => offsets.free_in(window))
    }

    /// Whether an offset is used.
    pub fn contains(&self, offset: u64) -> bool {
        offsets!(self, offsets => offsets.contains(offset))
    }

    /// Marks an offset as used; `false` if it was already.
    pub fn insert(&mut self, offset: u64) -> bool {
        offsets!(mut self, offsets => offsets.insert(offset))
    }

    /// Marks an offset as free; `false` if it was already.
    pub fn remove(&mut self, offset: u64) -> bool {
        offsets!(mut self, offsets => offsets.remove(offset))
    }

    /// One of the free offsets of a window, each with the same probability.
    pub fn pick(&self, window: &Range<u64>, rng: &mut impl Rng) -> Option<u64> {
        offsets!(self, offsets => offsets.pick(window, rng))
    }

    /// The used numbers, in no order.
    pub fn used(&self) -> Vec<u128> {
        offsets!(self, offsets => offsets.iter().map(|offset| self.number_at(offset)).collect())
    }

    /// Says what is wrong with the structure, if anything. For tests.
    pub fn check(&self) {
        offsets!(self, offsets => offsets.check());
    }
}
