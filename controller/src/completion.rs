//! `roster completion`: scripts for shells, out of the flags that there are.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, CommandFactory as _, ValueHint};
use clap_complete::Shell;

use crate::config::{FlagKind, flags};
use crate::webhook::manifest;

/// A script that completes the commands and flags of `roster` in a shell.
///
/// # Errors
/// If there is none for it.
pub fn script(shell: &str) -> Result<String, String> {
    let shell = match shell {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        other => {
            return Err(format!(
                "no completion for the shell {other:?}; there is one for bash, zsh and fish"
            ));
        }
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut commands(), "roster", &mut script);
    Ok(String::from_utf8_lossy(&script).into_owned())
}

fn commands() -> Command {
    let shells = Arg::new("shell").value_parser(PossibleValuesParser::new(["bash", "zsh", "fish"]));
    let check = Command::new("check").args(flags().map(argument)).disable_help_flag(true);
    let webhook = manifest::Arguments::command().name("webhook");
    Command::new("roster")
        .subcommand(
            Command::new("controller-manager").args(flags().map(argument)).disable_help_flag(true),
        )
        .subcommand(Command::new("takeover").subcommand(check))
        .subcommand(Command::new("completion").arg(shells))
        .subcommand(Command::new("manifests").subcommand(webhook))
        .disable_help_subcommand(true)
}

fn argument((name, kind): (&'static str, FlagKind)) -> Arg {
    let argument = Arg::new(name).long(name);
    match kind {
        FlagKind::Boolean => argument.action(ArgAction::SetTrue),
        FlagKind::Path => argument.value_hint(ValueHint::FilePath),
        FlagKind::Integer | FlagKind::Float | FlagKind::Duration | FlagKind::Text => {
            argument.value_hint(ValueHint::Other)
        }
    }
}
