//! What is going on, on standard error: on a terminal in one line that changes, elsewhere in lines.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::Instant;

/// The display of a whole run.
pub struct Progress {
    began: Instant,
    races: usize,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    race: usize,
    title: String,
    lap: String,
}

impl Progress {
    /// Of so many races.
    pub fn of(races: usize) -> Self {
        Self { began: Instant::now(), races, now: Mutex::default() }
    }

    /// The next race begins.
    pub fn begins(&self, title: &str) {
        if let Ok(mut now) = self.now.lock() {
            now.race += 1;
            title.clone_into(&mut now.title);
            now.lap.clear();
        }
        self.says("begins");
    }

    /// The next lap of a race.
    pub fn laps(&self, lap: usize, of: usize, who: &str) {
        if let Ok(mut now) = self.now.lock() {
            now.lap = format!("lap {lap} of {of}, {who}: ");
        }
        self.says("starts");
    }

    /// Shows a step.
    pub fn says(&self, step: &str) {
        let Ok(now) = self.now.lock() else { return };
        let Now { race, title, lap } = &*now;
        let seconds = self.began.elapsed().as_secs();
        let (minutes, seconds, races) = (seconds / 60, seconds % 60, self.races);
        let line = format!("[{race}/{races} {minutes}:{seconds:02}] {title}: {lap}{step}");
        let mut stream = std::io::stderr().lock();
        // Standard error that is closed is nobody's.
        let _ = match stream.is_terminal() {
            true => write!(stream, "\r\x1b[2K{line}").and_then(|()| stream.flush()),
            false => writeln!(stream, "{line}"),
        };
    }

    /// Leaves the line, before something else is printed.
    pub fn rests(&self) {
        if std::io::stderr().is_terminal() {
            eprintln!();
        }
    }
}
