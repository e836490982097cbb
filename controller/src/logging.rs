//! Logs as operators of kube-controller-manager know them: klog's text lines, or one JSON object a
//! line, on standard error, or errors there and the rest on standard output.
//!
//! Levels: errors, warnings and information are always written (klog's verbosity 0); debug needs
//! `-v=2`, trace `-v=4`, for everything or for some modules (`--vmodule`). Libraries are heard only when
//! something is wrong.

use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use glob::Pattern;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, Registry};

use crate::config::logging::Format;
use crate::environment::Clock;

/// How much is logged. It can be changed while the process runs.
#[derive(Clone)]
pub struct Verbosity {
    level: Arc<AtomicU32>,
    modules: Arc<[ModuleVerbosity]>,
}

/// How much of some modules is logged (`--vmodule`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleVerbosity {
    /// The names of the modules, as in the caller of a line, with `*`, `?` and `[…]`.
    pub pattern: Pattern,
    /// The verbosity.
    pub level: u32,
}

impl fmt::Display for ModuleVerbosity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.pattern, self.level)
    }
}

impl Verbosity {
    /// `--v`, and `--vmodule`.
    pub fn new(level: u32, modules: &[ModuleVerbosity]) -> Self {
        Self { level: Arc::new(AtomicU32::new(level)), modules: modules.into() }
    }

    /// Changes it.
    pub fn set(&self, level: u32) {
        self.level.store(level, Ordering::Relaxed);
        // What was found out about every place that logs is found out again.
        tracing::callsite::rebuild_interest_cache();
    }

    /// How much of a module is logged: the first pattern that fits decides, if that is more.
    fn most(&self, metadata: &Metadata<'_>) -> Level {
        let module = module(metadata);
        let own = self.modules.iter().find(|own| own.pattern.matches(module));
        let level = self.level.load(Ordering::Relaxed);
        match level.max(own.map_or(0, |own| own.level)) {
            0 | 1 => Level::INFO,
            2 | 3 => Level::DEBUG,
            _ => Level::TRACE,
        }
    }
}

/// A subscriber that writes lines.
pub fn subscriber<W>(
    format: Format,
    verbosity: Verbosity,
    clock: Clock,
    process: u32,
    writer: W,
) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    Registry::default().with(Lines { format, verbosity, clock, process, writer })
}

struct Lines<W> {
    format: Format,
    verbosity: Verbosity,
    clock: Clock,
    process: u32,
    writer: W,
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let ours =
            metadata.target().starts_with("controller") || metadata.target().starts_with("roster");
        *metadata.level() <= if ours { self.verbosity.most(metadata) } else { Level::WARN }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let now = (self.clock)();
        let line = match self.format {
            Format::Text => text_line(event.metadata(), &fields, now, self.process),
            Format::Json => json_line(event.metadata(), &fields, now),
        };
        // Nobody can be told that the log cannot be written.
        let mut writer = self.writer.make_writer_for(event.metadata());
        let _ = io::Write::write_all(&mut writer, line.as_bytes());
    }
}

#[derive(Default)]
struct Fields {
    message: Option<String>,
    error: Option<String>,
    pairs: Vec<(&'static str, Value)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            // What is said comes first; what is said of an Event is one more pair.
            ("message", Value::String(text)) if self.message.is_none() => self.message = Some(text),
            ("err", Value::String(text)) => self.error = Some(text),
            (name, value) => self.pairs.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::String(value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::from(value));
    }
}

/// The name of events that kube-controller-manager writes as they are, without quotes.
pub const PLAIN: &str = "plain";

/// `Lmmdd hh:mm:ss.uuuuuu PPPPPPP file:line] "message" err="…" key="value"`.
fn text_line(metadata: &Metadata<'_>, fields: &Fields, now: Timestamp, process: u32) -> String {
    let letter = match *metadata.level() {
        Level::ERROR => 'E',
        Level::WARN => 'W',
        _ => 'I',
    };
    let time = now.to_zoned(TimeZone::UTC).strftime("%m%d %H:%M:%S.%6f").to_string();
    let message = fields.message.as_deref().unwrap_or_default();
    let message = match metadata.name() {
        PLAIN => message.replace('\n', " "),
        _ => quoted(message),
    };
    let mut line = format!("{letter}{time} {process:>7} {}] {message}", caller(metadata));
    let error = fields.error.iter().map(|error| ("err", Value::String(error.clone())));
    for (name, value) in error.chain(fields.pairs.iter().cloned()) {
        // Writing to a String cannot fail.
        let _ = match value {
            Value::String(text) => write!(line, " {name}={}", quoted(&text)),
            other => write!(line, " {name}={other}"),
        };
    }
    line.push('\n');
    line
}

