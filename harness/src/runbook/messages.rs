//! The messages that a runbook explains, held against the programs that are said to print
//! them: a message that no program has is one that no operator will ever look up.

use std::fs;
use std::path::Path;

use crate::error::{Attempt, Error, Result};

/// Stands for what differs from one time to the next.
const ANYTHING: char = '…';

/// A message, and the files one of which is said to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Line of the text, from 1.
    pub line: usize,
    /// The message; `…` stands for any text.
    pub message: String,
    /// Patterns of file names below the stack's folder.
    pub sources: Vec<String>,
}

/// The texts of the files below a folder that match patterns; each matches some.
pub fn sources(dir: &Path, patterns: &[String]) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for pattern in patterns {
        let unknown = || Error::usage(format!("no file below {} is {pattern:?}", dir.display()));
        let full = dir.join(pattern).display().to_string();
        let files = glob::glob(&full).map_err(|cause| unknown().because(cause))?;
        let before = texts.len();
        for file in files.filter_map(std::result::Result::ok) {
            let text = fs::read_to_string(&file);
            texts.push(text.attempt(|| format!("cannot read {}", file.display()))?);
        }
        if texts.len() == before {
            return Err(unknown());
        }
    }
    Ok(texts)
}

/// The claims whose message is on no line of any of these texts.
#[must_use]
pub fn unprinted<'a>(claims: &'a [Claim], sources: &[String]) -> Vec<&'a Claim> {
    let sources = sources.iter().map(|text| text.replace("\\\"", "\"")).collect::<Vec<_>>();
    let printed = |claim: &Claim| {
        let mut lines = sources.iter().flat_map(|text| text.lines());
        lines.any(|line| has(line, &claim.message))
    };
    claims.iter().filter(|claim| !printed(claim)).collect()
}

/// Whether a line has the parts of a message, in their order.
fn has(line: &str, message: &str) -> bool {
    let mut parts =
        message.split(ANYTHING).map(str::trim).filter(|part| !part.is_empty()).peekable();
    let mut rest = Some(line);
    parts.peek().is_some()
        && parts.all(|part| {
            rest = rest.and_then(|text| text.split_once(part)).map(|(_, behind)| behind);
            rest.is_some()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(message: &str, source: &str) -> bool {
        let claim = Claim { line: 1, message: message.to_owned(), sources: Vec::new() };
        unprinted(&[claim], &[source.to_owned()]).is_empty()
    }

    #[test]
    fn a_message_is_found_with_its_variable_parts_left_out() {
        let source = "first\nfail \"$archive is of PostgreSQL $from, this stack runs $major\"\n";
        assert!(named("… is of PostgreSQL …, this stack runs …", source));
        assert!(named(
            "neither \"docker compose\" nor",
            r#"fail "neither \"docker compose\" nor""#
        ));
    }

    #[test]
    fn a_message_that_nothing_prints_is_named() {
        let source = "fail \"$1 is empty\"\nfail \"$1 is damaged\"";
        for message in ["… is emptied", "… is empty … is damaged", "damaged … is", "…", " … … "]
        {
            assert!(!named(message, source), "{message}");
        }
    }
}
