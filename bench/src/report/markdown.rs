//! Tables.

use std::fmt::Write;

use crate::contestant::Who;
use crate::figures::{Bound, Figure, Goal};
use crate::race::{Outcome, Race};

/// An outcome as a table, and how it stands to its goals.
pub fn markdown(race: &Race, outcome: &Outcome) -> String {
    let figures = race.row.figures;
    let mut text = format!("### {}\n\n{}\n\n", race.title(), race.row.workload);
    let heads: Vec<&str> = figures.iter().map(|figure| figure.label).collect();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "| | {} |", heads.join(" | "));
    let _ = writeln!(text, "|---{}|", "|---".repeat(heads.len()));
    for who in [Who::Roster, Who::Stock, Who::Floor] {
        if race.row.order.contains(&who) {
            let _ = writeln!(text, "| {} | {} |", who.name(), cells(outcome, who, figures));
        }
    }
    text.push('\n');
    for goal in race.row.goals {
        if let Some(judged) = judge(outcome, figures, goal) {
            let _ = writeln!(text, "* {judged}");
        }
    }
    let _ = writeln!(text, "\n{}\n", outcome.machine.describe());
    text
}

fn cells(outcome: &Outcome, who: Who, figures: &[Figure]) -> String {
    let cell = |figure: &Figure| {
        let summary = outcome.summary(who, figure.key);
        summary.map_or_else(String::new, |summary| summary.show(figure.unit))
    };
    figures.iter().map(cell).collect::<Vec<_>>().join(" | ")
}

/// How a median stands to what it should come to.
fn judge(outcome: &Outcome, figures: &[Figure], goal: &Goal) -> Option<String> {
    let figure = figures.iter().find(|figure| figure.key == goal.figure)?;
    let label = figure.label;
    let ours = outcome.summary(Who::Roster, figure.key)?.median;
    let theirs = match goal.bound.whose() {
        Some(who) => outcome.summary(who, figure.key)?.median,
        None => 1.0,
    };
    let verdict = |most: f64| if ours <= most { "**met**" } else { "**missed**" };
    Some(match goal.bound {
        Bound::OfStock(part) => format!(
            "{label}: {} of kube-controller-manager's, goal {}: {}",
            as_part(ours / theirs),
            as_part(part),
            verdict(theirs * part)
        ),
        Bound::OfFloor(times) => format!(
            "{label}: {:.2} times the floor's, goal {times}: {}",
            ours / theirs,
            verdict(theirs * times)
        ),
        Bound::Value(most) => format!(
            "{label}: {}, goal {}: {}",
            figure.unit.show(ours),
            figure.unit.show(most),
            verdict(most)
        ),
    })
}

/// `1/8.2` for parts, `1.30 times` for more.
fn as_part(ratio: f64) -> String {
    match ratio < 1.0 {
        true => format!("1/{:.1}", 1.0 / ratio),
        false => format!("{ratio:.2} times"),
    }
}
