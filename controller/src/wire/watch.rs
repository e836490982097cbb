//! One open watch: events out of a body that does not end, in lines of JSON or in frames of protobuf.

use std::time::Duration;

use bytes::BytesMut;
use controller_core::facts::Fact;
use controller_core::key::{Kind, NamespacedName, ResourceVersion, Text};
use http_body_util::BodyExt;
use kube::client::Body;

use super::encoding::Encoding;
use super::{Status, Undecodable, WireError};

/// No object is larger than what etcd takes by far; an event beyond this is not one.
const LONGEST_EVENT: usize = 32 << 20;
/// How many bytes tell the length of a frame.
const FRAME_HEAD: usize = 4;

/// Bookmarks come about once a minute. A watch that is silent for longer than this is dead, even
/// if nobody has closed it.
const LONGEST_SILENCE: Duration = Duration::from_secs(150);

/// An open watch.
pub struct Watch {
    kind: Kind,
    encoding: Encoding,
    body: Body,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end of a line.
    searched: usize,
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
    pub(super) fn new(kind: Kind, encoding: Encoding, body: Body) -> Self {
        Self { kind, encoding, body, buffer: BytesMut::new(), searched: 0 }
    }

    /// The next event, or nothing when the server has ended the watch in good order. Of an object
    /// that `is_known` only the version is told.
    pub async fn next(
        &mut self,
        is_known: impl Fn(&Identity) -> bool,
    ) -> Result<Option<WatchEvent>, WireError> {
        loop {
            let event = match self.encoding {
                Encoding::Json => self.take_line(),
                Encoding::Protobuf => self.take_frame()?,
            };
            if let Some(event) = event {
                return self.encoding.watch_event(self.kind, &event, is_known).map(Some);
            }
            if self.buffer.len() > LONGEST_EVENT {
                return Err(too_long());
            }
            if !self.read().await? {
                return Ok(None);
            }
        }
    }

    fn take_line(&mut self) -> Option<BytesMut> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', unsearched) else {
            self.searched = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(self.searched + end + 1);
        self.searched = 0;
        Some(line)
    }

    fn take_frame(&mut self) -> Result<Option<BytesMut>, WireError> {
        let Some(head) = self.buffer.first_chunk::<FRAME_HEAD>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*head)).map_err(|_| too_long())?;
        if length > LONGEST_EVENT {
            return Err(too_long());
        }
        if self.buffer.len() < FRAME_HEAD + length {
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(FRAME_HEAD + length);
        Ok(Some(frame.split_off(FRAME_HEAD)))
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

fn too_long() -> WireError {
    WireError::Decode(format!("an event of over {LONGEST_EVENT} bytes"))
}
