//! One open watch: lines of JSON out of a body that does not end.

use std::time::Duration;

use bytes::BytesMut;
use controller_core::facts::Fact;
use controller_core::key::{Kind, NamespacedName, ResourceVersion, Text};
use http_body_util::BodyExt;
use kube::client::Body;

use super::json::{self, Undecodable};
use super::{Status, WireError};

/// No object is larger than what etcd takes by far; a line beyond this is not one.
const LONGEST_LINE: usize = 32 << 20;

/// Bookmarks come about once a minute. A watch that is silent for longer than this is dead, even
/// if nobody has closed it.
const LONGEST_SILENCE: Duration = Duration::from_secs(150);

/// An open watch.
pub struct Watch {
    kind: Kind,
    body: Body,
    buffer: BytesMut,
}

/// A version of an object.
pub struct Identity {
    /// Its name.
    pub key: NamespacedName,
    /// Its uid.
    pub uid: Text,
    /// Its version.
    pub resource_version: ResourceVersion,
}

/// What a watch tells.
pub enum WatchEvent {
    /// An object was created or changed.
    Applied(Box<Fact>, ResourceVersion),
    /// An object is as it was known to be.
    Known(ResourceVersion),
    /// An object is gone.
    Deleted {
        /// Which one.
        key: NamespacedName,
        /// Its uid.
        uid: String,
        /// The version of the deletion.
        resource_version: ResourceVersion,
    },
    /// Nothing happened up to this version.
    Bookmark(ResourceVersion),
    /// An object could not be read. The watch goes on behind it.
    Undecodable(Undecodable),
    /// The server ends the watch with an error.
    Error(Status),
}

impl Watch {
    pub(super) fn new(kind: Kind, body: Body) -> Self {
        Self { kind, body, buffer: BytesMut::new() }
    }

    /// The next event, or nothing when the server has ended the watch in good order. Of an object
    /// that `is_known` only the version is told.
    pub async fn next(
        &mut self,
        is_known: impl Fn(&Identity) -> bool,
    ) -> Result<Option<WatchEvent>, WireError> {
        let mut searched = 0;
        loop {
            let unsearched = self.buffer.get(searched..).unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', unsearched) {
                let line = self.buffer.split_to(searched + end + 1);
                return json::watch_event(self.kind, line.trim_ascii(), is_known).map(Some);
            }
            searched = self.buffer.len();
            if searched > LONGEST_LINE {
                return Err(WireError::Decode(format!("an event of over {LONGEST_LINE} bytes")));
            }
            if !self.read().await? {
                return Ok(None);
            }
        }
    }

    async fn read(&mut self) -> Result<bool, WireError> {
        let frame = tokio::time::timeout(LONGEST_SILENCE, self.body.frame())
            .await
            .map_err(|_| WireError::Deadline(LONGEST_SILENCE))?;
        match frame {
            None => Ok(false),
            Some(Err(error)) => Err(WireError::transport(error)),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    self.buffer.extend_from_slice(&data);
                }
                Ok(true)
            }
        }
    }
}
