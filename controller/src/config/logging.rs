//! How the log is written, checked.

use super::flags::logging::Values;
use crate::logging::{ModuleVerbosity, Verbosity};

/// All about the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Logging {
    /// `--v`.
    pub verbosity: u32,
    /// `--vmodule`.
    pub modules: Vec<ModuleVerbosity>,
    /// `--logging-format`.
    pub format: Format,
}

/// `--logging-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines as klog writes them.
    Text,
    /// One JSON object a line.
    Json,
}

impl Logging {
    /// How much is logged, to be changed while the process runs.
    pub fn verbosity(&self) -> Verbosity {
        Verbosity::new(self.verbosity, &self.modules)
    }
}

/// What is wrong with the values.
pub fn problems(values: &Values) -> Vec<String> {
    let Values { modules, format, flush_frequency, .. } = values;
    let unknown = !matches!(format.as_str(), "text" | "json");
    let unknown =
        unknown.then(|| format!("format: Invalid value: {format:?}: Unsupported log format"));
    let never = flush_frequency
        .is_zero()
        .then(|| "flushFrequency: Invalid value: \"0s\": Must be greater than zero".to_owned());
    let modules = (!modules.is_empty() && format != "text")
        .then(|| "vmodule: Forbidden: Only supported for text log format".to_owned());
    unknown.into_iter().chain(never).chain(modules).collect()
}

/// How the log is written. The values must have no [`problems`].
pub fn logging(values: Values) -> Logging {
    let format = if values.format == "json" { Format::Json } else { Format::Text };
    Logging { verbosity: values.verbosity, modules: values.modules, format }
}
