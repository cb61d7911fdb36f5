//! The minimal patch: where a remedy is mechanical, a finding carries it as a unified diff
//! against the stack's folder, as `patch -p1` and `git apply` take it there. What needs somebody
//! to decide gets none.

mod absent;
mod changes;
mod header;
mod nginx;
mod python;

use std::collections::BTreeMap;

use self::changes::Changes;
use super::headers::Policy;
use super::settings;
use crate::model::finding::Finding;
use crate::model::observed::Observed;

/// The line that a finding names, and all that is known beside it.
struct Bench<'a> {
    observed: &'a Observed,
    policy: &'a Policy,
    finding: &'a Finding,
    file: &'a str,
    line: usize,
    text: &'a str,
}

/// Gives each open finding without a patch the one that is mechanical, if any is.
pub(super) fn attach(observed: &Observed, policy: &Policy, findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|it| it.is_open() && it.patch.is_none()) {
        finding.patch = mend(observed, policy, finding);
    }
}

/// The patches of several findings as one. Of two that say different things about a line, the
/// first counts: after it, the audit asks anew.
#[must_use]
pub fn combine<'a>(
    findings: impl IntoIterator<Item = &'a Finding>,
    files: &BTreeMap<String, String>,
) -> Option<String> {
    let mut all = Changes::default();
    for patch in findings.into_iter().filter_map(|finding| finding.patch.as_deref()) {
        if let Some(changes) = Changes::of_diff(patch) {
            all.take_in(&changes);
        }
    }
    all.diff(files)
}

fn mend(observed: &Observed, policy: &Policy, finding: &Finding) -> Option<String> {
    let place = finding.place.as_ref()?;
    let line = usize::try_from(place.line?).ok()?;
    let text = observed.files.get(&place.file)?.lines().nth(line.checked_sub(1)?)?;
    let bench = Bench { observed, policy, finding, file: &place.file, line, text };
    let kind = place.file.rsplit('.').next();
    let changes = match kind {
        Some("py") => python::mend(&bench),
        Some("yaml" | "yml") => settings::contradicted(observed)
            .filter(|known| known.place == *place)
            .map(|known| Changes::replace(&place.file, line, &known.right)),
        // The environment's own files: `.env` has secrets, and what a value must be is for
        // somebody to decide.
        Some("toml" | "env") => None,
        _ => nginx::mend(&bench),
    };
    changes?.diff(&observed.files)
}

impl Bench<'_> {
    /// The line with another text.
    fn replace(&self, text: &str) -> Changes {
        Changes::replace(self.file, self.line, text)
    }

    /// The white space with which the line begins.
    fn indent(&self) -> &str {
        &self.text[..self.text.len() - self.text.trim_start().len()]
    }

    /// The header that the finding is about.
    fn header(&self) -> &str {
        self.finding.subject.split(" on ").next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mode::Mode;
    use crate::model::observed::{Answer, Exchange};

    #[test]
    fn a_variable_of_a_compose_file_is_mended_where_it_is_set() {
        let settings = "SESSION_COOKIE_SECURE = ENVIRONMENT.ssl\n".to_owned();
        let compose =
            "services:\n  backend: { environment: { SSL_ENABLED: \"false\" } }\n".to_owned();
        let answer = Answer {
            status: 200,
            lines: vec![(
                "Set-Cookie".to_owned(),
                "sessionid=a; HttpOnly; SameSite=Lax".to_owned(),
            )],
            body: String::new(),
        };
        let exchange = Exchange {
            id: "it".to_owned(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            host: None,
            over_tls: true,
            expected: vec![200],
            answer,
            backend: None,
        };
        let observed = Observed {
            mode: Mode::Tls,
            exchanges: vec![exchange],
            files: BTreeMap::from([
                ("settings.py".to_owned(), settings),
                ("compose.tls.yaml".to_owned(), compose),
            ]),
            switches: BTreeMap::from([("SSL_ENABLED".to_owned(), "true".to_owned())]),
            ..Observed::default()
        };
        let mut findings = crate::audit::cookies::judge(&observed);
        attach(&observed, &Policy::named("korrigo").expect("there"), &mut findings);
        assert_eq!(findings.len(), 1);
        let patch = combine(&findings, &observed.files).expect("a patch");
        assert!(patch.starts_with("--- a/compose.tls.yaml\n"), "{patch}");
        assert!(
            patch.contains("\n+  backend: { environment: { SSL_ENABLED: \"true\" } }\n"),
            "{patch}"
        );
    }
}
