//! Wrong probes are refused before anything runs, with the place and the remedy.

use harness::ErrorKind;
use harness::config::Probe;
use harness::model::check::{Outcome, PlannedCheck};
use harness::probe::{Target, Variables, plan_checks, validate};

use super::server::{Server, text};
use super::{assert_outcome, one_step, probes, round, target};

fn facts() -> Variables {
    let mut facts = Variables::new();
    for name in ["teacher.username", "teacher.password", "sample.copy_id", "sample.sha256"] {
        facts.declare(name);
    }
    facts
}

/// Steps that are no configuration, what is said, and the hint.
const WRONG_STEPS: [(&str, &str, &str); 26] = [
    ("request = 'GET /'", "step 1: expects nothing", "expect.status = 200"),
    ("expect.status = 200", "does nothing", "request, exec or handshake"),
    (
        "request = 'GET /'\nexec = { service = 'a', command = ['b'] }\nexpect.status = 200",
        "several of request, exec and handshake",
        "",
    ),
    ("request = '/api/'\nexpect.status = 200", "\"/api/\" is no request", "GET /api/health/"),
    ("request = 'FETCH /api/'\nexpect.status = 200", "is no request", ""),
    ("request = 'GET api/'\nexpect.status = 200", "is no request", ""),
    (
        "request = 'GET /{{sample.copi_id}}'\nexpect.status = 200",
        "unknown variable \"sample.copi_id\"",
        "did you mean \"sample.copy_id\"?",
    ),
    ("request = 'GET /'\nexpect.json = { '/a' = ['{{zzz}}'] }", "unknown variable \"zzz\"", ""),
    (
        "request = 'POST /'\njson = { a = { b = '{{zzz}}' } }\nexpect.status = 200",
        "unknown variable \"zzz\"",
        "",
    ),
    ("request = 'GET /{{unclosed'\nexpect.status = 200", "never closes it", ""),
    ("request = 'GET /{{}}'\nexpect.status = 200", "without a name", ""),
    (
        "request = 'GET /{{later}}'\nexpect.status = 200\ncapture.later.json = '/id'",
        "unknown variable \"later\"",
        "",
    ),
    ("request = 'GET /'\nexpect.status = 99", "\"99\" is no status", "\"2xx\""),
    ("request = 'GET /'\nexpect.status = '20x'", "\"20x\" is no status", ""),
    (
        "request = 'GET /'\nexpect.json_exists = ['a.b']",
        "\"a.b\" is no JSON pointer",
        "write \"/a/b\"",
    ),
    ("request = 'GET /'\nexpect.sha256 = 'abc'", "not 64 hexadecimal digits", ""),
    ("request = 'GET /'\nexpect.header = { 'a b' = 'c' }", "\"a b\" cannot name a header", ""),
    ("request = 'GET /'\nexpect.exit_code = 0", "exit code of a request", ""),
    (
        "exec = { service = 'a', command = ['b'] }\nexpect.status = 200",
        "without saying how it must end",
        "expect.exit_code = 0",
    ),
    (
        "exec = { service = 'a', command = ['b'] }\nexpect = { exit_code = 0, status = 200 }",
        "expects of a command what only an answer has",
        "",
    ),
    ("exec = { service = 'a', command = [] }\nexpect.exit_code = 0", "empty command", ""),
    (
        "request = 'POST /'\nuntil_s = 5\nexpect.status = 200",
        "repeats a request that changes the service",
        "",
    ),
    ("request = 'GET /'\nuntil_s = 6000\nexpect.status = 200", "until_s must be at most 600", ""),
    ("request = 'GET /'\nexpect.status = 200\ncapture.x = {}", "from none or several places", ""),
    (
        "request = 'GET /'\nexpect.status = 200\ncapture.'sample.copy_id'.json = '/id'",
        "which is a fact of the drill",
        "",
    ),
    (
        "request = 'POST /'\njson = { day = 2026-01-02 }\nexpect.status = 200",
        "a date without quotes",
        "",
    ),
];

#[test]
fn a_wrong_step_is_refused_with_its_place_and_a_remedy() {
    for (step, message, hint) in WRONG_STEPS {
        let Err(error) = validate(&one_step(step), &facts()) else { panic!("accepted: {step}") };
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(
            error.to_string().starts_with("probe \"it\", step 1: ")
                && error.to_string().contains(message)
                && error.next_step().unwrap_or_default().contains(hint),
            "{step}\ngives {error:?}"
        );
    }
}

/// A probe with these lines and one good step.
fn probe(lines: &str) -> String {
    let base = "requirement = 'FR-5'\ntitle = 'it holds'";
    format!("[[probe]]\n{lines}\n{base}\nstep = [{{ request = 'GET /', expect.status = 200 }}]\n")
}

