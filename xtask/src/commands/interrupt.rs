//! Ctrl-C: the first asks the run to end and clean up, the second abandons it.

use std::num::NonZeroUsize;

use harness::model::event::Events;
use harness::{Error, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::called;
use crate::display;
use crate::ending::Ending;
use crate::flags::Format;

/// A token that SIGINT or SIGTERM cancels. The second of them ends the process at once, with the
/// verdict of what is interrupted.
pub(crate) fn token(format: Format) -> CancellationToken {
    let cancelled = CancellationToken::new();
    let watched = cancelled.clone();
    tokio::spawn(async move {
        let streams = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        let (Ok(mut interrupt), Ok(mut terminate)) = streams else { return };
        either(&mut interrupt, &mut terminate).await;
        let cleaning =
            "interrupted: cleaning up; once more abandons it (cargo xtask clean then does)";
        eprintln!("{}", called::said(cleaning));
        watched.cancel();
        either(&mut interrupt, &mut terminate).await;
        let error = Error::interrupted();
        // Held until the end: the verdict is the last line.
        let _last = std::io::stdout().lock();
        let _ = Ending::from(&error).close(format);
        std::process::exit(i32::from(error.kind().exit_code()));
    });
    cancelled
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Runs blocking work and shows its events, until it ends or is interrupted. What still runs
/// then dies with the process: it only reads.
pub(crate) async fn blocking<T: Send + 'static>(
    format: Format,
    work: impl FnOnce(&Events) -> Result<T> + Send + 'static,
) -> Result<T> {
    let interrupted = token(format);
    let (events, received) = Events::channel();
    let shown = tokio::spawn(display::follow(received, format));
    tokio::select! {
        ended = tokio::task::spawn_blocking(move || work(&events)) => {
            let _ = shown.await;
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
        }
        () = interrupted.cancelled() => {
            // What still runs is not shown any more: the verdict is the last line.
            shown.abort();
            let _ = shown.await;
            Err(Error::interrupted())
        }
    }
}

/// How many to use of what there is one of for each core.
pub(crate) fn jobs(asked: Option<NonZeroUsize>) -> usize {
    asked.or_else(|| std::thread::available_parallelism().ok()).map_or(2, NonZeroUsize::get)
}
