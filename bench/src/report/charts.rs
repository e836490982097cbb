//! Charts: the first figure of a row as bars, a mark for each lap.

use std::fmt::Write;

use crate::contestant::Who;
use crate::figures::Summary;
use crate::race::{Outcome, Race};

const WIDTH: f64 = 720.0;
/// Where bars begin and end.
const BARS: (f64, f64) = (190.0, 580.0);
const BAR: f64 = 26.0;
const ROW: f64 = 44.0;
const HEAD: f64 = 56.0;

/// An SVG of an outcome.
pub fn of(race: &Race, outcome: &Outcome) -> String {
    let Some(figure) = race.row.figures.first() else {
        return String::new();
    };
    let who: Vec<(Who, Summary)> = [Who::Roster, Who::Stock, Who::Floor]
        .into_iter()
        .filter_map(|who| Some((who, outcome.summary(who, figure.key)?)))
        .collect();
    let most = who.iter().map(|(_, summary)| summary.most).fold(f64::MIN_POSITIVE, f64::max);
    let height = HEAD + ROW * who.len() as f64 + 10.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"16\" y=\"24\" font-weight=\"bold\">{}</text>\n\
         <text x=\"16\" y=\"44\" fill=\"#555\">{}</text>\n",
        escaped(&race.title()),
        escaped(figure.label),
    );
    for (place, (who, summary)) in who.iter().enumerate() {
        let top = HEAD + ROW * place as f64 + 6.0;
        let end = |value: f64| BARS.0 + (BARS.1 - BARS.0) * value / most;
        // Writing to a String cannot fail.
        let _ = writeln!(
            svg,
            "<text x=\"16\" y=\"{:.1}\">{}</text>\n\
             <rect x=\"{}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{}\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            top + 18.0,
            who.name(),
            BARS.0,
            (end(summary.median) - BARS.0).max(1.0),
            colour(*who),
            end(summary.most) + 8.0,
            top + 18.0,
            figure.unit.show(summary.median),
        );
        for lap in [summary.least, summary.most] {
            let x = end(lap);
            let (above, below) = (top - 2.0, top + BAR + 2.0);
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{above:.1}\" y2=\"{below:.1}\" stroke=\"black\"/>"
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn colour(who: Who) -> &'static str {
    match who {
        Who::Roster => "#3b7a57",
        Who::Stock => "#b0b7c3",
        Who::Floor => "#d9c589",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
