//! Users for whom a proxy in front speaks.

use std::collections::BTreeMap;

use http::HeaderMap;

use crate::config::serving::RequestHeaders;
use crate::serving::user::User;

impl RequestHeaders {
    /// Whether a proxy of this common name may speak for others.
    pub fn allow(&self, common_name: &str) -> bool {
        self.allowed_names.is_empty() || self.allowed_names.iter().any(|name| name == common_name)
    }

    /// The user whom the headers name, if they do.
    pub fn user(&self, headers: &HeaderMap) -> Option<User> {
        let first = |names: &[String]| {
            let mut values = names.iter().flat_map(|name| values(headers, name));
            values.find(|value| !value.is_empty())
        };
        Some(User {
            name: first(&self.username)?,
            uid: first(&self.uid).unwrap_or_default(),
            groups: self.group.iter().flat_map(|name| values(headers, name)).collect(),
            extra: self.extra(headers),
        })
    }

    /// What stands behind the prefix is a key, with what an URL would escape escaped.
    fn extra(&self, headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
        let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in headers.keys() {
            let keys = self.extra_prefix.iter();
            for key in keys.filter_map(|prefix| name.as_str().strip_prefix(prefix.as_str())) {
                extra.entry(unescaped(key)).or_default().extend(values(headers, name.as_str()));
            }
        }
        extra
    }
}

fn values(headers: &HeaderMap, name: &str) -> impl Iterator<Item = String> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok().map(str::to_owned))
}

/// `acme.com%2Fproject` is `acme.com/project`. A plus sign is itself here, unlike in a form.
fn unescaped(key: &str) -> String {
    let escaped = key.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let mut pairs = form_urlencoded::parse(escaped.as_bytes());
    pairs.next().map_or_else(String::new, |(key, _)| key.into_owned())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn named() -> RequestHeaders {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        RequestHeaders {
            allowed_names: words(&["front-proxy"]),
            username: words(&["x-remote-user", "x-user"]),
            group: words(&["x-remote-group"]),
            extra_prefix: words(&["x-remote-extra-"]),
            uid: words(&[]),
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn the_first_name_that_is_not_empty_counts_and_all_groups_do() {
        let user = named().user(&headers(&[
            ("x-remote-user", ""),
            ("x-user", "alice"),
            ("x-remote-group", "a"),
            ("x-remote-group", "b,c"),
            ("x-remote-extra-acme.com%2fproject", "one"),
            ("x-remote-extra-acme.com%2fproject", "two"),
        ]));
        let user = user.unwrap();
        assert_eq!(
            (user.name.as_str(), &user.groups[..]),
            ("alice", &["a", "b,c"].map(str::to_owned)[..])
        );
        assert_eq!(user.extra["acme.com/project"], ["one", "two"]);
    }

    #[test]
    fn without_a_name_there_is_nobody() {
        assert_eq!(named().user(&headers(&[("x-remote-group", "system:masters")])), None);
    }

    #[test]
    fn a_list_of_names_lets_in_only_those() {
        assert!(named().allow("front-proxy") && !named().allow("kubelet"));
        assert!(RequestHeaders::default().allow("anybody"));
    }
}
