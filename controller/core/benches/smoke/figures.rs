//! The figures that are kept.

use std::collections::BTreeMap;
use std::fmt;

/// Where they are.
pub const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/smoke/figures.txt");

/// How far a figure may be from the one that is kept, in hundredths: other processors and C
/// libraries copy memory in other ways.
const TOLERANCE: u64 = 10;

/// A figure for each load: a line each, the figure after the name.
pub struct Figures(BTreeMap<String, u64>);

/// What is to say of a figure.
pub enum Verdict {
    /// As it was.
    Kept { change: i64 },
    /// Much less: good news, to be kept.
    Fallen { change: i64 },
    /// Too much.
    Grown { change: i64 },
    /// Nothing to compare with.
    Unknown,
}

impl Figures {
    /// Reads the kept ones; where there is no file, none.
    pub fn read() -> Self {
        let text = std::fs::read_to_string(PATH).unwrap_or_default();
        let figures = text.lines().map(|line| {
            let (name, figure) = line.rsplit_once(' ').unwrap();
            (name.trim().to_owned(), figure.parse().unwrap())
        });
        Self(figures.collect())
    }

    /// Keeps these.
    pub fn write(&self) {
        std::fs::write(PATH, self.to_string()).unwrap();
    }

    /// Compares a figure with the kept one.
    pub fn judge(&self, name: &str, now: u64) -> Verdict {
        let Some(kept) = self.0.get(name).copied() else {
            return Verdict::Unknown;
        };
        let change = (now.cast_signed() - kept.cast_signed()) * 100 / kept.cast_signed();
        if now * 100 > kept * (100 + TOLERANCE) {
            Verdict::Grown { change }
        } else if now * 100 < kept * (100 - TOLERANCE) {
            Verdict::Fallen { change }
        } else {
            Verdict::Kept { change }
        }
    }
}

impl FromIterator<(&'static str, u64)> for Figures {
    fn from_iter<I: IntoIterator<Item = (&'static str, u64)>>(figures: I) -> Self {
        Self(figures.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect())
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, figure)| writeln!(formatter, "{name:<46} {figure}"))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Kept { change } => write!(formatter, "{change:+} %"),
            Verdict::Fallen { change } => {
                write!(formatter, "{change:+} %: better, the kept figure can follow")
            }
            Verdict::Grown { change } => write!(formatter, "{change:+} %: MORE THAN BEFORE"),
            Verdict::Unknown => write!(formatter, "no figure is kept: run with --keep"),
        }
    }
}
