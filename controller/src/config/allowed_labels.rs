//! `--allow-metric-labels`: which values a label of a metric may have. It keeps what others name from
//! making a metric endless (kubernetes/enhancements KEP-2305).

use std::collections::{BTreeMap, BTreeSet};
use std::{fs, io};

use super::flags::Values;

/// The forms that both parts of a key have.
const FORM: &str = "must have keys with format `metricName,labelName` where metricName matches \
                    \"[a-zA-Z_:][a-zA-Z0-9_:]*\" and labelName matches \"[a-zA-Z_][a-zA-Z0-9_]*\"";

/// The values that are told as they are, by metric and label. A label that is not named may have any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedLabels {
    by_metric: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

impl AllowedLabels {
    /// What a metric's labels may say; nothing if they may say anything.
    pub fn of(&self, metric: &str) -> Option<&BTreeMap<String, BTreeSet<String>>> {
        self.by_metric.get(metric)
    }

    fn insert(&mut self, metric: &str, label: &str, values: &str) {
        let values = values.split(',').map(str::to_owned).collect();
        self.by_metric.entry(metric.to_owned()).or_default().insert(label.to_owned(), values);
    }
}

/// What the flags say. The manifest counts only if the other flag is not used.
///
/// # Errors
/// In kube-controller-manager's words, if a key has another form or the manifest can't be read.
pub fn read(values: &Values) -> Result<AllowedLabels, String> {
    let manifest = &values.allow_metric_labels_manifest;
    if values.allow_metric_labels.is_empty() && !manifest.is_empty() {
        return of_manifest(manifest).map_err(|error| {
            format!("metrics.allowListMappingManifest: Invalid value: {manifest:?}: {error}")
        });
    }
    of_map(&values.allow_metric_labels)
        .map_err(|error| format!("metrics.allowListMapping: Invalid value: {error}"))
}

fn of_manifest(path: &str) -> Result<AllowedLabels, String> {
    let text = fs::read_to_string(path).map_err(|error| {
        format!("failed to read allow list manifest: open {path}: {}", reason(&error))
    })?;
    let map: BTreeMap<String, String> = serde_saphyr::from_str(&text)
        .map_err(|error| format!("failed to parse allow list manifest: {error}"))?;
    of_map(&map).map_err(|error| {
        format!(
            "invalid allow list mapping in manifest: [metrics.allowListMappingManifest: Invalid \
             value: {error}]"
        )
    })
}

/// What the system says, as Go words it.
fn reason(error: &io::Error) -> String {
    let text = error.to_string().to_ascii_lowercase();
    text.split_once(" (os error").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

fn of_map(map: &BTreeMap<String, String>) -> Result<AllowedLabels, String> {
    let mut allowed = AllowedLabels::default();
    for (key, values) in map {
        match key
            .split_once(',')
            .filter(|(metric, label)| is_name(metric, ":") && is_name(label, ""))
        {
            Some((metric, label)) => allowed.insert(metric, label, values),
            None => {
                let map = serde_json::to_string(map).unwrap_or_default();
                return Err(format!("{map}: {FORM}"));
            }
        }
    }
    Ok(allowed)
}

/// Letters, digits and underscores, not beginning with a digit, and what else may stand in it.
fn is_name(text: &str, more: &str) -> bool {
    let may_stand =
        |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || more.contains(letter);
    !text.starts_with(|first: char| first.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(may_stand)
}
