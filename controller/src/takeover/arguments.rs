//! The command line of a stock manager, as far as it tells which controllers run. It may be of any
//! version and stand in a script, so it is searched rather than parsed.

use std::collections::BTreeSet;

use controller_core::key::Controller;

use crate::config::ControllerSelection;

/// The controllers that a command line switches on, out of those we have.
pub fn controllers(words: &[String]) -> BTreeSet<Controller> {
    let selection = ControllerSelection::new(&selected(words));
    let known = Controller::OF_KUBE_CONTROLLER_MANAGER.into_iter();
    known.filter(|controller| selection.runs(*controller)).collect()
}

/// The entries of `--controllers`.
pub fn selected(words: &[String]) -> Vec<String> {
    let given = values(words, "controllers");
    if given.is_empty() {
        return vec!["*".to_owned()];
    }
    let entries = given.iter().flat_map(|value| value.split(','));
    entries.map(str::to_owned).filter(|entry| !entry.is_empty()).collect()
}

/// Whether it elects a leader.
pub fn elects(words: &[String]) -> bool {
    values(words, "leader-elect").last().is_none_or(|value| value != "false")
}

/// The words of a command: arguments of a shell hold several.
pub fn words<'a>(arguments: impl Iterator<Item = &'a String>) -> Vec<String> {
    let words = arguments.flat_map(|argument| argument.split_whitespace());
    words.map(|word| word.trim_matches(['"', '\'']).to_owned()).collect()
}

/// Every value of a flag, in order.
fn values(words: &[String], name: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let Some(flag) = word.strip_prefix("--") else {
            continue;
        };
        match flag.split_once('=') {
            Some((flag, value)) if flag.replace('_', "-") == name => {
                values.push(value.trim_matches(['"', '\'']).to_owned());
            }
            None if flag.replace('_', "-") == name && name == "controllers" => {
                values.extend(rest.next().cloned());
            }
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<String> {
        words([line.to_owned()].iter())
    }

    fn on(line: &str) -> Vec<&'static str> {
        controllers(&of(line)).into_iter().map(Controller::name).collect()
    }

    #[test]
    fn without_the_flag_all_are_on() {
        assert_eq!(on("kube-controller-manager --v=2").len(), 3);
    }

    #[test]
    fn the_flag_is_found_however_it_is_written() {
        let off = "*,-endpoint,-endpointslice-controller,-endpointslicemirroring";
        for line in [
            format!("kube-controller-manager --controllers={off}"),
            format!("kube-controller-manager --controllers {off} --v=2"),
            format!("sh -c 'exec kube-controller-manager --controllers=\"{off}\" >/log 2>&1'"),
            "k --controllers=* --controllers=-endpoint,-endpointslice,-endpointslicemirroring"
                .to_owned(),
        ] {
            assert_eq!(on(&line), [""; 0], "{line}");
        }
        assert_eq!(
            on("k --controllers=endpointslice,-endpointslice"),
            ["endpointslice-controller"]
        );
    }

    #[test]
    fn leader_election_is_on_unless_it_is_said_to_be_off() {
        assert!(elects(&of("k --leader-elect")));
        assert!(elects(&of("k --leader-elect=false --leader_elect=true")));
        assert!(!elects(&of("k --leader-elect=false")));
    }
}
