//! What the engine says of a run's containers, as it happens: so that whoever waits for one
//! need not ask again and again.

use serde::Deserialize;

use super::engine::Engine;
use crate::error::Result;
use crate::process::Lines;

/// What has happened to a container.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Happening {
    /// Its health check has succeeded.
    Healthy(String),
    /// Something else: what that means, a look at it tells.
    Other,
}

/// An event as the engine's client prints it, as far as it matters.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "Action")]
    action: String,
    #[serde(rename = "Actor")]
    actor: Actor,
}

#[derive(Debug, Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
}

/// Listens to the engine. It may miss what happens before it is heard to listen.
pub(super) struct Watch {
    lines: Lines,
    over: bool,
}

impl Watch {
    /// Begins to listen to what happens to the containers under a label.
    pub(super) fn begin(engine: &Engine, label: &str) -> Result<Self> {
        let filters = [&format!("label={label}"), "type=container", "event=health_status"];
        let filters = filters.into_iter().chain(["event=die"]);
        let filters = filters.flat_map(|filter| ["--filter".to_owned(), filter.to_owned()]);
        let command = engine.docker(["events", "--format", "{{json .}}"]).args(filters);
        Ok(Self { lines: command.lines()?, over: false })
    }

    /// What happens next. Never comes back once the engine has stopped telling.
    pub(super) async fn next(&mut self) -> Happening {
        if !self.over {
            if let Some(line) = self.lines.next().await {
                return understood(&line);
            }
            self.over = true;
        }
        std::future::pending().await
    }

    /// Stops listening.
    pub(super) async fn end(self) {
        self.lines.end().await;
    }
}

fn understood(line: &str) -> Happening {
    match serde_json::from_str::<Event>(line) {
        Ok(event) if event.action == "health_status: healthy" => Happening::Healthy(event.actor.id),
        // Engines that speak otherwise are asked.
        Ok(_) | Err(_) => Happening::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_health_check_that_succeeded_is_taken_at_its_word() {
        let event = |action: &str| {
            let actor = r#""Actor":{"ID":"5f2d","Attributes":{"exitCode":"1"}}"#;
            format!(r#"{{"status":"x","Type":"container","Action":"{action}",{actor},"time":1}}"#)
        };
        let healthy = understood(&event("health_status: healthy"));
        assert_eq!(healthy, Happening::Healthy("5f2d".to_owned()));
        for line in [&event("health_status: unhealthy"), &event("die"), "", "2026-11-29 died"] {
            assert_eq!(understood(line), Happening::Other, "{line}");
        }
    }
}
