//! `--version`, which is a switch and more.

use super::boolean;
use crate::version::VERSION;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `Roster v0.1.0`.
    Short,
    /// Everything that is known of the build.
    Raw,
}

impl Version {
    /// Reads a value. The version of this build may be named, and is then only confirmed.
    pub fn read(value: &str) -> Result<Option<Self>, String> {
        match value {
            "raw" => Ok(Some(Version::Raw)),
            VERSION => Ok(None),
            other if other.starts_with('v') => Err(format!(
                "version {other:?} must match major/minor/patch of default version {VERSION:?}"
            )),
            other => Ok(boolean(other)?.then_some(Version::Short)),
        }
    }
}
