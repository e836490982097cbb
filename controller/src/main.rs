//! `roster`: the command line.

use std::process::ExitCode;
use std::sync::Arc;

use controller::config::{self, Config, ConfigError, LoggingFormat, Request};
use controller::{logging, run};
use jiff::Timestamp;

const VERSION: &str = concat!("Roster v", env!("CARGO_PKG_VERSION"));

const HELP: &str = "\
Roster is a Kubernetes controller-manager for service discovery.

Usage:
  roster controller-manager [flags]   write the EndpointSlices of a cluster
  roster controller-manager --help    all flags, with examples
  roster --version
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((command, rest)) if command == "controller-manager" => controller_manager(rest),
        Some((flag, _)) if flag == "--version" => {
            println!("{VERSION}");
            ExitCode::SUCCESS
        }
        Some((flag, _)) if matches!(flag.as_str(), "--help" | "-h" | "help") => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Some((unknown, _)) => {
            eprint!("{HELP}");
            eprintln!("Error: unknown command {unknown:?} for \"roster\"");
            ExitCode::FAILURE
        }
        None => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
    }
}

fn controller_manager(arguments: &[String]) -> ExitCode {
    match config::parse(arguments) {
        Ok(Request::Help) => print!("{}", config::help()),
        Ok(Request::Version) => println!("{VERSION}"),
        Ok(Request::Run(config)) => return run(*config),
        Err(ConfigError::Usage(error)) => {
            eprint!("{}", config::help());
            eprintln!("Error: {error}");
            return ExitCode::FAILURE;
        }
        Err(ConfigError::Invalid(error)) => {
            start_log(LoggingFormat::Text, 0);
            tracing::error!(err = error, "command failed");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(config: Config) -> ExitCode {
    start_log(config.logging_format, config.verbosity);
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run::controller_manager(config)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(err = format!("{error:#}"), "command failed");
            ExitCode::FAILURE
        }
    }
}

fn start_log(format: LoggingFormat, verbosity: u32) {
    let clock = Arc::new(Timestamp::now);
    let subscriber =
        logging::subscriber(format, verbosity, clock, std::process::id(), std::io::stderr);
    // Nothing has been installed before, and if it had, its log would do.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
