//! What is read from files and read again when they change, without a restart. There is nobody who
//! waits for changes: whoever asks has the files looked at, at most once a second.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use parking_lot::Mutex;

/// How long an answer is good without another look.
const LOOK: Duration = Duration::from_secs(1);

/// Something out of files.
pub struct Reloaded<T> {
    files: Vec<PathBuf>,
    read: Box<dyn Fn() -> Result<T> + Send + Sync>,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Arc<T>,
    /// The files as they were when they were last read, well or badly.
    seen: Vec<Option<Stamp>>,
    looked: Instant,
}

/// What changes with the content of a file: device, inode, size, and when it was changed in seconds
/// and nanoseconds.
type Stamp = (u64, u64, u64, i64, i64);

impl<T> Reloaded<T> {
    /// Reads for the first time.
    ///
    /// # Errors
    /// What `read` fails with.
    pub fn new(
        files: Vec<PathBuf>,
        read: impl Fn() -> Result<T> + Send + Sync + 'static,
    ) -> Result<Self> {
        let seen = stamps(&files);
        let state = State { value: Arc::new(read()?), seen, looked: Instant::now() };
        Ok(Self { files, read: Box::new(read), state: Mutex::new(state) })
    }

    /// What the files say. What cannot be read leaves in force what was read before.
    pub fn current(&self) -> Arc<T> {
        let mut state = self.state.lock();
        if state.looked.elapsed() < LOOK {
            return state.value.clone();
        }
        state.looked = Instant::now();
        let now = stamps(&self.files);
        if now != state.seen {
            state.seen = now;
            match (self.read)() {
                Ok(value) => {
                    tracing::info!(files = ?self.files, "Files have changed and were read again");
                    state.value = Arc::new(value);
                }
                Err(error) => {
                    tracing::error!(files = ?self.files, err = format!("{error:#}"), "Files have changed and cannot be used; what they said before stays in force");
                }
            }
        }
        state.value.clone()
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |file: &PathBuf| {
        let metadata = fs::metadata(file).ok()?;
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        Some((metadata.dev(), metadata.ino(), metadata.len(), changed.0, changed.1))
    };
    files.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(reloaded: &Reloaded<String>, wanted: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while *reloaded.current() != wanted {
            assert!(Instant::now() < deadline, "{} and not {wanted}", reloaded.current());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_bad_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "first").unwrap();
        let path = file.clone();
        let read = move || Ok(fs::read_to_string(&path)?);
        let reloaded = Reloaded::new(vec![file.clone()], read).unwrap();
        assert_eq!(*reloaded.current(), "first");
        fs::write(&file, "the second").unwrap();
        until(&reloaded, "the second");
        fs::remove_file(&file).unwrap();
        std::thread::sleep(LOOK);
        assert_eq!(*reloaded.current(), "the second");
        fs::write(&file, "third").unwrap();
        until(&reloaded, "third");
    }

    #[test]
    fn a_file_that_cannot_be_read_at_first_is_an_error() {
        let read = || Ok(fs::read_to_string("/nonexistent")?);
        assert!(Reloaded::new(vec!["/nonexistent".into()], read).is_err());
    }
}
