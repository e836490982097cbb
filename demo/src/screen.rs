//! The screen: on a terminal the picture is redrawn in place under what was last said; elsewhere
//! every change is printed once.

use std::io::{IsTerminal, Write, stdout};

use crate::picture::Picture;

/// Where pictures and words go.
pub struct Screen {
    terminal: bool,
    said: String,
    shown: String,
}

impl Screen {
    /// Standard output.
    pub fn new() -> Self {
        Self { terminal: stdout().is_terminal(), said: String::new(), shown: String::new() }
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
        let mut out = stdout().lock();
        // A terminal that is gone cannot be told so.
        let _ = write!(out, "{CLEAR}{}\n\n{}", self.said, self.shown);
        let _ = out.flush();
    }
}
