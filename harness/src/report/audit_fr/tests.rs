//! The document: what a record says is in it, and a difference is found at its line.

use super::{difference, render, untranslated};
use crate::model::audit::{
    AuditRecord, DjangoRecord, HeaderRecord, ModeRecord, SizeRecord, StoresRecord, VisitRecord,
    VolumeRecord,
};
use crate::model::finding::{Decision, Finding, Place, Priority, Status};
use crate::model::mode::Mode;

fn finding(id: &str, priority: Priority, status: Status) -> Finding {
    Finding {
        id: id.to_owned(),
        requirement: "FR-1".to_owned(),
        priority,
        status,
        title: "a title".to_owned(),
        subject: "a subject (http)".to_owned(),
        detail: "a detail".to_owned(),
        place: Some(Place { file: "backend/settings.py".to_owned(), line: Some(7) }),
        remedy: "a | b".to_owned(),
        patch: None,
        decision: None,
        evidence: vec!["GET / → 200 (https): X-Frame-Options: DENY".to_owned()],
    }
}

fn record(findings: Vec<Finding>) -> AuditRecord {
    let header = HeaderRecord {
        name: "X-Frame-Options".to_owned(),
        requirement: "FR-2.5".to_owned(),
        on: 3,
        of: 4,
        values: vec!["DENY".to_owned()],
        ..HeaderRecord::default()
    };
    AuditRecord {
        made_at: "2026-11-25 15:00".to_owned(),
        runs: vec!["one".to_owned()],
        stack: "compose".to_owned(),
        policy: "korrigo".to_owned(),
        modes: vec![ModeRecord {
            mode: Mode::Http,
            headers: vec![header],
            django: Some(DjangoRecord {
                version: "4.2".to_owned(),
                middleware: vec!["a.Middleware".to_owned()],
                ..DjangoRecord::default()
            }),
            findings,
            ..ModeRecord::default()
        }],
        stores: StoresRecord {
            volumes: vec![VolumeRecord {
                name: "media_volume".to_owned(),
                class: "critical".to_owned(),
                classified: true,
                measured: vec![(50, 4_411_392), (200, 21_340_160), (800, 84_897_792)],
                growth_bytes: Some(107_000),
                services: vec!["backend".to_owned()],
            }],
            sizes: vec![SizeRecord {
                scale: "small".to_owned(),
                rows: 20_000,
                files: 200,
                media_bytes: 20_949_999,
                large_objects: 10,
            }],
        },
    }
}

#[test]
fn a_record_is_rendered_with_its_facts() {
    let text = render(&record(vec![finding("django.version", Priority::P2, Status::Open)]));
    for wanted in [
        "**Aucun constat P0 ou P1 n'est ouvert**",
        "| `X-Frame-Options` | FR-2.5 | 3 / 4 | `DENY` | **non** |",
        "[`backend/settings.py:7`](../compose/backend/settings.py)",
        "20,9\u{a0}Mo",
        "| P2 | `django.version` | HTTP |",
        "| `media_volume` | backend | **critique** |",
        "| `media_volume` | 4,4\u{a0}Mo | 21,3\u{a0}Mo | 84,9\u{a0}Mo | 107,0\u{a0}Mo |",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is not in\n{text}");
    }
    assert!(!text.contains("\n\n\n"), "{text}");
}

#[test]
fn what_is_urgent_is_said_first_and_what_is_settled_needs_no_action() {
    let urgent = finding("headers.missing", Priority::P1, Status::Open);
    let text = render(&record(vec![urgent]));
    assert!(text.contains("(remède : ajouter `always` à la ligne citée"), "{text}");
    assert!(text.contains("**1 constat(s) P0 ou P1 ouvert(s)**"), "{text}");
    let settled = vec![
        finding("django.security.W004", Priority::P3, Status::Accepted("x".to_owned())),
        finding("django.security.W019", Priority::P3, Status::Resolved("x".to_owned())),
    ];
    let text = render(&record(settled));
    assert!(text.contains("accepté : les navigateurs ignorent HSTS en HTTP"), "{text}");
    assert!(text.contains("résolu : le réseau le montre (`GET / → 200"), "{text}");
    let actions = text.split("## 9. Actions").nth(1).and_then(|rest| rest.split("## 10.").next());
    assert!(actions.is_some_and(|actions| actions.contains("Aucun.")), "{text}");
}

#[test]
fn what_the_browser_saw_is_told_and_counted() {
    let visit = |id: &str, violations| VisitRecord {
        id: id.to_owned(),
        path: "/".to_owned(),
        reached: true,
        violations,
        complaints: 0,
        screenshot: format!("http-{id}.png"),
    };
    let with = |visits: Vec<VisitRecord>| {
        let mut record = record(Vec::new());
        record.modes[0].visits = visits;
        render(&record)
    };
    let quiet = with(vec![visit("front-end", 0), visit("admin", 0)]);
    assert!(quiet.contains("| HTTP | `admin` | `/` | oui | 0 | 0 | `http-admin.png` |"), "{quiet}");
    assert!(quiet.contains("**0 constat** : 2 étapes abouties"), "{quiet}");
    let blocked = with(vec![visit("front-end", 3)]);
    assert!(blocked.contains("**3 blocage(s), 0 erreur(s), 0 étape(s) inabouties**"), "{blocked}");
    assert!(with(Vec::new()).contains("Aucun navigateur n'a été employé."));
}

