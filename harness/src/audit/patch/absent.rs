//! A header that nobody sends: it goes to where the others are, with the value that the policy
//! leaves. What only one mode may have comes through a variable of `$scheme`, since both modes read
//! that file: one that is there, or a new one.

use super::Bench;
use super::changes::Changes;
use super::header::{given, names, rule};
use crate::audit::headers::{HeaderRule, When};
use crate::audit::nginx::{Directive, Tree};
use crate::audit::{directive, place_in_stack};
use crate::model::mode::Mode;

pub(super) fn mend(bench: &Bench<'_>) -> Option<Changes> {
    let rule = rule(bench)?;
    let value = given(rule)?;
    let others = bench.policy.rules(bench.observed.mode == Mode::Tls);
    let place = others.filter(|rule| rule.name != bench.header()).find_map(|rule| {
        let named = |args: &[String]| {
            args.first().is_some_and(|name| name.eq_ignore_ascii_case(&rule.name))
        };
        directive(bench.observed, "add_header", named)
    })?;
    let text = bench.observed.files.get(&place.file)?;
    let last = text.lines().enumerate().filter(|(_, line)| names(line, "add_header")).last()?.0;
    let (value, mut changes) = in_its_mode(bench, rule, value)?;
    let line = format!("add_header {} \"{value}\" always;", bench.header());
    changes.take_in(&Changes::insert(&place.file, last + 2, &line));
    Some(changes)
}

/// The value, with what only TLS may have in a variable, and the change that makes the variable.
fn in_its_mode(bench: &Bench<'_>, rule: &HeaderRule, value: String) -> Option<(String, Changes)> {
    let (before, over_tls) = match (rule.when, &rule.only_tls[..]) {
        (Some(When::Tls), _) => (String::new(), value),
        (_, []) => return Some((value, Changes::default())),
        (_, only) => (value, format!("; {}", only.join("; "))),
    };
    let tree = Tree::parse(&bench.observed.proxy);
    let known = variable(&tree.0, &over_tls).map(str::to_owned);
    let (name, changes) = match known {
        Some(name) => (name, Changes::default()),
        None => made(bench, &tree, &over_tls)?,
    };
    Some((format!("{before}{name}"), changes))
}

/// The variable that a `map` of `$scheme` sets to a text over TLS, and to nothing otherwise.
fn variable<'a>(block: &'a [Directive], over_tls: &str) -> Option<&'a str> {
    block.iter().find_map(|directive| {
        let is = |name: &str, value: &str| {
            directive.block.iter().any(|entry| entry.name == name && entry.arg(0) == value)
        };
        let here = directive.name == "map" && directive.arg(0) == "$scheme";
        let fits = here && is("https", over_tls) && is("default", "");
        fits.then(|| directive.arg(1)).or_else(|| variable(&directive.block, over_tls))
    })
}

/// A `map` at the beginning of the block `http`, in a line of its own.
fn made(bench: &Bench<'_>, tree: &Tree, over_tls: &str) -> Option<(String, Changes)> {
    let http = tree.0.iter().find(|directive| directive.name == "http")?;
    let place = place_in_stack(bench.observed, &http.place);
    let at = usize::try_from(place.line?).ok()?;
    let opens = bench.observed.files.get(&place.file)?.lines().nth(at - 1)?;
    // With its brace on another line, nobody knows where the block begins.
    if !opens.trim_end().ends_with('{') {
        return None;
    }
    let header = bench.header().to_ascii_lowercase().replace('-', "_");
    let name = format!("${header}_over_tls");
    let line = format!("    map $scheme {name} {{ https \"{over_tls}\"; default \"\"; }}");
    Some((name, Changes::insert(&place.file, at + 1, &line)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::audit::headers::{self, Policy};
    use crate::audit::patch::{attach, combine};
    use crate::model::mode::Mode;
    use crate::model::observed::{Answer, Exchange, Observed};

    const HEADERS: &str = "add_header X-Frame-Options \"DENY\" always;\n\
        add_header X-Content-Type-Options \"nosniff\" always;\n";

    /// The patch for a header that is missing, in a mode, beside a `map` or without.
    fn patch(header: &str, map: &str, mode: Mode) -> String {
        let main = format!(
            "http {{\n{map}    server {{\n        listen {};\n        include headers.conf;\n    }}\n}}\n",
            if mode == Mode::Tls { "443 ssl" } else { "80" }
        );
        let exchange = Exchange {
            id: "it".to_owned(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            host: None,
            over_tls: mode == Mode::Tls,
            expected: vec![200],
            answer: Answer { status: 200, ..Answer::default() },
            backend: None,
        };
        let observed = Observed {
            mode,
            host: "a.test".to_owned(),
            exchanges: vec![exchange],
            proxy: vec![
                ("/etc/nginx/nginx.conf".to_owned(), main.clone()),
                ("/etc/nginx/headers.conf".to_owned(), HEADERS.to_owned()),
            ],
            files: BTreeMap::from([
                ("nginx.conf".to_owned(), main),
                ("headers.conf".to_owned(), HEADERS.to_owned()),
            ]),
            ..Observed::default()
        };
        let policy = Policy::named("korrigo").expect("there");
        let mut findings = headers::judge(&observed, &policy);
        findings.retain(|it| it.subject.starts_with(header));
        assert_eq!(findings.len(), 1, "{findings:#?}");
        attach(&observed, &policy, &mut findings);
        combine(&findings, &observed.files).expect("a patch")
    }

    const CSP: &str = "+add_header Content-Security-Policy \"default-src 'none'; base-uri 'none'; \
        connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; img-src \
        'self' data: blob:; script-src 'self'; style-src 'self'$VARIABLE\" always;\n";

    #[test]
    fn a_policy_that_is_missing_altogether_is_written_with_the_variable_that_is_there() {
        let map = "    map $scheme $csp_upgrade {\n        https \"; upgrade-insecure-requests\";\n        \
                   default \"\";\n    }\n";
        let over_tls = patch("Content-Security-Policy", map, Mode::Tls);
        assert!(over_tls.contains(&CSP.replace("VARIABLE", "csp_upgrade")), "{over_tls}");
        assert!(!over_tls.contains("nginx.conf"), "{over_tls}");
        // Both modes read one file: they must ask for the same.
        assert_eq!(patch("Content-Security-Policy", map, Mode::Http), over_tls);
    }

    #[test]
    fn where_no_variable_tells_the_modes_apart_one_is_made() {
        let made = patch("Content-Security-Policy", "", Mode::Http);
        let name = "content_security_policy_over_tls";
        let map = format!(
            "+    map $scheme ${name} {{ https \"; upgrade-insecure-requests\"; default \"\"; }}\n"
        );
        assert!(made.contains(&CSP.replace("VARIABLE", name)) && made.contains(&map), "{made}");
    }

    #[test]
    fn what_only_tls_may_send_is_sent_there_alone() {
        let map = "    map $scheme $hsts {\n        https \"max-age=31536000; includeSubDomains; \
                   preload\";\n        default \"\";\n    }\n";
        let hsts = patch("Strict-Transport-Security", map, Mode::Tls);
        assert!(hsts.contains("+add_header Strict-Transport-Security \"$hsts\" always;"), "{hsts}");
        let simple = patch("Referrer-Policy", "", Mode::Tls);
        let line = "+add_header Referrer-Policy \"strict-origin-when-cross-origin\" always;";
        assert!(simple.contains(line) && !simple.contains("map"), "{simple}");
    }
}