/// Keys in klog's order: ts, caller, msg, v (not for errors), err, then the pairs.
fn json_line(metadata: &Metadata<'_>, fields: &Fields, now: Timestamp) -> String {
    let verbosity = match *metadata.level() {
        Level::ERROR => None,
        Level::WARN | Level::INFO => Some(0),
        Level::DEBUG => Some(2),
        Level::TRACE => Some(4),
    };
    let milliseconds = now.as_microsecond() as f64 / 1000.0;
    let head = [
        ("ts", Some(Value::from(milliseconds))),
        ("caller", Some(Value::from(caller(metadata)))),
        ("msg", fields.message.as_deref().map(Value::from)),
        ("v", verbosity.map(Value::from)),
        ("err", fields.error.as_deref().map(Value::from)),
    ];
    let head = head.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let all = head.chain(fields.pairs.iter().cloned());
    let object: Map<String, Value> = all.map(|(name, value)| (name.to_owned(), value)).collect();
    format!("{}\n", Value::Object(object))
}

fn caller(metadata: &Metadata<'_>) -> String {
    format!("{}.rs:{}", module(metadata), metadata.line().unwrap_or(0))
}

/// `lock` in `leader/lock.rs`, and `serving` in `serving/mod.rs`.
fn module<'a>(metadata: &Metadata<'a>) -> &'a str {
    let mut parts = metadata.file().unwrap_or("").rsplit('/');
    match parts.next().unwrap_or("") {
        "mod.rs" => parts.next().unwrap_or("mod"),
        file => file.strip_suffix(".rs").unwrap_or(file),
    }
}

/// Text in double quotes, with what would break a line escaped.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: Format, level: u32, log: impl FnOnce()) -> String {
        logged_with(format, Verbosity::new(level, &[]), log)
    }

    fn logged_with(format: Format, verbosity: Verbosity, log: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let clock: Clock = Arc::new(|| "2026-01-02T03:04:05.000006Z".parse().unwrap());
        let subscriber = subscriber(format, verbosity, clock, 42, move || writer.clone());
        tracing::subscriber::with_default(subscriber, log);
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn without_line_number(text: &str) -> String {
        let (before, after) = text.split_once("logging.rs:").unwrap();
        format!(
            "{before}logging.rs:N{}",
            after.trim_start_matches(|letter: char| letter.is_ascii_digit())
        )
    }

    #[test]
    fn text_lines_are_klogs() {
        let line = logged(Format::Text, 0, || {
            tracing::error!(
                service = "a/b",
                tries = 3,
                err = "it \"broke\"\nbadly",
                "Cannot write"
            );
        });
        assert_eq!(
            without_line_number(&line),
            "E0102 03:04:05.000006      42 logging.rs:N] \"Cannot write\" err=\"it \\\"broke\\\"\\nbadly\" service=\"a/b\" tries=3\n"
        );
    }

    #[test]
    fn some_lines_are_written_as_they_are() {
        let line = logged(Format::Text, 0, || {
            tracing::info!(name: PLAIN, "FLAG: --v={:?}", "4");
        });
        assert!(line.ends_with("] FLAG: --v=\"4\"\n"), "{line}");
    }

    #[test]
    fn a_pair_may_be_called_message() {
        let line = logged(Format::Text, 0, || {
            tracing::info!(reason = "Failed", message = "boom", "Event occurred");
        });
        assert!(
            line.ends_with("] \"Event occurred\" reason=\"Failed\" message=\"boom\"\n"),
            "{line}"
        );
    }

    #[test]
    fn json_lines_have_klogs_keys_in_klogs_order() {
        let line = logged(Format::Json, 0, || tracing::info!(ready = true, "Started"));
        assert_eq!(
            without_line_number(&line),
            "{\"ts\":1767323045000.006,\"caller\":\"logging.rs:N\",\"msg\":\"Started\",\"v\":0,\"ready\":true}\n"
        );
    }

    #[test]
    fn verbosity_opens_levels_and_libraries_stay_quiet() {
        let lines = |verbosity| {
            let log = || {
                tracing::info!("info");
                tracing::debug!("debug");
                tracing::trace!("trace");
                tracing::info!(target: "hyper::client", "library");
            };
            logged(Format::Text, verbosity, log).lines().count()
        };
        assert_eq!([lines(0), lines(2), lines(4)], [1, 2, 3]);
    }

    #[test]
    fn verbosity_can_be_changed_while_the_process_runs() {
        let verbosity = Verbosity::new(0, &[]);
        let changed = verbosity.clone();
        let lines = logged_with(Format::Text, verbosity, || {
            for level in [0, 2, 0] {
                changed.set(level);
                tracing::debug!("at level {level}");
            }
        });
        assert_eq!(lines.lines().count(), 1);
        assert!(lines.contains("at level 2"), "{lines}");
    }

    #[test]
    fn a_module_can_be_louder_than_the_rest() {
        for (pattern, wanted) in [("logging", 1), ("log*", 1), ("l?gging", 1), ("worker", 0)] {
            let modules = [ModuleVerbosity { pattern: Pattern::new(pattern).unwrap(), level: 2 }];
            let lines = logged_with(Format::Text, Verbosity::new(0, &modules), || {
                tracing::debug!("debug");
                tracing::trace!("trace");
            });
            assert_eq!(lines.lines().count(), wanted, "{pattern}");
        }
    }
}
