//! `[[accept]]`: findings of the audit that the operator lives with, each for a reason that is
//! written down, and no longer than until a date.

use glob::Pattern;

use super::lines;
use crate::error::{Error, Result};
use crate::model::accept::Accept;
use crate::model::finding::Place;

/// Notes where each is written: all of them come from this file.
pub(super) fn locate(accepts: &mut [Accept], text: &str, file: &str) {
    for (accept, line) in accepts.iter_mut().zip(lines::of_list(text, "accept")) {
        accept.place = Some(Place { file: file.to_owned(), line: Some(line) });
    }
}

pub(super) fn validate(accepts: &[Accept]) -> Result<()> {
    for Accept { id, subject, reason, .. } in accepts {
        let wrong = |what: &str| Error::usage(format!("the acceptance of {id:?} {what}"));
        if reason.trim().is_empty() {
            return Err(wrong("has no reason").hint("say why it may stay in reason = \"…\""));
        }
        if let Some(Err(cause)) = subject.as_deref().map(Pattern::new) {
            return Err(wrong("has a subject that is no pattern")
                .because(cause)
                .hint("* and ? stand for any text; [ must be written [[]"));
        }
        if id.starts_with("accept.") {
            return Err(wrong("accepts what is said of acceptances")
                .hint("correct or remove the acceptance that it is about"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Lists {
        accept: Vec<Accept>,
    }

    fn read(text: &str) -> std::result::Result<Vec<Accept>, String> {
        let lists = toml::from_str::<Lists>(text).map_err(|cause| cause.to_string())?;
        let mut accepts = lists.accept;
        locate(&mut accepts, text, "drill.toml");
        validate(&accepts).map_err(|cause| cause.to_string())?;
        Ok(accepts)
    }

    const ONE: &str = "[[accept]]\nid = \"headers.value\"\nsubject = \"X-XSS-Protection on *\"\n\
                       reason = \"a decision\"\n";

    #[test]
    fn an_acceptance_means_its_id_and_its_subjects() {
        for until in ["until = 2027-01-31\n", "until = \"2027-01-31\"\n"] {
            let accepts = read(&format!("{ONE}{until}")).expect("valid");
            let [only] = &accepts[..] else { panic!("{accepts:?}") };
            assert_eq!(only.until.map(|day| day.to_string()).as_deref(), Some("2027-01-31"));
            assert_eq!(only.place.as_ref().and_then(|place| place.line), Some(2));
            assert!(only.means("headers.value", "X-XSS-Protection on GET / → 200 (https)"));
            assert!(!only.means("headers.value", "X-Frame-Options on GET / → 200 (https)"));
            assert!(!only.means("headers.missing", "X-XSS-Protection on GET / → 200 (https)"));
        }
    }

    #[test]
    fn what_nobody_could_judge_later_is_refused() {
        let wrong = [
            (ONE.replace("a decision", "  "), "has no reason"),
            (ONE.replace("on *", "on [*"), "is no pattern"),
            (ONE.replace("headers.value", "accept.unused"), "said of acceptances"),
            (format!("{ONE}until = \"soon\"\n"), "is no day"),
            (format!("{ONE}until = 7\n"), "is no day"),
            (ONE.replace("reason", "grund"), "missing field `reason`"),
        ];
        for (text, words) in wrong {
            let said = read(&text).expect_err(words);
            assert!(said.contains(words), "{said}");
        }
    }
}
