//! When to stop.

use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Turns true at SIGTERM, and at SIGINT when nobody `supervises` us: a supervisor's Ctrl-C is the supervisor's affair.
pub(super) fn listen(supervised: bool) -> io::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stop, stopped) = watch::channel(false);
    tokio::task::spawn_local(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => if !supervised { break },
            }
        }
        stop.send_replace(true);
        stop.closed().await;
    });
    Ok(stopped)
}
