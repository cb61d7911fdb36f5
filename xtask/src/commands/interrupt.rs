//! Ctrl-C: the first asks the run to end and clean up, the second abandons it.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that SIGINT or SIGTERM cancels.
pub(crate) fn token() -> CancellationToken {
    let cancelled = CancellationToken::new();
    let watched = cancelled.clone();
    tokio::spawn(async move {
        let streams = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        let (Ok(mut interrupt), Ok(mut terminate)) = streams else { return };
        either(&mut interrupt, &mut terminate).await;
        eprintln!("interrupted: cleaning up; once more abandons it (cargo xtask clean then does)");
        watched.cancel();
        either(&mut interrupt, &mut terminate).await;
        std::process::exit(130);
    });
    cancelled
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
