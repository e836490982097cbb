//! The flags of the log.

use glob::Pattern;

use super::serving::Assigned;
use super::{boolean, duration, unsigned};
use crate::logging::ModuleVerbosity;

/// The values, parsed and not yet judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    pub verbosity: u32,
    pub modules: Vec<ModuleVerbosity>,
    pub format: String,
    pub flush_frequency: std::time::Duration,
    pub split_text: bool,
    pub split_json: bool,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            verbosity: 0,
            modules: Vec::new(),
            format: "text".to_owned(),
            flush_frequency: std::time::Duration::from_secs(5),
            split_text: false,
            split_json: false,
        }
    }
}

impl Values {
    pub fn assign(&mut self, name: &str, value: &str) -> Result<Assigned, String> {
        match name {
            "v" => self.verbosity = unsigned(value)?,
            "vmodule" => self.modules = modules(value)?,
            "logging-format" => value.clone_into(&mut self.format),
            "log-text-split-stream" => self.split_text = boolean(value)?,
            "log-json-split-stream" => self.split_json = boolean(value)?,
            "log-flush-frequency" => self.flush_frequency = duration::parse(value)?,
            _ => return Ok(Assigned::No),
        }
        Ok(Assigned::Yes)
    }
}

/// Reads `pattern=N,…`.
fn modules(list: &str) -> Result<Vec<ModuleVerbosity>, String> {
    let entries = list.split(',').filter(|entry| !entry.is_empty());
    entries.map(module).collect()
}

fn module(entry: &str) -> Result<ModuleVerbosity, String> {
    let (pattern, level) = entry
        .split_once('=')
        .filter(|(pattern, level)| !pattern.is_empty() && !level.is_empty())
        .ok_or_else(|| format!("{entry:?} does not have the pattern=N format"))?;
    let level =
        unsigned(level).map_err(|error| format!("parsing verbosity in {entry:?}: {error}"))?;
    let pattern = Pattern::new(pattern).map_err(|error| format!("{entry:?}: {error}"))?;
    Ok(ModuleVerbosity { pattern, level })
}
