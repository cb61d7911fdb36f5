//! What one command writes, read by another, no faster than it may be.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::time::{Duration, Instant};

use crate::error::{Attempt, Result};
use crate::model::event::Events;
use crate::process::{Command, Output};
use crate::stack::database::blocking;

/// Bytes that are read at a time.
const PIECE: usize = 256 << 10;

/// Pause between two reports of progress.
const REPORTED: Duration = Duration::from_millis(500);

/// How a stream goes by.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    /// Bytes a second at most.
    pub(crate) rate: Option<u64>,
    /// What is read, for whoever watches.
    pub(crate) what: String,
    pub(crate) events: Events,
}

/// What came of a stream.
pub(crate) struct Streamed<T> {
    /// How the command ended that wrote.
    pub(crate) from: Output,
    /// How the command ended that read.
    pub(crate) to: Output,
    /// What was seen in passing.
    pub(crate) seen: Result<T>,
    /// How many bytes went by.
    pub(crate) bytes: Result<u64>,
}

/// Has `to` read what `from` writes, at its pace, while `watch` reads the same. A
/// watcher that wants nothing drops its end.
///
/// # Errors
/// Undecided when one of them cannot be started; how they end is for the caller to judge.
pub(crate) async fn stream<T: Send + 'static>(
    from: Command,
    to: Command,
    pace: Pace,
    watch: impl FnOnce(PipeReader) -> Result<T> + Send + 'static,
) -> Result<Streamed<T>> {
    let attempt = || "cannot make a pipe";
    let (mut out, into) = io::pipe().attempt(attempt)?;
    let (seen, shown) = io::pipe().attempt(attempt)?;
    let read = from.read_by(move |source| pace.copy(source, into, shown));
    let written = to.written_by(move |mut sink| {
        io::copy(&mut out, &mut sink).attempt(|| "cannot pass on what was read")
    });
    let watched = async { Ok(blocking(move || watch(seen)).await) };
    let ((from, bytes), (to, _), seen) = tokio::try_join!(read, written, watched)?;
    Ok(Streamed { from, to, seen, bytes })
}

impl Pace {
    /// Copies to both ends, and waits where it is ahead of the rate. Whoever watches may have enough.
    fn copy(self, mut source: File, mut into: impl Write, shown: impl Write) -> Result<u64> {
        let mut shown = Some(shown);
        let (begun, mut bytes, mut piece) = (Instant::now(), 0, vec![0; PIECE]);
        let mut reported = begun;
        loop {
            let read = source.read(&mut piece).attempt(|| "cannot read the stream")?;
            if read == 0 {
                return Ok(bytes);
            }
            into.write_all(&piece[..read]).attempt(|| "the reader ended early")?;
            shown =
                shown.and_then(|mut shown| shown.write_all(&piece[..read]).ok().map(|()| shown));
            bytes += read as u64;
            if reported.elapsed() > REPORTED {
                self.events.progress(format!("bytes of {}", self.what), bytes, None);
                reported = Instant::now();
            }
            if let Some(rate) = self.rate {
                let due = Duration::from_secs_f64(bytes as f64 / rate as f64);
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::process::Runner;

    async fn streamed(from: &str, to: &str, rate: Option<u64>) -> Streamed<String> {
        let runner = Runner::new(CancellationToken::new());
        let command = |script: &str| runner.command("sh").args(["-c", script]);
        let watch = |pipe| io::read_to_string(pipe).attempt(|| "cannot watch");
        let pace = Pace { rate, what: "zeros".to_owned(), events: Events::ignored() };
        stream(command(from), command(to), pace, watch).await.expect("both were started")
    }

    #[tokio::test]
    async fn both_ends_see_all_of_it_and_no_faster_than_allowed() {
        let begun = Instant::now();
        let streamed = streamed("head -c 40000 /dev/zero", "wc -c", Some(100_000)).await;
        assert_eq!(streamed.to.text(), "40000");
        assert_eq!(streamed.seen.expect("watched").len(), 40_000);
        assert_eq!(streamed.bytes.expect("counted"), 40_000);
        assert!(begun.elapsed() >= Duration::from_millis(390), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_source_that_ends_early_and_a_reader_that_refuses_are_told() {
        let cut = streamed("echo half; exit 3", "cat", None).await;
        assert_eq!((cut.from.exit_code, cut.to.text()), (Some(3), "half".to_owned()));
        let refused = streamed("head -c 9000000 /dev/zero", "exit 4", None).await;
        assert_eq!(refused.to.exit_code, Some(4));
        assert!(refused.bytes.is_err());
    }
}
