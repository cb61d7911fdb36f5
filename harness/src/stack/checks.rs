//! Has services say themselves when they are ready: the health check that each has is run inside
//! its container, again and again, until it succeeds. The engine runs it, too, but only every few
//! seconds, and goes on for as long as the container lives.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use super::engine::{Container, Engine};
use crate::process::Command;

/// Ends when the command does, or after ten minutes at the most: who started it may be gone.
const UNTIL: &str = r#"n=0; until "$@" >/dev/null 2>&1; do
    n=$((n + 1)); [ "$n" -lt 3000 ] || exit 1; sleep 0.2 || sleep 1
done"#;

/// The checks that are being made.
#[derive(Default)]
pub(super) struct Checks {
    /// Each gives back its container if its check succeeded.
    made: JoinSet<Option<String>>,
    /// Containers whose check was begun.
    begun: BTreeSet<String>,
}

impl Checks {
    /// Begins the checks of those of which none was begun.
    pub(super) fn begin<'a>(
        &mut self,
        engine: &Engine,
        containers: impl Iterator<Item = &'a Container>,
    ) {
        for container in containers {
            let Some(words) = command(&container.check) else { continue };
            if self.begun.insert(container.id.clone()) {
                let exec = engine.docker(["exec", &container.id, "sh", "-c", UNTIL, "sh"]);
                self.made.spawn(check(exec.args(words), container.id.clone()));
            }
        }
    }

    /// The container whose check has succeeded next. Never comes back when there is none: the
    /// engine has the last word on a service that this cannot ask.
    pub(super) async fn next(&mut self) -> String {
        while let Some(made) = self.made.join_next().await {
            if let Ok(Some(id)) = made {
                return id;
            }
        }
        std::future::pending().await
    }
}

async fn check(exec: Command, id: String) -> Option<String> {
    let ended = exec.timeout(std::time::Duration::from_secs(700)).run().await;
    ended.is_ok_and(|output| output.succeeded()).then_some(id)
}

/// The words of a health check as the engine keeps them, if it is one.
fn command(check: &[String]) -> Option<Vec<String>> {
    match check {
        [kind, words @ ..] if kind == "CMD" && !words.is_empty() => Some(words.to_vec()),
        [kind, line] if kind == "CMD-SHELL" => {
            Some(["/bin/sh", "-c", line].map(str::to_owned).to_vec())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_read_in_either_form_and_none_is_none() {
        let command = |words: &[&str]| {
            command(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
        };
        let expected = |words: &[&str]| Some(words.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(command(&["CMD", "ping", "-c1"]), expected(&["ping", "-c1"]));
        assert_eq!(command(&["CMD-SHELL", "a | b"]), expected(&["/bin/sh", "-c", "a | b"]));
        for none in [&["NONE"][..], &[], &["CMD"], &["CMD-SHELL"]] {
            assert_eq!(command(none), None, "{none:?}");
        }
    }

    #[tokio::test]
    async fn what_is_asked_until_it_succeeds_ends_when_it_does() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("ready");
        let runner = crate::process::Runner::new(tokio_util::sync::CancellationToken::new());
        let ask = runner.command("sh").args(["-c", UNTIL, "sh", "test", "-e"]).arg(&file);
        let asked = tokio::spawn(ask.run());
        std::fs::write(&file, "").expect("written");
        let output = asked.await.expect("no panic").expect("sh runs");
        assert!(output.succeeded());
    }
}
