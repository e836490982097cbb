//! Used offsets as bits, and above them a tree that counts the free ones, so that the n-th free
//! offset is found in the same time at every fill.
//!
//! ```text
//! levels[1]   free before each 16 blocks    [0, 8171, ...]
//! levels[0]   free before each block        [0, 509, 1020, ...] [0, 512, ...] ...
//! blocks      512 bits each                 [01101000...] [...] [...] ...
//! ```
//!
//! A node holds sums, not counts: to find the child that the n-th free offset is in, all of them
//! are compared with n at once, and a change adds one to all behind its child. Both are a few
//! vector instructions, and no branch depends on what is free. A /12 takes 137 KiB.
#![expect(
    clippy::indexing_slicing,
    reason = "offsets are below `len`, which every public function asserts; all indices follow"
)]

use std::ops::Range;

use rand_core::Rng;

use crate::draw::below;

const WORDS: usize = 8;
const BLOCK: u64 = 64 * WORDS as u64;
const FAN: usize = 16;

/// A part of memory that the processor fetches at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
struct Line<T>(T);

/// A set bit is a used offset. Bits that stand for no offset are set.
type Block = Line<[u64; WORDS]>;

/// How many offsets are free below this node and before each of its children. Children that do
/// not exist have none free.
type Node = Line<[u32; FAN]>;

/// Which of the offsets below a length are used.
#[derive(Clone, Debug)]
pub struct Counted {
    len: u64,
    /// How many bits of all blocks are not set.
    free: u64,
    blocks: Vec<Block>,
    /// The children of `levels[0]` are the blocks, those of each further level the nodes of the
    /// level below it; the last level has one node.
    levels: Vec<Vec<Node>>,
}

impl Counted {
    /// A set of offsets below `len`, none of them used. `len` must be less than 2^31.
    pub fn new(len: u64) -> Self {
        assert!(len < 1 << 31, "sums have 31 bits");
        let mut blocks = vec![Line([0; WORDS]); len.div_ceil(BLOCK) as usize];
        for surplus in len..blocks.len() as u64 * BLOCK {
            let (block, word, bit) = place(surplus);
            blocks[block].0[word] |= bit;
        }
        let mut set = Counted { len, free: len, blocks, levels: Vec::new() };
        set.levels = set.sums();
        set
    }

    /// How many offsets there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no offsets at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many offsets are free.
    pub fn free(&self) -> u64 {
        self.free
    }

    /// How many offsets of a window are free.
    pub fn free_in(&self, window: &Range<u64>) -> u64 {
        self.free_below(window.end).saturating_sub(self.free_below(window.start))
    }

    /// Whether an offset is used.
    pub fn contains(&self, offset: u64) -> bool {
        assert!(offset < self.len);
        let (block, word, bit) = place(offset);
        self.blocks[block].0[word] & bit != 0
    }

    /// Marks an offset as used; `false` if it was already.
    pub fn insert(&mut self, offset: u64) -> bool {
        let fresh = !self.contains(offset);
        if fresh {
            self.flip(offset);
            self.free -= 1;
            self.sum_up(offset, u32::wrapping_sub);
        }
        fresh
    }

    /// Marks an offset as free; `false` if it was already.
    pub fn remove(&mut self, offset: u64) -> bool {
        let used = self.contains(offset);
        if used {
            self.flip(offset);
            self.free += 1;
            self.sum_up(offset, u32::wrapping_add);
        }
        used
    }

    /// One of the free offsets of a window, each with the same probability.
    pub fn pick(&self, window: &Range<u64>, rng: &mut impl Rng) -> Option<u64> {
        let before = self.free_below(window.start);
        match self.free_below(window.end).saturating_sub(before) {
            0 => None,
            free => Some(self.nth_free(before + below(free, rng))),
        }
    }

