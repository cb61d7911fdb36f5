//! Commands that take minutes: their last line is progress, and their last lines are kept for
//! the case that they fail.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::model::event::Events;
use crate::process::{Command, Output, Runner};

/// Lines kept to explain a failure.
const LINES_KEPT: usize = 30;

/// Of a line, this much is shown as progress.
const SHOWN_CHARS: usize = 100;

/// Between two lines shown as progress.
const SHOW_EVERY: Duration = Duration::from_millis(250);

/// A command whose standard error is joined to its standard output, in the order of writing.
pub(super) fn both_streams(runner: &Runner, words: Vec<String>) -> Command {
    runner.command("sh").args(["-c", "exec \"$@\" 2>&1", "sh"]).args(words)
}

/// Runs `command` and shows its last line as progress of `what`. Gives back its last lines.
pub(super) async fn follow(
    command: Command,
    what: &str,
    events: &Events,
) -> Result<(Output, Vec<String>)> {
    let what = what.to_owned();
    let events = events.clone();
    let (output, tail) = command
        .read_by(move |pipe| {
            let mut tail = VecDeque::with_capacity(LINES_KEPT);
            let mut shown_at = None::<Instant>;
            for line in BufReader::new(pipe).split(b'\n') {
                // The exit code tells whether the end of the output is missing.
                let Ok(line) = line else { break };
                let line = plain(&String::from_utf8_lossy(&line));
                if line.is_empty() {
                    continue;
                }
                if shown_at.is_none_or(|at| at.elapsed() >= SHOW_EVERY) {
                    shown_at = Some(Instant::now());
                    let (done, total) = step(&line).unzip();
                    let line = line.chars().take(SHOWN_CHARS).collect::<String>();
                    events.progress(format!("{what}: {line}"), done.unwrap_or_default(), total);
                }
                if tail.len() == LINES_KEPT {
                    tail.pop_front();
                }
                tail.push_back(line);
            }
            Ok(Vec::from(tail))
        })
        .await?;
    Ok((output, tail?))
}

/// A line without colours (ECMA-48 control sequences) and other control characters.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // Parameters, up to the letter that ends the sequence.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else if !character.is_control() {
            text.push(character);
        }
    }
    text.trim().to_owned()
}

/// `Step 3/9 : RUN …` of the classic builder, `#7 [3/9] RUN …` of `BuildKit`.
fn step(line: &str) -> Option<(u64, u64)> {
    let counts = match line.strip_prefix("Step ") {
        Some(rest) => rest.split(' ').next()?,
        None => {
            line.strip_prefix('#')?.split_once('[')?.1.split_once(']')?.0.split(' ').next_back()?
        }
    };
    let (done, total) = counts.split_once('/')?;
    Some((done.parse().ok()?, total.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_both_builders_are_read() {
        assert_eq!(step("Step 3/9 : RUN set -eu"), Some((3, 9)));
        assert_eq!(step("#7 [2/5] RUN set -eu"), Some((2, 5)));
        assert_eq!(step("#7 [final 2/5] RUN set -eu"), Some((2, 5)));
        assert_eq!(step("#7 0.312 Get:1 http://deb.debian.org/debian"), None);
        assert_eq!(step("Unpacking curl (7.88)"), None);
    }

    #[test]
    fn colours_and_carriage_returns_are_taken_out() {
        assert_eq!(plain("\u{1b}[91mW: \u{1b}[0mcareful\r"), "W: careful");
        assert_eq!(plain(" ---> 5f2d\n"), "---> 5f2d");
    }

    #[tokio::test]
    async fn the_last_lines_of_both_streams_are_kept_in_order() {
        let runner = Runner::new(tokio_util::sync::CancellationToken::new());
        let script = "for i in $(seq 40); do echo line $i; done; echo broken >&2; exit 3";
        let words = ["sh", "-c", script].map(str::to_owned).to_vec();
        let (events, mut seen) = Events::channel();
        let command = both_streams(&runner, words);
        let (output, tail) = follow(command, "x", &events).await.expect("sh runs");
        assert_eq!(output.exit_code, Some(3));
        assert_eq!(tail.len(), LINES_KEPT);
        assert_eq!(tail[0], "line 12");
        assert_eq!(tail[LINES_KEPT - 1], "broken");
        assert!(seen.try_recv().is_ok());
    }
}
