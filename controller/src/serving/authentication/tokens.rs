//! Bearer tokens: the API server says whose they are (TokenReview).

use std::time::Duration;

use anyhow::{Result, anyhow};
use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderMap, header};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};

use crate::serving::cache::Cache;
use crate::serving::review::Reviewer;
use crate::serving::user::User;

const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// Knows whose tokens are.
pub struct Tokens {
    reviewer: Reviewer,
    /// Users by the digest of their token: no token lies around in memory.
    users: Cache<Vec<u8>, User>,
    ttl: Duration,
}

impl Tokens {
    /// Asks a reviewer, and believes an answer for so long.
    pub fn new(reviewer: Reviewer, ttl: Duration) -> Self {
        Self { reviewer, users: Cache::default(), ttl }
    }

    /// Whose the token is, if there is one. Only good tokens are remembered: a bad one may become
    /// good.
    ///
    /// # Errors
    /// If the token is nobody's, or nobody could be asked.
    pub async fn bearer(&self, headers: &HeaderMap) -> Result<Option<User>> {
        let Some(token) = token(headers) else {
            return Ok(None);
        };
        let key = digest(&SHA256, token.as_bytes()).as_ref().to_vec();
        if let Some(user) = self.users.get(&key) {
            return Ok(Some(user));
        }
        let user = self.review(token).await?;
        self.users.put(key, user.clone(), self.ttl);
        Ok(Some(user))
    }

    async fn review(&self, token: &str) -> Result<User> {
        let spec = TokenReviewSpec { token: token.to_owned(), audiences: None };
        let review = TokenReview { spec, ..TokenReview::default() };
        let answer = self.reviewer.create(REVIEWS, &review).await?;
        let status = answer.status.unwrap_or_default();
        match (status.authenticated, status.user) {
            (Some(true), Some(user)) => Ok(known(user)),
            _ => Err(match status.error.filter(|error| !error.is_empty()) {
                Some(error) => anyhow!("{error}"),
                None => anyhow!("invalid bearer token"),
            }),
        }
    }
}

fn known(user: UserInfo) -> User {
    User {
        name: user.username.unwrap_or_default(),
        uid: user.uid.unwrap_or_default(),
        groups: user.groups.unwrap_or_default(),
        extra: user.extra.unwrap_or_default(),
    }
}

/// What stands behind `Bearer`, however that is spelt. Other schemes mean nothing here.
fn token(headers: &HeaderMap) -> Option<&str> {
    let mut words = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim().splitn(3, ' ');
    let (scheme, token) = (words.next()?, words.next()?);
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use http::HeaderValue;
    use serde_json::json;

    use super::*;
    use crate::serving::review::fake;

    #[test]
    fn a_token_stands_behind_its_scheme() {
        let cases = [
            ("Bearer abc", Some("abc")),
            ("bearer abc", Some("abc")),
            (" BEARER abc ", Some("abc")),
            ("Bearer", None),
            ("Bearer  abc", None),
            ("Basic abc", None),
            ("", None),
        ];
        for (said, wanted) in cases {
            let value = HeaderValue::from_static(said);
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
            assert_eq!(token(&headers), wanted, "{said:?}");
        }
        assert_eq!(token(&HeaderMap::new()), None);
    }

    fn showing(token: &str) -> HeaderMap {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
        HeaderMap::from_iter([(header::AUTHORIZATION, value)])
    }

    #[tokio::test(start_paused = true)]
    async fn a_good_token_is_remembered_for_its_time_and_a_bad_one_is_not() {
        let (reviewer, asked) = fake::reviewer(|spec| {
            let user =
                json!({"username": "alice", "uid": "1", "groups": ["a"], "extra": {"k": ["v"]}});
            json!({"authenticated": spec["token"] == "good", "user": user})
        });
        let tokens = Tokens::new(reviewer, Duration::from_secs(10));
        let asked = || asked.load(Ordering::Relaxed);
        for _ in 0..3 {
            let alice = tokens.bearer(&showing("good")).await.unwrap().unwrap();
            assert_eq!((alice.name.as_str(), alice.uid.as_str()), ("alice", "1"));
            assert_eq!(
                (&alice.groups[..], &alice.extra["k"][..]),
                (&["a".to_owned()][..], &["v".to_owned()][..])
            );
        }
        assert_eq!(asked(), 1);
        for _ in 0..3 {
            let refusal = tokens.bearer(&showing("bad")).await.unwrap_err();
            assert_eq!(refusal.to_string(), "invalid bearer token");
        }
        assert_eq!(asked(), 4);
        tokio::time::advance(Duration::from_secs(10)).await;
        tokens.bearer(&showing("good")).await.unwrap();
        assert_eq!(asked(), 5);
        assert_eq!(tokens.bearer(&HeaderMap::new()).await.unwrap(), None);
    }
}
