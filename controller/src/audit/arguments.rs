//! The flags of `roster audit clusterips` that are not about the cluster.

/// What to do, and how to tell of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// How.
    pub form: Form,
    /// What.
    pub action: Action,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Tables.
    Text,
    /// For programs (`-o json`).
    Json,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// All that is wrong is told.
    Look,
    /// What can be repaired without people is told (`--repair --dry-run`).
    PlanRepairs,
    /// It is repaired (`--repair`), and what is left is told.
    Repair,
}

/// Takes our own flags out of the arguments. The rest is about the cluster.
///
/// # Errors
/// If they ask for what there is not.
pub fn parse(arguments: &[String]) -> Result<(Selection, Vec<String>), String> {
    let (mut form, mut rest) = (Form::Text, Vec::new());
    let (mut repair, mut dry_run) = (false, false);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-o" | "--output" => form = form_of(arguments.next().map(String::as_str))?,
            "-ojson" | "-o=json" | "--output=json" => form = Form::Json,
            "--repair" => repair = true,
            "--dry-run" => dry_run = true,
            _ => rest.push(argument.clone()),
        }
    }
    let action = match (repair, dry_run) {
        (false, _) => Action::Look,
        (true, true) => Action::PlanRepairs,
        (true, false) => Action::Repair,
    };
    Ok((Selection { form, action }, rest))
}

fn form_of(name: Option<&str>) -> Result<Form, String> {
    match name {
        Some("json") => Ok(Form::Json),
        other => Err(format!("there is no output {:?}, only json", other.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn flags_of_our_own_are_told_from_those_about_the_cluster() {
        let (selection, rest) =
            parse(&words("-o json --kubeconfig=/a --repair --dry-run")).unwrap();
        assert_eq!(selection, Selection { form: Form::Json, action: Action::PlanRepairs });
        assert_eq!(rest, ["--kubeconfig=/a"]);
        assert_eq!(parse(&words("--repair")).unwrap().0.action, Action::Repair);
        assert_eq!(parse(&words("--dry-run")).unwrap().0.action, Action::Look);
        assert!(parse(&words("-o yaml")).unwrap_err().contains("yaml"));
    }
}
