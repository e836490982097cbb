//! One open watch: events out of a body that does not end, in lines of JSON or in frames of protobuf.
//! A list that is streamed is a watch that begins with all there is.

use std::time::Duration;

use bytes::BytesMut;
use controller_core::facts::Fact;
use controller_core::key::{Kind, NamespacedName, ResourceVersion, Text};
use http_body_util::BodyExt;
use kube::client::Body;

use super::encoding::Encoding;
use super::{CALL_DEADLINE, Status, Undecodable, WireError};

/// No object is larger than what etcd takes by far; an event beyond this is not one.
const LONGEST_EVENT: usize = 32 << 20;
/// How many bytes tell the length of a frame.
const FRAME_HEAD: usize = 4;

/// Bookmarks come about once a minute. A watch that is silent for longer than this is dead, even
/// if nobody has closed it.
const LONGEST_SILENCE: Duration = Duration::from_secs(150);

/// The body of a watch, of which nothing has been read.
pub(super) struct Opened {
    pub encoding: Encoding,
    pub body: Body,
}

/// An open watch.
pub struct Watch {
    kind: Kind,
    encoding: Encoding,
    body: Body,
    /// After which silence it counts as dead.
    patience: Duration,
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
    /// Everything that there is at this version has been shown. Changes follow.
    Listed(ResourceVersion),
    /// An object could not be read. The watch goes on behind it.
    Undecodable(Undecodable),
    /// The server ends the watch with an error.
    Error(Status),
}

impl WatchEvent {
    /// The version that the watch has come to with it, where it says.
    pub fn version(&self) -> Option<ResourceVersion> {
        match self {
            WatchEvent::Applied(_, version)
            | WatchEvent::Known(version)
            | WatchEvent::Deleted { resource_version: version, .. }
            | WatchEvent::Bookmark(version)
            | WatchEvent::Listed(version) => Some(*version),
            WatchEvent::Undecodable(undecodable) => undecodable.resource_version,
            WatchEvent::Error(_) => None,
        }
    }
}

impl Watch {
    /// A watch of what changes. It may be silent as long as bookmarks are apart.
    pub(super) fn of_changes(kind: Kind, opened: Opened) -> Self {
        let Opened { encoding, body } = opened;
        let (patience, buffer) = (LONGEST_SILENCE, BytesMut::new());
        Self { kind, encoding, body, patience, buffer, searched: 0 }
    }

    /// A watch that begins with a list, in which there is no reason to be silent.
    pub(super) fn with_list(kind: Kind, opened: Opened) -> Self {
        Self { patience: CALL_DEADLINE, ..Self::of_changes(kind, opened) }
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
                let event = self.encoding.watch_event(self.kind, &event, is_known)?;
                if let WatchEvent::Listed(_) = event {
                    self.patience = LONGEST_SILENCE;
                }
                return Ok(Some(event));
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
        let frame = tokio::time::timeout(self.patience, self.body.frame())
            .await
            .map_err(|_| WireError::Deadline(self.patience))?;
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
