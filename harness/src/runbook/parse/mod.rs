//! The text of a runbook → its steps. Pure. Refuses a block without a marker, and a marker that
//! expects nothing of what it runs.
//!
//! A marker is an HTML comment directly before its block: fields separated by `;`, the first
//! of which names the step. `docs/runbook.md` has the grammar.

use jiff::civil::Time;

use super::Fault;
use super::messages::Claim;

const FENCE: &str = "```";
const COMMENT: (&str, &str) = ("<!--", "-->");
const STEP: &str = "étape";
const EXPECTED: &str = "attendu";
const PLACE: &str = "où";
const TIME: &str = "heure";
const FILE: &str = "fichier";
const NOT_RUN: &str = "non exécuté";
const MESSAGES: &str = "messages";

/// What is in a runbook that a machine can hold it to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runbook {
    /// Its blocks, in order.
    pub steps: Vec<Step>,
    /// The error messages that it claims programs print.
    pub claims: Vec<Claim>,
}

/// A block of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name, unlike any other.
    pub name: String,
    /// Line of the text on which the block begins, from 1.
    pub line: usize,
    /// What is in it, to the letter.
    pub text: String,
    /// What becomes of it.
    pub role: Role,
}

/// What becomes of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It is run.
    Run {
        /// Where.
        place: Place,
        /// What it must do.
        expected: Expected,
    },
    /// It is the content of a file, which later steps in the container find at this path.
    File(String),
    /// It is not run, for a reason that the reader is told.
    NotRun(String),
}

/// Where a block is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On this host, its `docker` bound to the sandbox.
    Host,
    /// In a container that has what a server has: cron, systemd's tools, a mailer.
    Container,
    /// In such a container, once its cron, started by a clock that showed this time, has run.
    Night(Time),
}

/// What a block must do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Exit code.
    pub exit_code: i32,
    /// Texts that standard output has.
    pub output: Vec<String>,
    /// Texts that standard error has.
    pub error: Vec<String>,
}

impl Expected {
    /// What is different in what was seen; nothing if all is as it must be.
    #[must_use]
    pub fn unmet(&self, exit_code: Option<i32>, output: &str, error: &str) -> Vec<String> {
        let mut unmet = Vec::new();
        if exit_code != Some(self.exit_code) {
            let seen = exit_code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
            unmet.push(format!("expected exit code {}, seen {seen}", self.exit_code));
        }
        for (texts, seen, stream) in
            [(&self.output, output, "standard output"), (&self.error, error, "standard error")]
        {
            let missing = texts.iter().filter(|text| !seen.contains(text.as_str()));
            unmet.extend(missing.map(|text| format!("expected {text:?} on {stream}, not seen")));
        }
        unmet
    }
}

impl Runbook {
    /// Reads the text.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut reading =
            Reading { lines: text.lines().enumerate().peekable(), found: Self::default() };
        reading.all()?;
        Ok(reading.found)
    }
}

type Lines<'a> = std::iter::Peekable<std::iter::Enumerate<std::str::Lines<'a>>>;

struct Reading<'a> {
    lines: Lines<'a>,
    found: Runbook,
}

