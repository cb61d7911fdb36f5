//! The stack in a real browser: front end, admin and API work under the content security policy
//! in both modes, and a policy that blocks what a page needs is named.

use std::collections::BTreeSet;

use harness::audit::headers::Policy;
use harness::model::finding::Finding;
use harness::model::mode::Mode;
use harness::survey::{self, Options};
use scenarios::standing::{Copy, Edit};

const HEADERS: &str = "proxy/conf/security-headers.conf";
const PAGE: &str = "frontend/index.html";

const SCRIPT: &str = "frontend/app.js";

const HEAD: &str = "<style>p { color: red }</style><script>document.title = \"inline\";</script>\n\
    <link rel=\"stylesheet\" href=\"https://elsewhere.example/a.css\">\n</head>";
const BODY: &str = "<body>\n<img src=\"https://elsewhere.example/a.png\" alt=\"\">\n\
    <p onclick=\"leave()\"></p>";
const CODE: &str = "\"use strict\";\ntry { eval(\"1\"); } catch { /* as it must be */ }\n\
    fetch(\"https://elsewhere.example/a.json\").catch(() => {});";
const WORDY: &str =
    "\"use strict\";\nconsole.error(\"Content Security Policy: it violates nothing\");";

/// How what the policy blocks is named: its directive and what is blocked.
const KINDS: [&str; 7] = [
    "script-src-elem blocks inline (https://korrigo.test/:",
    "style-src-elem blocks inline (https://korrigo.test/:",
    "style-src-elem blocks https://elsewhere.example/a.css",
    "img-src blocks https://elsewhere.example/a.png",
    "script-src-attr blocks inline",
    "script-src blocks eval (https://korrigo.test/app.js:",
    "connect-src blocks https://elsewhere.example/a.json",
];

/// Screenshots of a visit that comes to its end.
const SHOTS: [&str; 10] = [
    "front-end",
    "sign-in",
    "upload",
    "copy",
    "api",
    "return",
    "sign-out",
    "admin-login",
    "admin",
    "admin-list",
];

async fn look(copy: &Copy) -> Vec<Finding> {
    let policy = Policy::named("korrigo").expect("there");
    let options =
        Options { files: copy.files.path(), policy: &policy, django: false, without: false };
    let (sandbox, folder) = (&copy.standing.sandbox, &copy.standing.folder);
    let seen = Box::pin(survey::look(sandbox, copy.drill.config(), options, Some(folder))).await;
    seen.expect("it can be looked at").findings
}

/// Demands one finding of the browser's about a page, with words that name the cause.
async fn demand(copy: &Copy, edits: &[Edit], id: &str, page: &str, words: &str) {
    copy.plant(edits).await;
    let findings = look(copy).await;
    let named =
        |it: &&Finding| it.id == id && it.subject.starts_with(page) && it.detail.contains(words);
    assert!(findings.iter().any(|it| named(&it)), "{id} {page} {words:?}: {findings:#?}");
    copy.plant(&[]).await;
}

/// What a page can have that its policy blocks, planted all at once: each is named.
async fn names_each_kind(copy: &Copy) {
    copy.plant(&[
        (PAGE, "</head>", HEAD),
        (PAGE, "<body>", BODY),
        (SCRIPT, "\"use strict\";", CODE),
    ])
    .await;
    let findings = look(copy).await;
    let named = |it: &&Finding| it.id == "browser.csp" && it.subject.starts_with("front-end");
    let found = findings.iter().find(named);
    let found = found.unwrap_or_else(|| panic!("no browser.csp: {findings:#?}"));
    for kind in KINDS {
        let line = found.evidence.iter().find(|line| line.starts_with(kind));
        assert!(line.is_some(), "{kind:?} is not in {found:#?}");
    }
    copy.plant(&[]).await;
}

async fn works_as_it_is(copy: &Copy) {
    let findings = look(copy).await;
    assert!(findings.is_empty(), "{findings:#?}");
    let scheme = copy.standing.sandbox.mode.scheme();
    let evidence = copy.standing.folder.work().with_file_name("evidence");
    for shot in SHOTS {
        let file = evidence.join(format!("browser/{scheme}-{shot}.png"));
        let bytes = std::fs::read(&file).expect("a screenshot");
        assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 2000, "{}", file.display());
    }
    if let Some(keep) = std::env::var_os("DR_DRILL_KEEP_SCREENSHOTS") {
        for shot in SHOTS {
            let name = format!("{scheme}-{shot}.png");
            let to = std::path::Path::new(&keep).join(&name);
            std::fs::copy(evidence.join("browser").join(&name), to).expect("copied");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_uses_the_stack_over_tls_and_names_what_the_policy_blocks() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let copy = Copy::up(base.path(), Mode::Tls).await;
    works_as_it_is(&copy).await;
    let blocked = [(HEADERS, "script-src 'self'", "script-src 'none'")];
    demand(&copy, &blocked, "browser.csp", "front-end", "app.js").await;
    demand(&copy, &blocked, "browser.step", "front-end", "#login button").await;
    names_each_kind(&copy).await;
    let broken = [(SCRIPT, "\"use strict\";", "\"use strict\";\nabsent();")];
    demand(&copy, &broken, "browser.console", "front-end", "absent is not defined").await;
    // Words about a policy are no violation of one.
    let wordy = [(SCRIPT, "\"use strict\";", WORDY)];
    copy.plant(&wordy).await;
    let findings = look(&copy).await;
    let ids = findings.iter().map(|it| it.id.as_str()).collect::<BTreeSet<_>>();
    assert_eq!(ids, BTreeSet::from(["browser.console"]), "{findings:#?}");
    copy.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_uses_the_stack_over_http() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let copy = Copy::up(base.path(), Mode::Http).await;
    works_as_it_is(&copy).await;
    copy.remove().await;
}
