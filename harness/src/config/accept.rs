//! `[[accept]]`: findings of the audit, and divergences of a restore, that the operator lives
//! with, each for a reason that is written down, and no longer than until a date.

use std::path::Path;

use glob::Pattern;
use serde::Deserialize;

use super::lines;
use crate::error::{Error, Result};
use crate::model::accept::Accept;
use crate::model::finding::Place;

/// The acceptances of a file that has `[[accept]]` tables, whatever else it has.
///
/// # Errors
/// Usage when it cannot be read, or an acceptance is not valid.
pub fn acceptances(file: &Path) -> Result<Vec<Accept>> {
    #[derive(Deserialize)]
    struct Lists {
        #[serde(default)]
        accept: Vec<Accept>,
    }
    let text = super::read(file)?
        .ok_or_else(|| Error::usage(format!("there is no file {}", file.display())))?;
    let Lists { mut accept } = toml::from_str(&text).map_err(|cause| {
        Error::usage(format!("{} is not valid", file.display()))
            .details(cause.to_string().trim_end().lines())
            .hint("docs/drill-toml.md has the keys of [[accept]]")
    })?;
    locate(&mut accept, &text, &file.display().to_string());
    validate(&accept)?;
    Ok(accept)
}

/// Notes where each is written: all of them come from this file.
pub(super) fn locate(accepts: &mut [Accept], text: &str, file: &str) {
    for (accept, line) in accepts.iter_mut().zip(lines::of_list(text, "accept")) {
        accept.place = Some(Place { file: file.to_owned(), line: Some(line) });
    }
}

pub(super) fn validate(accepts: &[Accept]) -> Result<()> {
    for accept in accepts {
        let Accept { id, kind, subject, reason, .. } = accept;
        let wrong = |what: &str| Error::usage(format!("{accept} {what}"));
        if id.is_empty() == kind.is_none() {
            return Err(wrong("needs either an id or a kind")
                .hint("id = \"…\" is a finding's, kind = \"table\" a divergence's"));
        }
        if reason.trim().is_empty() {
            return Err(wrong("has no reason").hint("say why it may stay in reason = \"…\""));
        }
        if let Some(Err(cause)) = subject.as_deref().map(Pattern::new) {
            return Err(wrong("has a subject that is no pattern")
                .because(cause)
                .hint("* and ? stand for any text; [ must be written [[]"));
        }
        // What is lost may stay by name, and never because everything may.
        let names_nothing = |it: &str| it.chars().all(|c| matches!(c, '*' | '?'));
        if kind.is_some() && subject.as_deref().is_none_or(names_nothing) {
            return Err(wrong("is about every divergence of its kind")
                .hint("name what may differ in subject: a table, or files below a folder"));
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
    use super::*;
    use crate::model::divergence::{Divergence, DivergenceKind};

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
    fn an_acceptance_of_a_kind_means_divergences_alone() {
        let text = ONE.replace("id = \"headers.value\"", "kind = \"catalogue\"");
        let accepts = read(&text.replace("X-XSS-Protection on *", "extension *")).expect("valid");
        let found = |kind| Divergence::new(kind, "extension pg_trgm", "version 1.5 → 1.6");
        assert!(accepts[0].means_divergence(&found(DivergenceKind::Catalogue)));
        assert!(!accepts[0].means_divergence(&found(DivergenceKind::Table)));
        assert!(!accepts[0].means("", "extension pg_trgm"));
        let said = accepts[0].to_string();
        assert_eq!(
            said,
            "the acceptance of kind catalogue, subject \"extension *\" (drill.toml:2)"
        );
    }

    #[test]
    fn what_nobody_could_judge_later_is_refused() {
        let wrong = [
            (ONE.replace("a decision", "  "), "has no reason"),
            (ONE.replace("id = \"headers.value\"", ""), "either an id or a kind"),
            (format!("{ONE}kind = \"table\"\n"), "either an id or a kind"),
            ("[[accept]]\nkind = \"file\"\nreason = \"x\"\n".to_owned(), "every divergence"),
            (
                "[[accept]]\nkind = \"file\"\nsubject = \"*\"\nreason = \"x\"\n".to_owned(),
                "every divergence",
            ),
            (ONE.replace("id = \"headers.value\"", "kind = \"tabel\""), "unknown variant"),
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
