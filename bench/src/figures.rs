//! What a row measures, how it is shown, and what it should come to.

use std::collections::BTreeMap;

use crate::contestant::Who;

/// What one lap has measured: figures by their keys.
pub type Measures = BTreeMap<String, f64>;

/// A figure of a row.
#[derive(Debug)]
pub struct Figure {
    /// Its key in [`Measures`].
    pub key: &'static str,
    /// As a table heads it.
    pub label: &'static str,
    /// In what it is.
    pub unit: Unit,
}

/// In what a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Bytes, shown in millions.
    Megabytes,
    /// So many.
    Count,
}

/// What Roster's median should come to.
#[derive(Debug)]
pub struct Goal {
    /// Of which figure.
    pub figure: &'static str,
    /// At most this.
    pub bound: Bound,
}

/// The most that a figure should be.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// This part of kube-controller-manager's.
    OfStock(f64),
    /// So many times the floor's.
    OfFloor(f64),
    /// This.
    Value(f64),
}

/// A figure of one contestant over all its laps.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// The median.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Unit {
    /// A value with its unit.
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::Seconds if value < 0.1 => format!("{value:.3} s"),
            Unit::Seconds => format!("{value:.2} s"),
            Unit::Milliseconds => format!("{value:.1} ms"),
            Unit::Microseconds => format!("{value:.0} µs"),
            Unit::Megabytes => format!("{:.1} MB", value / 1e6),
            Unit::Count => format!("{value:.0}"),
        }
    }
}

impl Summary {
    /// Of some laps, if there are any.
    pub fn of(laps: impl Iterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = laps.collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = |place: usize| sorted.get(place).copied().unwrap_or(most);
        let median = (middle((sorted.len() - 1) / 2) + middle(sorted.len() / 2)) / 2.0;
        Some(Self { median, least, most })
    }

    /// The median, and the spread where there is one.
    pub fn show(&self, unit: Unit) -> String {
        let (least, most) = (unit.show(self.least), unit.show(self.most));
        match least == most {
            true => unit.show(self.median),
            false => format!("{} ({least} – {most})", unit.show(self.median)),
        }
    }
}

impl Bound {
    /// With whom it compares.
    pub fn whose(self) -> Option<Who> {
        match self {
            Bound::OfStock(_) => Some(Who::Stock),
            Bound::OfFloor(_) => Some(Who::Floor),
            Bound::Value(_) => None,
        }
    }
}
