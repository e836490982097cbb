//! The screen: on a terminal the picture is redrawn in place under what was last said; elsewhere
//! every change is printed once.

use std::io::{IsTerminal, Write, stdout};

use terminal_size::{Height, Width, terminal_size};

use crate::picture::Picture;

/// Where pictures and words go.
pub struct Screen {
    terminal: bool,
    said: String,
    shown: String,
}

/// How much fits on a terminal.
#[derive(Clone, Copy)]
struct Size {
    columns: usize,
    rows: usize,
}

impl Screen {
    /// Standard output. A terminal that cannot move its cursor is none here.
    pub fn new() -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
        let terminal = stdout().is_terminal() && !is_dumb;
        Self { terminal, said: String::new(), shown: String::new() }
    }

    /// Whether somebody is watching.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Says something.
    pub fn say(&mut self, words: &str) {
        words.clone_into(&mut self.said);
        if self.terminal {
            self.redraw();
        } else {
            println!("\n== {words}");
        }
    }

    /// Shows a picture, if it differs from the last one.
    pub fn show(&mut self, picture: &Picture) {
        let text = picture.to_string();
        if text == self.shown {
            return;
        }
        self.shown = text;
        if self.terminal {
            self.redraw();
        } else {
            println!("{}", self.shown);
        }
    }

    fn redraw(&self) {
        const CLEAR: &str = "\x1b[2J\x1b[H";
        // The size may be another each time.
        let size = terminal_size().map_or(
            Size { columns: 80, rows: 24 },
            |(Width(columns), Height(rows))| Size { columns: columns.into(), rows: rows.into() },
        );
        let mut out = stdout().lock();
        // A terminal that is gone cannot be told so.
        let _ = write!(out, "{CLEAR}{}\n\n{}", self.said, fitting(&self.said, &self.shown, size));
        let _ = out.flush();
    }
}

/// As much of a picture as fits under some words: no line is wrapped, and nothing scrolls away.
fn fitting(said: &str, shown: &str, size: Size) -> String {
    let rows_of = |line: &str| line.chars().count().div_ceil(size.columns.max(1)).max(1);
    let taken: usize = said.lines().map(rows_of).sum();
    // One row between the two, and one for the cursor.
    let left = size.rows.saturating_sub(taken + 2);
    let lines = shown.lines().take(left);
    lines.map(|line| line.chars().take(size.columns).chain(['\n']).collect::<String>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_small_terminal_lines_are_cut_and_the_words_stay() {
        let shown = "a long line\nb\nc\nd\n";
        let size = Size { columns: 6, rows: 6 };
        assert_eq!(fitting("words", shown, size), "a long\nb\nc\n");
        assert_eq!(fitting("words that wrap", shown, size), "a long\n");
        assert_eq!(fitting("words", shown, Size { columns: 0, rows: 0 }), "");
        assert_eq!(fitting("words", shown, Size { columns: 80, rows: 24 }), shown);
    }
}
