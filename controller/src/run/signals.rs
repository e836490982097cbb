//! SIGTERM and SIGINT: the first asks for an end, the second makes one.

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Listens from now on. The token is cancelled by the first signal; a second one ends the process at
/// once, with exit code 1.
///
/// # Errors
/// If signals cannot be listened to.
pub fn first() -> Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let first = stop.clone();
    tokio::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::info!("Shutting down");
        first.cancel();
        either(&mut terminate, &mut interrupt).await;
        tracing::error!("Second signal: ending at once");
        std::process::exit(1);
    });
    Ok(stop)
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
