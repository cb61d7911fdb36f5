//! The audit under sabotage: the reference stack gives no finding in either mode, and each
//! misconfiguration that is planted in it is named, with the line that causes it.

use std::fmt::Write as _;
use std::fs;

use harness::audit::headers::Policy;
use harness::model::finding::Finding;
use harness::model::mode::Mode;
use harness::report::audit_fr;
use harness::stack::authority;
use harness::survey::{self, Options, Surveyed};
use scenarios::standing::{Copy, walk};

mod faults;

use faults::{
    ENVIRONMENT_OVER_HTTP, ENVIRONMENT_OVER_TLS, Fault, OVER_HTTP, OVER_TLS, SETTINGS_OVER_HTTP,
    SETTINGS_OVER_TLS, TLS, Variable,
};

async fn look(copy: &Copy, without: bool) -> Surveyed {
    let policy = Policy::named("korrigo").expect("there");
    let options = Options { files: copy.files.path(), policy: &policy, django: false, without };
    let seen = survey::live(&copy.standing.sandbox, copy.drill.config(), options).await;
    seen.expect("it can be looked at")
}

fn in_words(findings: &[Finding]) -> String {
    findings.iter().fold(String::new(), |mut text, it| {
        let _ = writeln!(text, "{} {} | {} | {:?}", it.id, it.subject, it.detail, it.place);
        text
    })
}

/// Demands a finding at a line. Returns what is wrong, so that all faults are told at once.
fn named(copy: &Copy, seen: &Surveyed, id: &str, file: &str, text: &str) -> Option<String> {
    let at = |finding: &&Finding| {
        let Some(place) = finding.place.as_ref().filter(|place| place.file == file) else {
            return false;
        };
        let source = fs::read_to_string(copy.files.path().join(file)).unwrap_or_default();
        let line = place.line.and_then(|line| source.lines().nth(line as usize - 1));
        text.is_empty() || line.is_some_and(|line| line.contains(text))
    };
    let found = seen.findings.iter().filter(|finding| finding.id == id).any(|finding| at(&finding));
    let english = seen.findings.iter().flat_map(audit_fr::untranslated).collect::<Vec<_>>();
    if !english.is_empty() {
        return Some(format!("without French: {}", english.join("; ")));
    }
    (!found).then(|| format!("{id} at {file} {text:?} is not among:\n{}", in_words(&seen.findings)))
}

async fn plant_each(copy: &Copy, faults: &[&[Fault]], variables: &[Variable]) {
    let clean = look(copy, false).await;
    assert!(clean.findings.is_empty(), "the stack as it is:\n{}", in_words(&clean.findings));
    let mut missed = Vec::new();
    for Fault(edits, id, file, text) in faults.iter().copied().flatten() {
        copy.plant(edits).await;
        missed.extend(named(copy, &look(copy, false).await, id, file, text));
    }
    copy.plant(&[]).await;
    for Variable { services, set, given, id, file, text } in variables {
        copy.vary(services, &[*set]).await;
        let mended = given.map(|edit| copy.note(edit));
        missed.extend(named(copy, &look(copy, false).await, id, file, text));
        copy.vary(services, &[]).await;
        mended.map(|edit| copy.note(edit));
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Certificates that no client should accept: for another name, ended, of an unknown authority.
/// Then the copy's own is back.
async fn plant_certificates(copy: &Copy) {
    let folder = copy.standing.folder.work().join("tls");
    let own = walk(&folder).into_iter().map(|path| (fs::read(&path).expect("a file"), path));
    let own = own.collect::<Vec<_>>();
    for (host, days, id) in [
        ("elsewhere.test", 60, "tls.name"),
        ("korrigo.test", -1, "tls.expired"),
        ("korrigo.test", 60, "tls.untrusted"),
    ] {
        authority::issue_until(&folder, host, days).expect("issued");
        copy.plant(&[]).await;
        let seen = look(copy, false).await;
        assert_eq!(named(copy, &seen, id, TLS, "ssl_certificate"), None);
    }
    for (content, path) in own {
        fs::write(path, content).expect("written");
    }
    copy.plant(&[]).await;
}

/// Demands that every status is seen, and that errors carry every header. Comes last: it stops
/// services to see what answers then.
async fn see_every_status(copy: &Copy, mode: Mode) {
    let seen = look(copy, true).await;
    assert!(seen.findings.is_empty(), "{mode}:\n{}", in_words(&seen.findings));
    assert_eq!(seen.unseen, Vec::<u16>::new(), "{mode}");
    let grade = seen.grade.map(|report| report.grade);
    assert_eq!(grade, (mode == Mode::Tls).then_some("A+"));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_each_misconfiguration_is_named_with_its_place_and_every_status_is_seen() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let copy = Copy::up(base.path(), Mode::Tls).await;
    plant_each(&copy, &[&OVER_TLS, &SETTINGS_OVER_TLS], &ENVIRONMENT_OVER_TLS).await;
    plant_certificates(&copy).await;
    see_every_status(&copy, Mode::Tls).await;
    copy.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_each_misconfiguration_is_named_with_its_place_and_every_status_is_seen() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let copy = Copy::up(base.path(), Mode::Http).await;
    plant_each(&copy, &[&OVER_HTTP, &SETTINGS_OVER_HTTP], &ENVIRONMENT_OVER_HTTP).await;
    see_every_status(&copy, Mode::Http).await;
    copy.remove().await;
}
