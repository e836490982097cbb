//! `authentication_…` and `authorization_…`: who asked our port for something, and how that went.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, Registry, Result, exponential_buckets};

use super::family::{Families, Family, Stability};
use crate::serving::{Decision, User};

/// What kube-controller-manager counts of requests.
pub struct RequestMetrics {
    users: IntCounterVec,
    authentications: IntCounterVec,
    authentication_duration: HistogramVec,
    authorizations: IntCounterVec,
    authorization_duration: HistogramVec,
}

impl RequestMetrics {
    pub fn new(registry: &Registry) -> Result<Self> {
        let by = |name, help, labels| Family { stability: Stability::Alpha, name, help, labels };
        let duration = |families: &Families<'_>, help| {
            let family = by("duration_seconds", help, &["result"]);
            families.histogram(family, exponential_buckets(0.001, 2.0, 15)?)
        };
        let users = Families { registry, prefix: "authenticated" };
        let authentication = Families { registry, prefix: "authentication" };
        let authorization = Families { registry, prefix: "authorization" };
        Ok(Self {
            users: users.counter(by(
                "user_requests",
                "Counter of authenticated requests broken out by username.",
                &["username"],
            ))?,
            authentications: authentication.counter(by(
                "attempts",
                "Counter of authenticated attempts.",
                &["result"],
            ))?,
            authentication_duration: duration(
                &authentication,
                "Authentication duration in seconds broken out by result.",
            )?,
            authorizations: authorization.counter(by(
                "attempts_total",
                "Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', 'no-opinion' or 'error'.",
                &["result"],
            ))?,
            authorization_duration: duration(
                &authorization,
                "Authorization duration in seconds broken out by result.",
            )?,
        })
    }

    pub fn authenticated(&self, user: Option<&User>, took: Duration) {
        let result = match user {
            Some(user) => {
                self.users.with_label_values(&[brief(&user.name)]).inc();
                "success"
            }
            None => "error",
        };
        self.authentications.with_label_values(&[result]).inc();
        let durations = self.authentication_duration.with_label_values(&[result]);
        durations.observe(took.as_secs_f64());
    }

    pub fn authorized(&self, decision: &anyhow::Result<Decision>, took: Duration) {
        let result = match decision {
            Ok(Decision::Allowed) => "allowed",
            Ok(Decision::NoOpinion(_)) => "no-opinion",
            Ok(Decision::Denied(_)) => "denied",
            Err(_) => "error",
        };
        self.authorizations.with_label_values(&[result]).inc();
        let durations = self.authorization_duration.with_label_values(&[result]);
        durations.observe(took.as_secs_f64());
    }
}

/// A few names are told apart, so that many users do not make many series.
fn brief(user: &str) -> &str {
    match user {
        "admin"
        | "client"
        | "kube_proxy"
        | "kubelet"
        | "system:serviceaccount:kube-system:default" => user,
        email if email.contains('@') => "email_id",
        _ => "other",
    }
}
