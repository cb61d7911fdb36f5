//! Rules on host names (FR-6): what the service answers when the name is not its own, or is not
//! written as client libraries write it.

use super::nginx::Tree;
use super::settings;
use crate::model::finding::{Finding, Place, Priority, Status};
use crate::model::mode::Mode;
use crate::model::observed::{HostCase, Observed};

/// The variable by which the proxy is told whose requests it answers.
const HOSTS: &str = "DJANGO_ALLOWED_HOSTS";

/// Judges every case.
#[must_use]
pub fn judge(observed: &Observed) -> Vec<Finding> {
    observed.hosts.iter().filter_map(|case| finding(observed, case)).collect()
}

fn finding(observed: &Observed, case: &HostCase) -> Option<Finding> {
    let status = case.answer.as_ref().map(|answer| answer.status);
    let refuses = case.right.contains(&400);
    let right = case.right.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
    let right = if case.right.len() > 2 { "a refusal".to_owned() } else { right };
    let leaked = case.answer.as_ref().and_then(|answer| {
        let lines = answer.lines.iter().map(|(name, value)| format!("{name}: {value}"));
        let mut texts = lines.chain([answer.body.clone()]);
        texts.find_map(|text| case.lacks.iter().find(|lacked| text.contains(*lacked)).cloned())
    });
    let detail = match (status, leaked) {
        // A connection that is closed without a word refuses as well as a 400.
        (None, _) if case.right.contains(&400) => return None,
        (None, _) => format!("the connection was closed without an answer, not {right}"),
        (Some(status), _) if !case.right.contains(&status) => {
            format!("it answered {status}, not {right}")
        }
        (Some(_), Some(text)) => format!("the answer repeats {text:?}, which only the client said"),
        (Some(_), None) => return None,
    };
    let answer = case.answer.iter().flat_map(|answer| {
        let lines =
            answer.lines.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("set-cookie"));
        let lines = lines.map(|(name, value)| format!("{name}: {value}"));
        std::iter::once(format!("→ {}", answer.status)).chain(lines)
    });
    Some(Finding {
        id: format!("hosts.{}", case.id),
        requirement: "FR-6".to_owned(),
        priority: if refuses { Priority::P1 } else { Priority::P2 },
        status: Status::Open,
        title: case.title.clone(),
        subject: format!("{} ({})", case.id, observed.mode.scheme()),
        detail,
        place: place(observed, case, refuses),
        remedy: if refuses && observed.foreign {
            "answer for the service's own names only, and refuse every other"
        } else if refuses {
            "answer for the names in DJANGO_ALLOWED_HOSTS only, and give every other 400, in nginx and in Django"
        } else {
            "treat what names the same host as the same host, and believe no header that a client can send"
        }
        .to_owned(),
        patch: None,
        decision: None,
        evidence: case.sent.lines().map(str::to_owned).chain(answer).collect(),
    })
}

/// The line that lets a case happen.
fn place(observed: &Observed, case: &HostCase, refuses: bool) -> Option<Place> {
    let setting = |name| settings::cause(observed, name);
    let passed_on = |header: &str| {
        super::directive(observed, "proxy_set_header", |args| {
            args.first().is_some_and(|name| name.eq_ignore_ascii_case(header))
        })
    };
    match case.id.as_str() {
        "forwarded-proto" => passed_on("X-Forwarded-Proto"),
        "forwarded-host" => passed_on("X-Forwarded-Host").or(setting("USE_X_FORWARDED_HOST")),
        "backend-forwarded-host" => setting("USE_X_FORWARDED_HOST"),
        "backend-forged" => setting("ALLOWED_HOSTS"),
        _ if refuses => {
            let tree = Tree::parse(&observed.proxy);
            let line = tree.answers(observed.mode == Mode::Tls, &asked(&case.sent))?;
            let place = super::place_in_stack(observed, line);
            // A file that the container wrote itself when it started, from its environment.
            let is_made = !observed.files.contains_key(&place.file);
            let hosts = observed.given_to_proxy.get(HOSTS).filter(|_| is_made);
            Some(hosts.cloned().unwrap_or(place))
        }
        _ => super::directive(observed, "server_name", |args| args.iter().any(|arg| arg != "_")),
    }
}

/// The name that a request asks for: an absolute target counts before the line `Host`.
fn asked(sent: &str) -> String {
    let target = sent.split_whitespace().nth(1).unwrap_or_default();
    let absolute = target.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    let line = || sent.lines().find_map(|line| line.strip_prefix("Host:"));
    absolute.or_else(line).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::Answer;

    fn found(right: &[u16], answer: Option<(u16, &str)>) -> Option<String> {
        let answer = answer.map(|(status, location)| Answer {
            status,
            lines: vec![("Location".to_owned(), location.to_owned())],
            body: String::new(),
        });
        let case = HostCase {
            id: "forged".to_owned(),
            title: "a forged Host".to_owned(),
            sent: "GET / HTTP/1.1".to_owned(),
            right: right.to_vec(),
            lacks: vec!["forged.example".to_owned()],
            answer,
        };
        let observed = Observed { hosts: vec![case], ..Observed::default() };
        judge(&observed).pop().map(|finding| finding.detail)
    }

    #[test]
    fn a_wrong_status_a_repeated_name_and_silence_are_judged() {
        assert_eq!(found(&[400], Some((400, "/"))), None);
        assert_eq!(found(&[400], None), None);
        assert!(found(&[200], None).is_some_and(|said| said.contains("without an answer")));
        assert!(found(&[400], Some((200, "/"))).is_some_and(|said| said.contains("200, not 400")));
        let repeated = found(&[302], Some((302, "http://forged.example/")));
        assert!(repeated.is_some_and(|said| said.contains("repeats")));
    }
}