    /// The used offsets, in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.len).filter(|offset| self.contains(*offset))
    }

    /// The bytes that it occupies, besides itself.
    pub fn heap_bytes(&self) -> usize {
        let levels = self.levels.iter().map(|level| size_of_val(level.as_slice()));
        size_of_val(self.blocks.as_slice()) + levels.sum::<usize>()
    }

    /// How many offsets below this one are free.
    fn free_below(&self, offset: u64) -> u64 {
        match offset {
            0 => return 0,
            _ if offset >= self.len => return self.free,
            _ => {}
        }
        let (block, word, bit) = place(offset);
        let words = &self.blocks[block].0;
        let mut free = (!words[word] & (bit - 1)).count_ones();
        free += words[..word].iter().map(|word| word.count_zeros()).sum::<u32>();
        let mut child = block;
        for level in &self.levels {
            free += level[child / FAN].0[child % FAN];
            child /= FAN;
        }
        u64::from(free)
    }

    /// The free offset that has so many free ones below it. There must be one.
    fn nth_free(&self, nth: u64) -> u64 {
        assert!(nth < self.free);
        let (mut nth, mut node) = (nth as u32, 0);
        for level in self.levels.iter().rev() {
            let sums = &level[node].0;
            // The last child with at most n before it. Those behind it that have none free would
            // have more before them.
            let child = at_most(nth, sums) - 1;
            nth -= sums[child];
            node = node * FAN + child;
        }
        let words = &self.blocks[node].0;
        let mut before = [0; WORDS];
        for word in 1..WORDS {
            before[word] = before[word - 1] + words[word - 1].count_zeros();
        }
        let word = at_most(nth, &before) - 1;
        let bit = nth_one(!words[word], nth - before[word]);
        node as u64 * BLOCK + word as u64 * 64 + u64::from(bit)
    }

    fn flip(&mut self, offset: u64) {
        let (block, word, bit) = place(offset);
        self.blocks[block].0[word] ^= bit;
    }

    /// Adds or subtracts one for an offset, in all sums behind it.
    fn sum_up(&mut self, offset: u64, change: impl Fn(u32, u32) -> u32) {
        let (mut child, ..) = place(offset);
        for level in &mut self.levels {
            let position = (child % FAN) as u32;
            for (other, sum) in (0..).zip(&mut level[child / FAN].0) {
                // One where `other` is behind: the sign, as in `at_most`.
                *sum = change(*sum, position.wrapping_sub(other) >> 31);
            }
            child /= FAN;
        }
    }

    /// The sums as the blocks say.
    fn sums(&self) -> Vec<Vec<Node>> {
        let free = |block: &Block| block.0.iter().map(|word| word.count_zeros()).sum();
        let mut children: Vec<u32> = self.blocks.iter().map(free).collect();
        let mut levels = Vec::new();
        while levels.is_empty() || children.len() > 1 {
            levels.push(children.chunks(FAN).map(sums_before).collect());
            children = children.chunks(FAN).map(|chunk| chunk.iter().sum()).collect();
        }
        levels
    }

    /// Says what is wrong with the structure, if anything. For tests.
    pub fn check(&self) {
        assert_eq!(self.levels, self.sums(), "the sums are those of the blocks");
        let free = (0..self.len).filter(|offset| !self.contains(*offset)).count() as u64;
        assert_eq!(self.free, free, "the number of free offsets");
        let surplus = self.len..self.blocks.len() as u64 * BLOCK;
        for (block, word, bit) in surplus.map(place) {
            assert_ne!(self.blocks[block].0[word] & bit, 0, "what stands for no offset is used");
        }
    }
}

/// The block of an offset, the word in it, and the bit in that.
fn place(offset: u64) -> (usize, usize, u64) {
    ((offset / BLOCK) as usize, (offset % BLOCK / 64) as usize, 1 << (offset % 64))
}

/// How many of the sums are at most `nth`. All are less than 2^31, so the sign of a difference
/// tells; compilers make better code of it than of a comparison.
fn at_most<const N: usize>(nth: u32, sums: &[u32; N]) -> usize {
    sums.iter().map(|sum| sum.wrapping_sub(nth + 1) >> 31).sum::<u32>() as usize
}

/// The sums before each of at most sixteen counts, and behind them.
fn sums_before(counts: &[u32]) -> Node {
    let mut sum = 0;
    Line(std::array::from_fn(|child| {
        let before = sum;
        sum += counts.get(child).copied().unwrap_or_default();
        before
    }))
}

/// The place of the n-th set bit of a word, which must have one. Goes down a tree of counts, as
/// the offsets do.
fn nth_one(word: u64, nth: u32) -> u32 {
    const BYTES: u64 = 0x0101_0101_0101_0101;
    let pairs = word - (word >> 1 & 0x5555_5555_5555_5555);
    let nibbles = (pairs & 0x3333_3333_3333_3333) + (pairs >> 2 & 0x3333_3333_3333_3333);
    let bytes = (nibbles + (nibbles >> 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    // How many bits are set in each byte and those below it. The high bit stays in every byte up
    // to which at most n bits are set.
    let up_to = bytes.wrapping_mul(BYTES);
    let highs = BYTES << 7;
    let passed = ((highs | (u64::from(nth) * BYTES)) - up_to) & highs;
    let mut place = passed.count_ones() * 8;
    let mut nth = u64::from(nth) - ((up_to << 8) >> place & 0xff);
    for (counts, width) in [(nibbles, 4), (pairs, 2), (word, 1)] {
        let count = counts >> place & ((1 << width) - 1);
        let passed = count <= nth;
        nth -= if passed { count } else { 0 };
        place += if passed { width } else { 0 };
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_set_bit_is_where_counting_finds_it() {
        for word in [1, 1 << 63, u64::MAX, 0x8000_0000_0000_0001, 0xdead_beef_0bad_cafe, 0xff00] {
            let ones: Vec<u32> = (0..64).filter(|bit| word >> bit & 1 == 1).collect();
            for (nth, bit) in (0..).zip(ones) {
                assert_eq!(nth_one(word, nth), bit, "bit {nth} of {word:#x}");
            }
        }
    }

    #[test]
    fn every_free_offset_of_a_window_is_found_by_its_rank() {
        let mut set = Counted::new(20_000);
        for offset in (0..20_000).filter(|offset| offset % 3 != 0) {
            set.insert(offset);
        }
        for (nth, offset) in (0..).zip((0..20_000).step_by(3)) {
            assert_eq!(set.nth_free(nth), offset);
            assert_eq!(set.free_below(offset), nth);
        }
        assert_eq!(set.free_in(&(1..20_000)), set.free() - 1);
        set.check();
    }

    #[test]
    fn a_slash_12_takes_less_than_140_kb() {
        assert!(Counted::new(1 << 20).heap_bytes() < 140_000);
    }
}
