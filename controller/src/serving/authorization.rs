//! Who may read what: masters everything, everybody some paths, and for the rest the API server is
//! asked, as kube-controller-manager asks it (SubjectAccessReview).

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};

use super::cache::Cache;
use super::review::Reviewer;
use super::user::User;
use crate::config::serving::Authorization;

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews?timeout=10s";

/// Whether somebody may do what they ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// They may.
    Allowed,
    /// Nobody says that they may, for this reason if any is known.
    NoOpinion(String),
    /// They may not, for this reason if any is known.
    Denied(String),
}

/// Decides.
pub struct Authorizer {
    always_allowed: Vec<PathPattern>,
    reviewer: Option<Reviewer>,
    /// What may be asked again: who, with which verb, for which path.
    decisions: Cache<(User, String, String), Decision>,
    authorized_ttl: Duration,
    unauthorized_ttl: Duration,
}

impl Authorizer {
    /// Without a reviewer only masters may read what is not open to all.
    pub fn new(settings: &Authorization, reviewer: Option<Reviewer>) -> Self {
        let paths = settings.always_allow_paths.iter();
        Self {
            always_allowed: paths.map(|path| PathPattern::read(path)).collect(),
            reviewer,
            decisions: Cache::default(),
            authorized_ttl: settings.authorized_ttl,
            unauthorized_ttl: settings.unauthorized_ttl,
        }
    }

    /// Whether a user may use a verb, an HTTP method in small letters, on a path.
    ///
    /// # Errors
    /// If the API server has to be asked and cannot be.
    pub async fn decide(&self, user: &User, verb: &str, path: &str) -> Result<Decision> {
        if user.is_master() || self.always_allowed.iter().any(|pattern| pattern.matches(path)) {
            return Ok(Decision::Allowed);
        }
        let Some(reviewer) = &self.reviewer else {
            return Ok(Decision::NoOpinion(String::new()));
        };
        let key = (user.clone(), verb.to_owned(), path.to_owned());
        if let Some(decision) = self.decisions.get(&key) {
            return Ok(decision);
        }
        let answer = reviewer.create(REVIEWS, &review(user, verb, path)).await?;
        let decision = decision(answer);
        let ttl = match decision {
            Decision::Allowed => self.authorized_ttl,
            Decision::NoOpinion(_) | Decision::Denied(_) => self.unauthorized_ttl,
        };
        self.decisions.put(key, decision.clone(), ttl);
        Ok(decision)
    }
}

fn review(user: &User, verb: &str, path: &str) -> SubjectAccessReview {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(user.name.clone()),
            uid: given(&user.uid),
            groups: Some(user.groups.clone()),
            extra: Some(user.extra.clone()),
            non_resource_attributes: Some(NonResourceAttributes {
                path: Some(path.to_owned()),
                verb: Some(verb.to_owned()),
            }),
            resource_attributes: None,
        },
        ..SubjectAccessReview::default()
    }
}

fn decision(answer: SubjectAccessReview) -> Decision {
    let status = answer.status.unwrap_or_default();
    let reason = status.reason.unwrap_or_default();
    if status.allowed {
        Decision::Allowed
    } else if status.denied == Some(true) {
        Decision::Denied(reason)
    } else {
        Decision::NoOpinion(reason)
    }
}

/// A path, or with `*` at its end all paths that begin so.
enum PathPattern {
    Whole(String),
    Prefix(String),
}

impl PathPattern {
    /// The slash in front may be left out.
    fn read(text: &str) -> Self {
        let text = text.trim_start_matches('/');
        match text.strip_suffix('*') {
            Some(prefix) => PathPattern::Prefix(prefix.to_owned()),
            None => PathPattern::Whole(text.to_owned()),
        }
    }

