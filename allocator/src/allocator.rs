//! The addresses of one IP family: which are used, and which to give next.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rand_core::Rng;

use crate::band::{Band, Purpose};
use crate::pick::{Window, pick};
use crate::range::Range;
use crate::span::{IpFamily, Span, address, number};

/// Why no address was given. The words are kube-apiserver's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Every address that would do is used.
    #[error("range is full")]
    Full,
    /// The address that was asked for is used.
    #[error("provided IP is already allocated")]
    AlreadyAllocated,
    /// The address that was asked for is in no range, or is one that is never given.
    #[error("the provided network does not match the current range")]
    NotInRange,
    /// The address, range or span is of the other IP family.
    #[error("the provided address is of the other IP family")]
    WrongFamily,
}

/// The addresses of one IP family in any number of ranges, which may overlap.
#[derive(Clone, Debug)]
pub struct Allocator {
    family: IpFamily,
    /// In the order of their addresses.
    ranges: Vec<Range>,
    /// The bands of the ranges. An address of several bands is used in all of them or in none.
    bands: Vec<Band>,
    /// Used addresses that are in no range.
    outside: BTreeSet<u128>,
}

/// How full a range is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The range.
    pub range: Range,
    /// How many of its addresses are used.
    pub used: u64,
    /// How many are free.
    pub free: u64,
}

impl Allocator {
    /// An allocator without ranges, which has nothing to give.
    pub fn new(family: IpFamily) -> Self {
        Allocator { family, ranges: Vec::new(), bands: Vec::new(), outside: BTreeSet::new() }
    }

    /// Gives from these ranges from now on. What is used stays so, in which range ever it is, and
    /// also in none. Fails if a range is of the other family, and changes nothing then.
    pub fn set_ranges(&mut self, ranges: impl IntoIterator<Item = Range>) -> Result<(), Error> {
        let mut ranges: Vec<Range> = ranges.into_iter().collect();
        if ranges.iter().any(|range| range.family() != self.family) {
            return Err(Error::WrongFamily);
        }
        ranges.sort_by_key(Range::cidr);
        ranges.dedup();
        if self.ranges != ranges {
            let used = self.used();
            self.bands = ranges.iter().copied().flat_map(Band::of_range).collect();
            self.ranges = ranges;
            self.outside.clear();
            used.into_iter().for_each(|number| {
                self.mark(number);
            });
        }
        Ok(())
    }

    /// Takes an address that is asked for, out of either band.
    pub fn claim(&mut self, address: IpAddr) -> Result<(), Error> {
        match () {
            _ if IpFamily::of(address) != self.family => Err(Error::WrongFamily),
            _ if !self.is_in_range(address) => Err(Error::NotInRange),
            _ if !self.mark(number(address)) => Err(Error::AlreadyAllocated),
            _ => Ok(()),
        }
    }

    /// Takes one of the free addresses of all dynamic bands, each with the same probability; if
    /// there is none, one of the static bands.
    pub fn claim_any(&mut self, rng: &mut impl Rng) -> Result<IpAddr, Error> {
        let picked = pick(self.bands_for(Purpose::Dynamic), rng)
            .or_else(|| pick(self.bands_for(Purpose::Static), rng));
        self.take(picked)
    }

    /// Takes one of the free addresses of the ranges that lie in a span, too, each with the same
    /// probability, whatever their band.
    pub fn claim_within(&mut self, spans: &[Span], rng: &mut impl Rng) -> Result<IpAddr, Error> {
        if spans.iter().any(|span| span.family() != self.family) {
            return Err(Error::WrongFamily);
        }
        let picked = pick(self.windows(spans), rng);
        self.take(picked)
    }

    /// Marks an address as used by somebody, in a range or not; `false` if it was already.
    pub fn mark_used(&mut self, address: IpAddr) -> Result<bool, Error> {
        match IpFamily::of(address) == self.family {
            true => Ok(self.mark(number(address))),
            false => Err(Error::WrongFamily),
        }
    }

    /// Makes an address free; `false` if it was already.
    pub fn release(&mut self, address: IpAddr) -> bool {
        if IpFamily::of(address) != self.family {
            return false;
        }
        let number = number(address);
        let mut released = self.outside.remove(&number);
        for band in &mut self.bands {
            if let Some(offset) = band.offset_of(number) {
                released |= band.remove(offset);
            }
        }
        released
    }

    /// Whether an address is used.
    pub fn contains(&self, address: IpAddr) -> bool {
        IpFamily::of(address) == self.family && {
            let number = number(address);
            let mut bands = self.bands.iter();
            let inside =
                bands.find_map(|band| band.offset_of(number).map(|offset| band.contains(offset)));
            inside.unwrap_or_else(|| self.outside.contains(&number))
        }
    }

    /// Whether an address may be given by any range.
    pub fn is_in_range(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(address))
    }

    /// How full each range is, in the order of their addresses.
    pub fn usage(&self) -> impl Iterator<Item = Usage> + '_ {
        self.ranges.iter().map(|range| {
            let bands = self.bands.iter().filter(|band| band.range == *range);
            let free = bands.map(Band::free).sum();
            Usage { range: *range, used: range.size() - free, free }
        })
    }

    /// How many addresses of these spans can still be given. One that is in two ranges or spans
    /// counts twice.
    pub fn free_within(&self, spans: &[Span]) -> u128 {
        self.windows(spans).map(|window| u128::from(window.band.free_in(&window.offsets))).sum()
    }

    fn take(&mut self, picked: Option<u128>) -> Result<IpAddr, Error> {
        let number = picked.ok_or(Error::Full)?;
        self.mark(number);
        Ok(address(self.family, number))
    }

    /// Marks a number as used wherever it belongs; `false` if it was already.
    fn mark(&mut self, number: u128) -> bool {
        let mut marked = None;
        for band in &mut self.bands {
            if let Some(offset) = band.offset_of(number) {
                marked = Some(band.insert(offset));
            }
        }
        marked.unwrap_or_else(|| self.outside.insert(number))
    }

    /// The parts of the bands that lie in the spans.
    fn windows<'a>(&'a self, spans: &'a [Span]) -> impl Iterator<Item = Window<'a>> + Clone {
        self.bands.iter().flat_map(move |band| {
            let windows = spans.iter().filter_map(move |span| band.window(span));
            windows.map(move |offsets| Window { band, offsets })
        })
    }

    /// All bands that serve a purpose, whole.
    fn bands_for(&self, purpose: Purpose) -> impl Iterator<Item = Window<'_>> + Clone {
        let bands = self.bands.iter().filter(move |band| band.purpose == purpose);
        bands.map(|band| Window { band, offsets: band.whole() })
    }

    /// All used numbers.
    fn used(&self) -> BTreeSet<u128> {
        let inside = self.bands.iter().flat_map(Band::used);
        inside.chain(self.outside.iter().copied()).collect()
    }

    /// Says what is wrong with the structure, if anything. For tests.
    pub fn check(&self) {
        self.bands.iter().for_each(Band::check);
        for number in self.used() {
            let places = self.bands.iter().filter_map(|band| Some((band, band.offset_of(number)?)));
            let mut marks = places.map(|(band, offset)| band.contains(offset));
            assert!(marks.all(|used| used), "an address is used in every range that has it");
            let in_range = self.is_in_range(address(self.family, number));
            assert_ne!(self.outside.contains(&number), in_range, "outside or in a range");
        }
    }
}
