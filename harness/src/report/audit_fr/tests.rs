//! The document: what a record says is in it, and a difference is found at its line.

use super::{difference, render};
use crate::model::audit::{
    AuditRecord, DjangoRecord, HeaderRecord, ModeRecord, SizeRecord, StoresRecord, VolumeRecord,
};
use crate::model::finding::{Finding, Place, Priority, Status};
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
    assert!(text.contains("(remède : `a \\| b`)"), "{text}");
    assert!(text.contains("**1 constat(s) P0 ou P1 ouvert(s)**"), "{text}");
    let settled = vec![
        finding("django.security.W004", Priority::P3, Status::Accepted("x".to_owned())),
        finding("django.security.W019", Priority::P3, Status::Resolved("x".to_owned())),
    ];
    let text = render(&record(settled));
    assert!(text.contains("accepté : les navigateurs ignorent HSTS en HTTP"), "{text}");
    assert!(text.contains("résolu : le réseau le montre (`GET / → 200"), "{text}");
    let actions = text.split("## 8. Actions").nth(1).and_then(|rest| rest.split("## 9.").next());
    assert!(actions.is_some_and(|actions| actions.contains("Aucun.")), "{text}");
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
