//! How several errors become one text, as operators know it from kube-controller-manager's events.

/// One text for many: equal texts are kept once, a single one stands bare, several stand in
/// brackets. Empty for none.
pub fn join(errors: impl IntoIterator<Item = String>) -> String {
    let mut distinct: Vec<String> = Vec::new();
    for error in errors {
        if !distinct.contains(&error) {
            distinct.push(error);
        }
    }
    match distinct.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn equal_errors_are_told_once_and_several_stand_in_brackets() {
        let errors = |texts: &[&str]| join(texts.iter().map(|text| (*text).to_owned()));
        assert_eq!(errors(&[]), "");
        assert_eq!(errors(&["a", "a"]), "a");
        assert_eq!(errors(&["a", "b", "a"]), "[a, b]");
    }
}
