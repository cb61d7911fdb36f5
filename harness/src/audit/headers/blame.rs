//! Who sends a header, and which line makes it so.

use super::policy::HeaderRule;
use super::value;
use crate::audit::nginx::{Destination, HeaderLine, Tree};
use crate::audit::{place_in_stack, settings};
use crate::model::finding::Place;
use crate::model::observed::{Exchange, Observed};

/// What is known of where an exchange's headers come from.
pub(super) struct Blame<'a> {
    observed: &'a Observed,
    exchange: &'a Exchange,
    destination: Option<Destination<'a>>,
}

impl<'a> Blame<'a> {
    pub(super) fn new(observed: &'a Observed, tree: &'a Tree, exchange: &'a Exchange) -> Self {
        let destination = tree.destination(exchange, &observed.host);
        Self { observed, exchange, destination }
    }

    /// Who sends a header: as many of its lines as `add_header` accounts for are nginx's, and
    /// the backend, asked by itself, says whether it sends one.
    pub(super) fn source(&self, header: &str) -> &'static str {
        match (self.lines(header).iter().any(|line| line.sent), self.passes(header)) {
            (true, true) => "nginx and Django",
            (true, false) => "nginx",
            (false, true) => "Django",
            (false, false) if self.observed.foreign => "the service",
            (false, false) => "somebody unknown",
        }
    }

    /// The line that sends a header.
    pub(super) fn cause(&self, header: &str) -> Option<Place> {
        let sent = self.lines(header).into_iter().find(|line| line.sent);
        sent.map(|line| self.place(line.place)).or_else(|| self.setting(header))
    }

    /// The line that sends a header once more: nginx's second, or the one beside which Django's
    /// copy ought to be hidden.
    pub(super) fn second(&self, header: &str) -> Option<Place> {
        let lines = self.lines(header);
        let line = lines.get(1).or(lines.first());
        line.map(|line| self.place(line.place)).or_else(|| self.setting(header))
    }

    /// What keeps a header from being sent: its line without `always`, the first `add_header`
    /// of a block that drops all those above it, or the block in which none is.
    pub(super) fn missing(&self, header: &str) -> Option<Place> {
        let destination = self.destination.as_ref()?;
        let silent = self.lines(header).into_iter().find(|line| !line.sent);
        let dropping = || {
            let dropped = destination.dropped().iter().any(|line| is(line, header));
            dropped.then(|| destination.headers().first().map(|line| line.place))?
        };
        let place = silent.map(|line| line.place).or_else(dropping);
        place.or_else(|| destination.place()).map(|place| self.place(place))
    }

    pub(super) fn why_missing(&self, header: &str) -> String {
        if self.is_opaque() {
            return "the answer is without it".to_owned();
        }
        let Some(destination) = &self.destination else {
            return "no server of the proxy's configuration answers here".to_owned();
        };
        if self.lines(header).iter().any(|line| !line.sent) {
            return format!(
                "without \"always\", nginx leaves it out of a {}",
                self.exchange.answer.status
            );
        }
        if destination.dropped().iter().any(|line| is(line, header)) {
            return "an add_header in this block drops all those of the blocks around it"
                .to_owned();
        }
        if destination.hides(header) {
            return "nginx hides Django's, and adds none of its own that has a value".to_owned();
        }
        "neither nginx nor Django sends it".to_owned()
    }

    pub(super) fn remedy(&self, kind: &str, rule: &HeaderRule) -> String {
        let header = &rule.name;
        match kind {
            "missing" if self.lines(header).iter().any(|line| !line.sent) => {
                format!("write \"always\" at the end of add_header {header}")
            }
            "missing" if self.is_opaque() && !rule.is.is_empty() => {
                format!("send {header}: {}, with every answer", rule.is.join(" or "))
            }
            "missing" if self.is_opaque() => {
                format!("send {header} as the policy has it, with every answer")
            }
            "missing" => {
                format!(
                    "include the file with all security headers in this block, {header} among them"
                )
            }
            "value" if !rule.is.is_empty() => format!("set {header} to {}", rule.is.join(" or ")),
            "value" => format!("set {header} as the policy has it"),
            "unwanted" => format!("do not send {header} here"),
            "disagree" => format!("say the same in both places, or have Django not send {header}"),
            _ if self.passes(header) => format!("hide Django's copy: proxy_hide_header {header};"),
            _ if self.is_opaque() => format!("send {header} once"),
            _ => format!("leave one add_header {header}"),
        }
    }

    /// Where Django's own value of a header is set.
    pub(super) fn setting(&self, header: &str) -> Option<Place> {
        self.exchange.backend.as_ref().filter(|answer| answer.value(header).is_some())?;
        settings::cause(self.observed, settings::of_header(header)?)
    }

    /// The two values, where nginx and Django would send different ones.
    pub(super) fn disagreement(
        &self,
        header: &str,
        sent: Option<&str>,
    ) -> Option<(String, String)> {
        let theirs = self.exchange.backend.as_ref()?.value(header)?;
        let ours =
            sent.filter(|_| self.destination.as_ref().is_some_and(|place| place.hides(header)))?;
        (!value::same(header, ours, theirs)).then(|| (ours.to_owned(), theirs.to_owned()))
    }

    /// Whether nothing is known of what sends the answers.
    fn is_opaque(&self) -> bool {
        self.observed.foreign && self.observed.proxy.is_empty()
    }

    /// Whether the backend's own copy of a header comes through.
    fn passes(&self, header: &str) -> bool {
        let hidden = self.destination.as_ref().is_some_and(|place| place.hides(header));
        let backend = self.exchange.backend.as_ref().filter(|_| self.exchange.is_of_backend());
        !hidden && backend.is_some_and(|answer| answer.value(header).is_some())
    }

    fn lines(&self, header: &str) -> Vec<HeaderLine<'a>> {
        let all = self.destination.as_ref().map(Destination::headers).unwrap_or_default();
        all.into_iter().filter(|line| is(line, header)).collect()
    }

    fn place(&self, place: &Place) -> Place {
        place_in_stack(self.observed, place)
    }
}

fn is(line: &HeaderLine<'_>, header: &str) -> bool {
    line.name.eq_ignore_ascii_case(header)
}
