//! What can go wrong on the wire, told apart by what the caller must do about it.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The API server answered, and refused.
    #[error("{}", .0.message)]
    Status(Status),
    /// The connection failed. A write may or may not have happened.
    #[error("{0}")]
    Transport(String),
    /// No answer in time. A write may or may not have happened.
    #[error("no answer within {}s", .0.as_secs())]
    Deadline(Duration),
    /// The answer could not be read.
    #[error("{0}")]
    Decode(String),
    /// Nothing was sent: this replica may not write any more.
    #[error("this replica does not lead any more")]
    NotLeading,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The HTTP status.
    pub code: StatusCode,
    /// `reason`: the API's one-word class.
    pub reason: String,
    /// `message`.
    pub message: String,
    /// `details.causes[].reason`.
    pub causes: Vec<String>,
    /// How long to wait, where the server says.
    pub retry_after: Option<Duration>,
}

impl WireError {
    pub(super) fn transport(error: kube::Error) -> Self {
        // The outer layers only say that a request failed; the innermost one says why.
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            text = inner.to_string();
            source = inner.source();
        }
        WireError::Transport(text)
    }

    /// The object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(StatusCode::NOT_FOUND)
    }

    /// We have no right to it.
    pub fn is_forbidden(&self) -> bool {
        self.code() == Some(StatusCode::FORBIDDEN)
    }

    /// The object is not at the version that was named.
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(StatusCode::CONFLICT)
    }

    /// The version asked for cannot be watched from: only a new list helps.
    pub fn demands_a_list(&self) -> bool {
        matches!(self, WireError::Status(status) if status.demands_a_list())
    }

    /// The server does not know what is asked for, or has it switched off.
    pub fn is_not_supported(&self) -> bool {
        let unknown = [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY];
        self.code().is_some_and(|code| unknown.contains(&code))
    }

    /// What has arrived makes no sense.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, WireError::Decode(_))
    }

    /// Nothing new may be made in a namespace that is being deleted.
    pub fn is_namespace_terminating(&self) -> bool {
        let WireError::Status(status) = self else {
            return false;
        };
        status.causes.iter().any(|cause| cause == "NamespaceTerminating")
    }

    /// Whether a write may have been carried out although it failed for us.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            WireError::Status(status) => status.code.is_server_error(),
            WireError::Transport(_) | WireError::Deadline(_) | WireError::Decode(_) => true,
            WireError::NotLeading => false,
        }
    }

    /// How long the server asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            WireError::Status(status) => status.retry_after,
            _ => None,
        }
    }

    fn code(&self) -> Option<StatusCode> {
        match self {
            WireError::Status(status) => Some(status.code),
            _ => None,
        }
    }
}

impl From<kube::Error> for WireError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => WireError::Status(Status::of(*status)),
            other => WireError::transport(other),
        }
    }
}

impl Status {
    /// The version asked for is no longer in the server's history, or not there yet: its store has
    /// been put back to an older state.
    pub fn demands_a_list(&self) -> bool {
        let is_too_large = || self.causes.iter().any(|cause| cause == "ResourceVersionTooLarge");
        self.code == StatusCode::GONE
            || (self.code == StatusCode::GATEWAY_TIMEOUT && is_too_large())
    }

    fn of(status: kube::core::Status) -> Self {
        let seconds = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
        let causes = status.details.map(|details| details.causes).unwrap_or_default();
        Self {
            code: StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            reason: status.reason,
            message: status.message,
            causes: causes.into_iter().map(|cause| cause.reason).collect(),
            retry_after: (seconds > 0).then(|| Duration::from_secs(seconds.into())),
        }
    }

    /// Reads a refusal in JSON. A body that is no Status object, as proxies send, is quoted in part.
    pub fn read(code: StatusCode, body: &[u8]) -> Self {
        let read: StatusBody = serde_json::from_slice(body).unwrap_or_default();
        let code = read.code.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(code);
        let quoted = || {
            let text = String::from_utf8_lossy(body);
            let start: String = text.trim().chars().take(200).collect();
            format!("{code} {start}")
        };
        let details = read.details.unwrap_or_default();
        let causes = details.causes.unwrap_or_default();
        Self {
            code,
            reason: read.reason.unwrap_or_default(),
            message: read.message.unwrap_or_else(quoted),
            causes: causes.into_iter().filter_map(|cause| cause.reason).collect(),
            retry_after: details.retry_after_seconds.map(Duration::from_secs),
        }
    }
}

#[derive(Default, Deserialize)]
struct StatusBody {
    code: Option<u16>,
    reason: Option<String>,
    message: Option<String>,
    details: Option<StatusDetails>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusDetails {
    causes: Option<Vec<StatusCause>>,
    retry_after_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct StatusCause {
    reason: Option<String>,
}
