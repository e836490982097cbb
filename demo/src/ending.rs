//! When to end: on Ctrl-C, or when whoever started us wants it or is gone.

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

/// Is done when this process is asked to end. From the call on, being asked does not kill it, so that
/// what was started can be ended in good order.
///
/// # Errors
/// If signals cannot be listened to.
pub fn asked_for() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}
