//! How the log is written, checked.

use super::flags::logging::Values;
use crate::logging::{ModuleVerbosity, Verbosity};

/// All about the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logging {
    /// `--v`.
    pub verbosity: u32,
    /// `--vmodule`.
    pub modules: Vec<ModuleVerbosity>,
    /// `--logging-format`.
    pub format: Format,
    /// Where lines go: `--log-text-split-stream` or `--log-json-split-stream`, by the format.
    pub streams: Streams,
}

/// `--logging-format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Lines as klog writes them.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Where lines go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Streams {
    /// All to standard error.
    #[default]
    One,
    /// Errors to standard error, the rest to standard output.
    Split,
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
    let split = match format {
        Format::Text => values.split_text,
        Format::Json => values.split_json,
    };
    let streams = if split { Streams::Split } else { Streams::One };
    Logging { verbosity: values.verbosity, modules: values.modules, format, streams }
}