#[test]
fn an_operators_decision_is_told_with_its_reason_and_its_end() {
    let accepted = Status::Accepted("le vieux portail l'encadre".to_owned());
    let decision = Decision { until: Some("2027-01-31".to_owned()), place: None };
    let decided = Finding {
        decision: Some(decision),
        subject: "X-Frame-Options on 3 answers, such as GET / → 200 (http)".to_owned(),
        ..finding("headers.value", Priority::P1, accepted)
    };
    let text = render(&record(vec![decided]));
    assert!(text.contains("accepté jusqu'au 2027-01-31 : le vieux portail l'encadre"), "{text}");
    assert!(text.contains("X-Frame-Options sur 3 réponses, dont GET / → 200 (http)"), "{text}");
    assert!(text.contains("**Aucun constat P0 ou P1 n'est ouvert**"), "{text}");
}

/// Every rule of the audit, with a subject of the shape that it has.
const RULES: [(&str, &str); 30] = [
    ("headers.missing", "Referrer-Policy on GET / → 200 (https)"),
    ("headers.value", "Referrer-Policy on 12 answers, such as GET / → 200 (https)"),
    ("headers.unwanted", "Strict-Transport-Security on 2 answers, such as GET / → 200 (http)"),
    ("headers.duplicate", "X-Frame-Options on GET / → 200 (https)"),
    ("headers.conflict", "X-Frame-Options on GET / → 200 (https)"),
    ("headers.disagree", "X-Frame-Options on GET / → 200 (https)"),
    ("headers.version", "Server on 3 answers, such as GET / → 200 (https)"),
    ("cookies.secure", "cookie sessionid"),
    ("cookies.secure-over-http", "cookie sessionid"),
    ("cookies.httponly", "cookie sessionid"),
    ("cookies.samesite", "cookie csrftoken"),
    ("cookies.domain", "cookie csrftoken"),
    ("cookies.prefix", "cookie __Host-a"),
    ("cookies.lifetime", "cookie sessionid"),
    ("cookies.login", "logging in over http"),
    ("cookies.login-loop", "logging in over http"),
    ("tls.old-version", "TLS 1.0"),
    ("tls.version", "TLS 1.3"),
    ("tls.certificate", "certificate of korrigo.test"),
    ("tls.redirect", "3 of the routes, such as GET / → 200 (http)"),
    ("routes.open", "GET /media/ → 200 (https)"),
    ("routes.status", "GET /media/ → 200 (https)"),
    ("routes.challenge", "GET /api/ → 401 (https)"),
    ("observatory.test", "content-security-policy"),
    ("observatory.grade", "the landing page"),
    ("browser.csp", "front-end at https://korrigo.test/"),
    ("browser.console", "front-end at https://korrigo.test/"),
    ("browser.step", "front-end at https://korrigo.test/"),
    ("accept.unused", "headers.value: X-Frame-Options on *"),
    ("django.security.W018", "DEBUG (http)"),
];

#[test]
fn every_rule_and_every_subject_has_its_french() {
    for (id, subject) in RULES {
        let finding =
            Finding { subject: subject.to_owned(), ..finding(id, Priority::P1, Status::Open) };
        assert_eq!(untranslated(&finding), Vec::<String>::new());
        let text = render(&record(vec![finding.clone()]));
        for english in [&finding.title, &finding.remedy, &finding.detail] {
            assert!(!text.contains(english.as_str()), "{id}: {english:?} in\n{text}");
        }
        for word in [" on GET", " answers, ", "such as", " of the ", " at https", "{objet}"] {
            assert!(!text.contains(word), "{id}: {word:?} in\n{text}");
        }
    }
    let unknown = finding("headers.novel", Priority::P1, Status::Open);
    assert_eq!(untranslated(&unknown).len(), 2);
    let reasoned = finding("headers.value", Priority::P1, Status::Accepted("why".to_owned()));
    assert!(untranslated(&reasoned).iter().any(|it| it.ends_with("why")));
}

#[test]
fn only_the_instant_and_the_runs_may_differ() {
    let committed = render(&record(Vec::new()));
    let mut later = record(Vec::new());
    "2026-12-01 09:00".clone_into(&mut later.made_at);
    later.runs = vec!["two".to_owned(), "three".to_owned()];
    assert_eq!(difference(&committed, &render(&later)), None);

    let edited = committed.replace("3 / 4", "4 / 4");
    let found = difference(&edited, &committed).expect("it was edited");
    assert!(found.committed.contains("4 / 4") && found.fresh.contains("3 / 4"), "{found:?}");
    let line = edited.lines().position(|line| line.contains("4 / 4")).expect("there");
    assert_eq!(found.line, line + 1);

    let cut = &committed[..committed.len() / 2];
    assert!(difference(cut, &committed).is_some());
    let longer = format!("{committed}one more\n");
    let found = difference(&longer, &committed).expect("it is longer");
    assert_eq!((found.committed.as_str(), found.fresh.as_str()), ("one more", ""));
}
