//! `cargo xtask audit --patch FILE` as an operator types it, on a stack of theirs: what is
//! mechanical is mended by the file, what was accepted stays so, and nothing else changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use scenarios::rehearsal::reference_stack;
use scenarios::standing::{Edit, copy, walk};
use serde_json::Value;

use scenarios::turn::{self, Fixture};
use scenarios::xtask::{answer, xtask};

const HEADERS: &str = "proxy/conf/security-headers.conf";
const MAIN: &str = "proxy/conf/nginx.conf";
const PRODUCTION: &str = "backend/korrigo/settings_prod.py";

/// A header that is gone; one without `always`; a policy that is gone, with what told its two modes
/// apart; the same of HSTS; and a flag of a cookie.
const FAULTS: [Edit; 7] = [
    (HEADERS, "add_header Referrer-Policy ", "# add_header Referrer-Policy "),
    (HEADERS, "\"DENY\" always", "\"DENY\""),
    (HEADERS, "add_header Content-Security-Policy ", "# add_header Content-Security-Policy "),
    (MAIN, "\"; upgrade-insecure-requests\"", "\"\""),
    (HEADERS, "add_header Strict-Transport-Security ", "# add_header Strict-Transport-Security "),
    (MAIN, "\"max-age=31536000; includeSubDomains; preload\"", "\"\""),
    (PRODUCTION, "CSRF_COOKIE_SECURE = ENVIRONMENT.ssl", "CSRF_COOKIE_SECURE = False"),
];

/// What must be found of them, and be gone afterwards.
const FOUND: [(&str, &str); 5] = [
    ("headers.missing", "Referrer-Policy"),
    ("headers.missing", "X-Frame-Options"),
    ("headers.missing", "Content-Security-Policy"),
    ("headers.missing", "Strict-Transport-Security"),
    ("cookies.secure", "cookie csrftoken"),
];

/// What the operator has decided: one finding may stay, and a decision that is about nothing.
const ACCEPTED: &str = "
[[accept]]
id = \"django.version\"
reason = \"the upgrade is planned for the summer\"
until = 2099-12-31

[[accept]]
id = \"headers.unwanted\"
reason = \"it was there once\"
";

/// The findings of an audit of both modes: target, id, subject, status and reason. Places may move.
fn audit(stack: &Path, patch: &Path, exit_code: i32) -> BTreeSet<[String; 5]> {
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let (stack, patch) = (text(stack), text(patch));
    let reports = tempfile::tempdir().expect("a temporary folder");
    let args = ["audit", "--stack", &stack, "--patch", &patch, "--no-browser", "--format", "json"];
    let mut command = xtask(&args);
    command.arg("--report").arg(reports.path());
    let said = answer(command, exit_code).said;
    let lines = said.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let found = lines.filter(|line| line["event"] == "finding").map(|line| {
        let finding = &line["finding"];
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        [
            &line["target"],
            &finding["id"],
            &finding["subject"],
            &finding["status"],
            &finding["reason"],
        ]
        .map(word)
    });
    found.collect()
}

fn texts(stack: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = walk(stack).into_iter().map(|path| {
        let bytes = fs::read(&path).expect("a file");
        (path.strip_prefix(stack).expect("below it").display().to_string(), bytes)
    });
    files.collect()
}

#[test]
fn the_file_mends_what_is_mechanical_and_nothing_else_changes() {
    let _turn = turn::take(Fixture::Copy);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (stack, patch) = (folder.path().join("compose"), folder.path().join("audit.patch"));
    fs::create_dir(&stack).expect("created");
    copy(&reference_stack(), &stack);
    let drill = stack.join("drill.toml");
    let accepting = fs::read_to_string(&drill).expect("a file") + ACCEPTED;
    fs::write(&drill, accepting).expect("written");

    let clean = audit(&stack, &patch, 0);
    assert_eq!(fs::read_to_string(&patch).expect("written"), "", "there is nothing to mend");
    let decided = |id: &str| {
        let about = clean.iter().filter(|[_, known, ..]| known == id);
        about.map(|[.., status, reason]| (status.as_str(), reason.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(
        decided("django.version"),
        [("accepted", "the upgrade is planned for the summer"); 2]
    );
    assert_eq!(decided("accept.unused"), [("open", "")]);
    let open = clean.iter().filter(|[_, _, _, status, _]| status == "open").count();
    assert_eq!(open, 1, "{clean:#?}");

    for (path, from, to) in FAULTS {
        let file = stack.join(path);
        let text = fs::read_to_string(&file).expect("a file");
        assert!(text.contains(from), "{path} has no {from:?}");
        fs::write(file, text.replacen(from, to, 1)).expect("written");
    }
    let faulty = audit(&stack, &patch, 1);
    for (id, about) in FOUND {
        let named = faulty.iter().any(|[_, known, subject, status, _]| {
            known == id && subject.starts_with(about) && status == "open"
        });
        assert!(named, "{id} {about}: {faulty:#?}");
    }

    // As docs/hardening.md says it.
    let before = texts(&stack);
    let mut git = Command::new("git");
    git.args(["apply", "--check", "--directory=compose", "audit.patch"]).current_dir(&folder);
    assert!(git.status().expect("git runs").success(), "{}", shown(&patch));
    let input = fs::File::open(&patch).expect("the patch");
    let mut mend = Command::new("patch");
    mend.args(["-p1", "-d", "compose", "--fuzz=0"]).current_dir(&folder).stdin(input);
    let mended = mend.output().expect("patch runs");
    assert!(mended.status.success(), "{mended:?}\n{}", shown(&patch));
    let after = texts(&stack);
    let changed = after.iter().filter(|(path, text)| before.get(*path) != Some(text));
    let changed = changed.map(|(path, _)| path.as_str()).collect::<BTreeSet<_>>();
    assert_eq!(changed, BTreeSet::from([HEADERS, MAIN, PRODUCTION]));

    let text = shown(&patch);
    assert_eq!(audit(&stack, &patch, 0), clean, "{text}");
    assert_eq!(shown(&patch), "", "there is still something to mend");
}

fn shown(file: &Path) -> String {
    fs::read_to_string(file).expect("a file")
}