impl Reading<'_> {
    fn all(&mut self) -> Result<(), Fault> {
        // The marker that waits for its block, and its line.
        let mut marker = None;
        while let Some((index, line)) = self.lines.next() {
            let number = index + 1;
            if let Some(text) = line.strip_prefix(COMMENT.0) {
                let text = self.comment(number, text)?;
                if let Some(sources) =
                    text.strip_prefix(MESSAGES).and_then(|it| it.strip_prefix(':'))
                {
                    self.claims(sources)?;
                } else if is_marker(&text) {
                    marker = Some((number, text));
                }
            } else if line.trim_start().starts_with(FENCE) || line.trim_start().starts_with("~~~") {
                self.block(number, line, marker.take())?;
            } else if let Some((at, _)) = marker.as_ref().filter(|_| !line.trim().is_empty()) {
                return Err(fault(*at, "this marker is not directly before a block"));
            }
        }
        match marker {
            Some((at, _)) => Err(fault(at, "this marker has no block")),
            None => Ok(()),
        }
    }

    /// The inside of a comment that begins on a line.
    fn comment(&mut self, number: usize, first: &str) -> Result<String, Fault> {
        let mut text = first.to_owned();
        while !text.contains(COMMENT.1) {
            let (_, line) =
                self.lines.next().ok_or_else(|| fault(number, "this comment has no end"))?;
            text.push(' ');
            text.push_str(line.trim());
        }
        let (inside, behind) = text.split_once(COMMENT.1).unwrap_or_default();
        if behind.trim().is_empty() {
            Ok(inside.trim().to_owned())
        } else {
            Err(fault(number, "there is text behind this comment, on its last line"))
        }
    }

    fn block(
        &mut self,
        number: usize,
        fence: &str,
        marker: Option<(usize, String)>,
    ) -> Result<(), Fault> {
        let language = fence.strip_prefix(FENCE).filter(|rest| !rest.starts_with('`'));
        let language = language
            .ok_or_else(|| fault(number, "a block begins at the margin, with three backticks"))?;
        let mut text = String::new();
        loop {
            match self.lines.next() {
                None => return Err(fault(number, "this block has no end")),
                Some((_, line)) if line.trim_end() == FENCE => break,
                Some((_, line)) => {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        let (_, marker) = marker.ok_or_else(|| fault(number, "this block has no marker"))?;
        let (name, role) = role(&marker).map_err(|what| fault(number, &what))?;
        let is_shell = matches!(language.trim(), "bash" | "sh");
        if matches!(role, Role::Run { .. }) && !is_shell {
            return Err(fault(number, "this block is to be run, so it must be bash"));
        }
        if text.trim().is_empty() {
            return Err(fault(number, "this block is empty"));
        }
        if let Some(other) = self.found.steps.iter().find(|step| step.name == name) {
            return Err(fault(number, &format!("line {} has a step {name:?} already", other.line)));
        }
        self.found.steps.push(Step { name, line: number, text, role });
        Ok(())
    }

    /// The rows of the table that follows, whose first cells are messages.
    fn claims(&mut self, sources: &str) -> Result<(), Fault> {
        let sources = sources.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        while self.lines.next_if(|(_, line)| line.trim().is_empty()).is_some() {}
        let mut head = 2;
        while let Some((index, row)) = self.lines.next_if(|(_, line)| line.starts_with('|')) {
            if head > 0 {
                head -= 1;
                continue;
            }
            let message = row.split('`').nth(1).filter(|it| !it.trim().is_empty());
            let message = message
                .ok_or_else(|| fault(index + 1, "this row begins with no message in backticks"))?;
            let cells = row.replace("\\|", "").matches('|').count() - 1;
            if cells != 3 {
                return Err(fault(index + 1, "a row has a message, a cause and a remedy"));
            }
            let claim =
                Claim { line: index + 1, message: message.to_owned(), sources: sources.clone() };
            self.found.claims.push(claim);
        }
        Ok(())
    }
}

fn fault(line: usize, what: &str) -> Fault {
    Fault { line, what: what.to_owned() }
}

fn is_marker(comment: &str) -> bool {
    comment.strip_prefix(STEP).is_some_and(|rest| rest.trim_start().starts_with(':'))
}

/// The name and the role that a marker gives its block.
fn role(marker: &str) -> Result<(String, Role), String> {
    let mut fields = Vec::new();
    for field in split(marker, ';') {
        let (key, value) =
            field.split_once(':').ok_or_else(|| format!("{field:?} has no \":\""))?;
        let (key, value) = (key.trim(), value.trim());
        if value.is_empty() || fields.iter().any(|(other, _)| *other == key) {
            return Err(format!("{key:?} is empty or given twice"));
        }
        fields.push((key, value));
    }
    let mut take = |key: &str| {
        let at = fields.iter().position(|(name, _)| *name == key)?;
        Some(fields.remove(at).1)
    };
    let name = take(STEP).unwrap_or_default().to_owned();
    let (expected, place, time) = (take(EXPECTED), take(PLACE), take(TIME));
    let (file, not_run) = (take(FILE), take(NOT_RUN));
    if let Some((key, _)) = fields.first() {
        return Err(format!("{key:?} is unknown: {EXPECTED}, {PLACE}, {TIME}, {FILE}, {NOT_RUN}"));
    }
    if time.is_some() && expected.is_none() {
        return Err(format!("{TIME} is for what is run"));
    }
    let role = match (expected, place, file, not_run) {
        (Some(expected), place, None, None) => {
            Role::Run { place: placed(place, time)?, expected: expectation(expected)? }
        }
        (None, None, Some(path), None) if path.starts_with('/') && !path.contains("..") => {
            Role::File(path.to_owned())
        }
        (None, None, Some(path), None) => return Err(format!("{path:?} is not an absolute path")),
        (None, None, None, Some(reason)) => Role::NotRun(reason.to_owned()),
        _ => return Err(format!("a step has one of: {EXPECTED}, {FILE}, {NOT_RUN}")),
    };
    Ok((name, role))
}

fn placed(place: Option<&str>, time: Option<&str>) -> Result<Place, String> {
    match (place, time) {
        (None | Some("hôte"), None) => Ok(Place::Host),
        (Some("conteneur"), None) => Ok(Place::Container),
        (Some("conteneur"), Some(time)) => {
            let time = time.parse().map_err(|_| format!("{time:?} is no time of a day"))?;
            Ok(Place::Night(time))
        }
        (None | Some("hôte"), Some(_)) => Err(format!("{TIME}: the clock of a host is its own")),
        (Some(other), _) => Err(format!("{other:?} is no place: hôte, conteneur")),
    }
}

/// `code 0, sortie contient "…", erreur contient "…"`.
fn expectation(text: &str) -> Result<Expected, String> {
    let mut expected = Expected::default();
    let mut code = None;
    for part in split(text, ',') {
        if let Some(number) = part.strip_prefix("code ") {
            code = Some(
                number.trim().parse::<u8>().map_err(|_| format!("{number:?} is no exit code"))?,
            );
        } else if let Some(words) = part.strip_prefix("sortie contient ") {
            expected.output.push(quoted(words)?);
        } else if let Some(words) = part.strip_prefix("erreur contient ") {
            expected.error.push(quoted(words)?);
        } else {
            return Err(format!(
                "{part:?} is not understood: code N, sortie contient \"…\", erreur contient \"…\""
            ));
        }
    }
    expected.exit_code = code.ok_or("no exit code is expected")?.into();
    // Otherwise a block that does nothing at all would do what is expected of it.
    if expected.output.is_empty() && expected.error.is_empty() {
        return Err("no text is expected: say what the block prints".to_owned());
    }
    Ok(expected)
}

fn quoted(text: &str) -> Result<String, String> {
    let inside = text.trim().strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let inside = inside.filter(|it| !it.trim().is_empty() && !it.contains('"'));
    inside.map(str::to_owned).ok_or_else(|| format!("{text:?} is not a text in quotes"))
}

/// Splits outside of quotes, and trims.
fn split(text: &str, at: char) -> Vec<&str> {
    let mut inside = false;
    let parts = text.split(move |c: char| {
        inside ^= c == '"';
        c == at && !inside
    });
    parts.map(str::trim).collect()
}

#[cfg(test)]
mod tests;