#[test]
fn a_wrong_probe_is_refused() {
    let post = "[[probe]]\nid = 'w'\nrequirement = 'FR-5'\ntitle = 't'\n\
                step = [{ request = 'POST /', expect.status = 200 }]\n";
    let wrong = [
        (probe("id = 'a'") + &probe("id = 'a'"), "two probes have the id \"a\"", ""),
        (probe("id = 'A b'"), "an id that is no id", "lowercase"),
        (probe("id = 'a'\nwrites = true\nhealth = true"), "cannot be a health probe", ""),
        (
            probe("id = 'a'\nbeside = true"),
            "does not say that it writes itself",
            "leave out beside",
        ),
        (post.to_owned(), "does not say that it writes", "writes = true"),
        (
            probe("id = 'a'\nbegin_with = 'logn'") + &probe("id = 'login'"),
            "begins with \"logn\", which is no probe",
            "\"login\"",
        ),
        (
            probe("id = 'a'\nbegin_with = 'b'") + &probe("id = 'b'\nbegin_with = 'a'"),
            "which begins with it",
            "",
        ),
        (
            "[[probe]]\nid = 'a'\nrequirement = ''\ntitle = 't'\n".to_owned(),
            "names no requirement",
            "",
        ),
        ("[[probe]]\nid = 'a'\nrequirement = 'F'\ntitle = 't'\n".to_owned(), "has no step", ""),
    ];
    for (toml, message, hint) in wrong {
        let Err(error) = validate(&probes(&toml), &facts()) else { panic!("accepted: {toml}") };
        let text = error.to_string();
        let said = error.next_step().unwrap_or_default();
        assert!(text.contains(message) && said.contains(hint), "{toml}\ngives {error:?}");
    }
}

#[test]
fn an_unknown_key_is_seen_wherever_it_stands() {
    #[derive(serde::Deserialize)]
    struct File {
        #[serde(rename = "probe")]
        _probe: Vec<Probe>,
    }
    let toml = r#"
[[probe]]
id = "it"
requirement = "FR-5"
title = "it holds"
retries = 3
csrf = { cookie = "a", header = "b", x1 = 0 }
[[probe.step]]
request = "POST /"
x2 = 0
files = { file = { name = "a.pdf", content = "pdf", x3 = 0 } }
expect = { status = [200, "3xx"], x4 = 0 }
capture = { id = { json = "/id", x5 = 0 } }
[[probe.step]]
exec = { service = "a", command = ["b"], x6 = 0 }
expect.exit_code = 0
"#;
    let mut unknown = Vec::new();
    let document = toml::Deserializer::parse(toml).expect("valid TOML");
    let read = serde_ignored::deserialize::<_, _, File>(document, |path| {
        unknown.push(path.to_string());
    });
    read.expect("probes");
    unknown.sort();
    assert_eq!(
        unknown,
        [
            "probe.0.csrf.?.x1",
            "probe.0.retries",
            "probe.0.step.0.capture.id.x5",
            "probe.0.step.0.expect.x4",
            "probe.0.step.0.files.file.x3",
            "probe.0.step.0.x2",
            "probe.0.step.1.exec.?.x6",
        ]
    );
}

/// The examples of the operators' document are good configuration.
#[test]
fn every_documented_probe_is_valid() {
    let document = include_str!("../../../docs/probes.md");
    let examples: Vec<&str> =
        document.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 4, "{examples:?}");
    let list = probes(&examples.concat());
    validate(&list, &harness::probe::facts::names()).expect("valid probes");
}

#[test]
fn every_fact_of_a_dataset_has_a_name() {
    let names = harness::probe::facts::names();
    assert_eq!(names.names().count(), 2 * 4 + 4 * 6 + 2);
    for name in ["teacher.password", "sample.pupil_copy.sha256", "sample.absent_student_id"] {
        assert!(names.knows(name), "{name}");
    }
}

#[test]
fn a_plan_lists_every_probe() {
    let planned = plan_checks(&probes(&(probe("id = 'a'") + &probe("id = 'b.c'"))));
    assert_eq!(
        planned,
        ["probe.a", "probe.b.c"].map(|id| PlannedCheck::new(id, "FR-5", "it holds"))
    );
}

#[tokio::test]
async fn a_fact_without_value_is_undecided_in_a_sandbox_and_skipped_outside() {
    let server = Server::start(|_| text(200, "ok")).await;
    let probe = one_step("request = 'GET /{{sample.copy_id}}'\nexpect.status = 200");
    let inside = round(&probe, &target(&server), &facts()).await;
    assert_outcome(&inside.checks[0], Outcome::Undecided, "no value for sample.copy_id");

    let mut reading = probe;
    reading[0].writes = false;
    let outside = Target { read_only: true, ..target(&server) };
    let outside = round(&reading, &outside, &facts()).await;
    assert_outcome(&outside.checks[0], Outcome::Skipped, "no value for sample.copy_id");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_fact_cannot_end_the_path_it_is_put_into() {
    let server = Server::start(|_| text(200, "ok")).await;
    let mut facts = facts();
    facts.set("sample.copy_id", "odd?name#50% é");
    let probe = one_step("request = 'GET /{{sample.copy_id}}'\nexpect.status = 200");
    round(&probe, &target(&server), &facts).await;
    assert_eq!(server.seen()[0].path, "/odd%3Fname%2350%25%20%C3%A9");
}