    fn matches(&self, path: &str) -> bool {
        let path = path.trim_start_matches('/');
        match self {
            PathPattern::Whole(whole) => path == whole,
            PathPattern::Prefix(prefix) => path.starts_with(prefix.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use serde_json::{Value, json};

    use super::*;
    use crate::serving::review::fake;

    fn authorizer(paths: &[&str]) -> Authorizer {
        let settings = Authorization {
            kubeconfig: None,
            always_allow_paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            authorized_ttl: Duration::ZERO,
            unauthorized_ttl: Duration::ZERO,
        };
        Authorizer::new(&settings, None)
    }

    async fn may_read(authorizer: &Authorizer, user: &User, path: &str) -> bool {
        authorizer.decide(user, "get", path).await.unwrap() == Decision::Allowed
    }

    #[tokio::test]
    async fn some_paths_are_open_to_all() {
        let authorizer = authorizer(&["/healthz", "metrics", "/debug/*"]);
        let nobody = User::anonymous();
        for path in ["/healthz", "/metrics", "/debug/", "/debug/flags/v"] {
            assert!(may_read(&authorizer, &nobody, path).await, "{path}");
        }
        for path in ["/healthz/ping", "/metrics/slis", "/debug", "/configz", "/"] {
            assert!(!may_read(&authorizer, &nobody, path).await, "{path}");
        }
    }

    #[tokio::test]
    async fn masters_may_read_everything_and_without_a_cluster_nobody_else() {
        let authorizer = authorizer(&[]);
        let master = User::new("root", vec!["system:masters".to_owned()]);
        assert!(may_read(&authorizer, &master, "/metrics").await);
        let other = User::new("other", Vec::new()).authenticated();
        assert!(!may_read(&authorizer, &other, "/metrics").await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_yes_and_a_no_are_remembered_each_for_its_time() {
        let status = |spec: &Value| json!({"allowed": spec["user"] == "alice"});
        let (reviewer, asked) = fake::reviewer(status);
        let settings = Authorization {
            kubeconfig: None,
            always_allow_paths: Vec::new(),
            authorized_ttl: Duration::from_secs(10),
            unauthorized_ttl: Duration::from_secs(3),
        };
        let authorizer = Authorizer::new(&settings, Some(reviewer));
        let [alice, bob] = ["alice", "bob"].map(|name| User::new(name, Vec::new()));
        let asked = || asked.load(Ordering::Relaxed);
        for _ in 0..3 {
            assert!(may_read(&authorizer, &alice, "/metrics").await);
            assert!(!may_read(&authorizer, &bob, "/metrics").await);
        }
        assert_eq!(asked(), 2);
        assert!(may_read(&authorizer, &alice, "/configz").await);
        authorizer.decide(&alice, "post", "/metrics").await.unwrap();
        assert_eq!(asked(), 4, "other paths and verbs are other questions");
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(may_read(&authorizer, &alice, "/metrics").await);
        assert_eq!(asked(), 4);
        assert!(!may_read(&authorizer, &bob, "/metrics").await);
        assert_eq!(asked(), 5);
    }

    #[tokio::test]
    async fn what_is_known_of_a_user_is_told_to_the_api_server() {
        let (reviewer, _) = fake::reviewer(|spec| {
            let wanted = json!({
                "user": "alice",
                "uid": "1",
                "groups": ["a"],
                "extra": {"k": ["v"]},
                "nonResourceAttributes": {"path": "/metrics", "verb": "get"},
            });
            json!({"allowed": *spec == wanted})
        });
        let settings = Authorization {
            kubeconfig: None,
            always_allow_paths: Vec::new(),
            authorized_ttl: Duration::ZERO,
            unauthorized_ttl: Duration::ZERO,
        };
        let mut alice = User::new("alice", vec!["a".to_owned()]);
        alice.uid = "1".to_owned();
        alice.extra.insert("k".to_owned(), vec!["v".to_owned()]);
        let authorizer = Authorizer::new(&settings, Some(reviewer));
        assert!(may_read(&authorizer, &alice, "/metrics").await);
    }
}
