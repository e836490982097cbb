//! A Status out of protobuf: why the API server refuses.

use std::time::Duration;

use http::StatusCode;

use super::message::{Malformed, Message};
use crate::wire::Status;

/// Reads a Status.
pub fn status(mut message: Message<'_>) -> Result<Status, Malformed> {
    let mut status = Status {
        code: StatusCode::INTERNAL_SERVER_ERROR,
        reason: String::new(),
        message: String::new(),
        causes: Vec::new(),
        retry_after: None,
    };
    while let Some(field) = message.next()? {
        match field.number {
            3 => status.message = field.text()?.to_owned(),
            4 => status.reason = field.text()?.to_owned(),
            5 => details(field.message()?, &mut status)?,
            6 => {
                let code = u16::try_from(field.integer()?).ok();
                status.code =
                    code.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(status.code);
            }
            _ => {}
        }
    }
    Ok(status)
}

fn details(mut message: Message<'_>, status: &mut Status) -> Result<(), Malformed> {
    while let Some(field) = message.next()? {
        match field.number {
            4 => {
                let mut cause = field.message()?;
                while let Some(field) = cause.next()? {
                    if field.number == 1 {
                        status.causes.push(field.text()?.to_owned());
                    }
                }
            }
            5 => {
                let seconds = u64::try_from(field.integer()?).unwrap_or(0);
                status.retry_after = (seconds > 0).then(|| Duration::from_secs(seconds));
            }
            _ => {}
        }
    }
    Ok(())
}
