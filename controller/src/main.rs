//! `roster`: the command line.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::Parser as _;
use controller::config::logging::Streams;
use controller::config::{self, Config, ConfigError, Logging, Request, Version};
use controller::logging::Verbosity;
use controller::webhook::manifest;
use controller::{audit, completion, logging, run, takeover, version};
use jiff::Timestamp;
use tracing::Level;
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt};

const VERSION: &str = concat!("Roster v", env!("CARGO_PKG_VERSION"));

const HELP: &str = "\
Roster is a Kubernetes controller-manager for service discovery.

Usage:
  roster controller-manager [flags]   write the EndpointSlices of a cluster
  roster controller-manager --help    all flags, with examples
  roster takeover check [flags]       whether kube-controller-manager writes the same, and what to do
  roster completion bash|zsh|fish     a script that completes all of this
  roster audit clusterips [flags]     what is wrong with the ClusterIPs of a cluster; -o json for programs,
                                      --repair repairs what is safe; --repair --dry-run only says it
  roster manifests webhook [flags]    what makes the admission webhook known to an API server; --help
  roster --version
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((command, rest)) if command == "controller-manager" => controller_manager(rest),
        Some((command, rest)) if command == "takeover" => takeover_command(rest),
        Some((command, rest)) if command == "completion" => completion_command(rest),
        Some((command, rest)) if command == "audit" => audit_command(rest),
        Some((command, rest)) if command == "manifests" => manifests_command(rest),
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
    let config = match configuration(arguments) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let verbosity = start_log(&config.logging);
    finish(blocking(async {
        run::controller_manager(config, verbosity).await.map(|()| ExitCode::SUCCESS)
    }))
}

fn takeover_command(arguments: &[String]) -> ExitCode {
    let Some((_, rest)) = arguments.split_first().filter(|(command, _)| *command == "check") else {
        eprint!("{HELP}");
        eprintln!("Error: \"roster takeover\" needs the command \"check\"");
        return ExitCode::FAILURE;
    };
    let config = match configuration(rest) {
        Ok(config) => config,
        Err(code) => return code,
    };
    start_log(&config.logging);
    finish(blocking(async { takeover::check(&config).await }))
}

fn completion_command(arguments: &[String]) -> ExitCode {
    match arguments {
        [shell] => match completion::script(shell) {
            Ok(script) => {
                print!("{script}");
                return ExitCode::SUCCESS;
            }
            Err(error) => eprintln!("Error: {error}"),
        },
        _ => eprintln!("Error: \"roster completion\" needs a shell: bash, zsh or fish"),
    }
    ExitCode::FAILURE
}

fn audit_command(arguments: &[String]) -> ExitCode {
    let asked = arguments.split_first().filter(|(what, _)| *what == "clusterips");
    let parsed = asked.map(|(_, rest)| audit::parse(rest)).unwrap_or_else(|| {
        Err("\"roster audit\" needs to be told what: \"clusterips\"".to_owned())
    });
    let (selection, rest) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            eprint!("{HELP}");
            eprintln!("Error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let config = match configuration(&rest) {
        Ok(config) => config,
        Err(code) => return code,
    };
    start_log(&config.logging);
    finish(blocking(async { audit::cluster_ips(&config, selection).await }))
}

fn manifests_command(arguments: &[String]) -> ExitCode {
    let Some((_, rest)) = arguments.split_first().filter(|(what, _)| *what == "webhook") else {
        eprint!("{HELP}");
        eprintln!("Error: \"roster manifests\" needs to be told what: \"webhook\"");
        return ExitCode::FAILURE;
    };
    let name = "roster manifests webhook".to_owned();
    let arguments = std::iter::once(&name).chain(rest);
    let manifest = match manifest::Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments.manifest(),
        Err(error) => {
            // What cannot be printed is lost.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match manifest {
        Ok(manifest) => {
            print!("{manifest}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the flags of the controller manager, which all commands share. What is not to run ends with
/// the code.
fn configuration(arguments: &[String]) -> Result<Config, ExitCode> {
    match config::parse(arguments) {
        Ok(Request::Run(config)) => {
            for (flag, text) in &config.deprecated {
                eprintln!("Flag --{flag} has been deprecated, {text}");
            }
            return Ok(*config);
        }
        Ok(Request::Help) => print!("{}", config::help()),
        Ok(Request::Version(Version::Short)) => println!("{VERSION}"),
        Ok(Request::Version(Version::Raw)) => println!("{}", version::raw()),
        Err(ConfigError::Usage(error)) => {
            eprint!("{}", config::help());
            eprintln!("Error: {error}");
            return Err(ExitCode::FAILURE);
        }
        Err(ConfigError::Invalid(error)) => {
            start_log(&Logging::default());
            tracing::error!(err = error, "command failed");
            return Err(ExitCode::FAILURE);
        }
    }
    Err(ExitCode::SUCCESS)
}

/// One thread does everything. What there is to do for an event takes less than waking another thread
/// for it, which was a quarter of the CPU where nothing of an event mattered.
fn blocking(command: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

fn finish(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        tracing::error!(err = format!("{error:#}"), "command failed");
        ExitCode::FAILURE
    })
}

/// Logs from now on. What comes back changes how much.
fn start_log(logging: &Logging) -> Verbosity {
    let verbosity = logging.verbosity();
    let (clock, process) = (Arc::new(Timestamp::now), std::process::id());
    let writer = match logging.streams {
        Streams::One => BoxMakeWriter::new(io::stderr),
        Streams::Split => {
            BoxMakeWriter::new(io::stderr.with_max_level(Level::ERROR).or_else(io::stdout))
        }
    };
    let subscriber = logging::subscriber(logging.format, verbosity.clone(), clock, process, writer);
    // Nothing has been installed before, and if it had, its log would do.
    let _ = tracing::subscriber::set_global_default(subscriber);
    verbosity
}
