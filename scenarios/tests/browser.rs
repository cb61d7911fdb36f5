//! The stack in a real browser: front end, admin and API work under the content security policy
//! in both modes, and a policy that blocks what a page needs is named.

use harness::audit::headers::Policy;
use harness::model::finding::Finding;
use harness::model::mode::Mode;
use harness::survey::{self, Options};
use scenarios::standing::{Copy, Edit};

const HEADERS: &str = "proxy/conf/security-headers.conf";
const PAGE: &str = "frontend/index.html";

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
    let seen = Box::pin(survey::look(sandbox, &copy.drill.config, options, Some(folder))).await;
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
    let inline = [(PAGE, "</head>", "<script>document.title = \"inline\";</script>\n</head>")];
    demand(&copy, &inline, "browser.csp", "front-end", "inline script").await;
    let broken = [("frontend/app.js", "\"use strict\";", "\"use strict\";\nabsent();")];
    demand(&copy, &broken, "browser.console", "front-end", "absent is not defined").await;
    copy.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_uses_the_stack_over_http() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let copy = Copy::up(base.path(), Mode::Http).await;
    works_as_it_is(&copy).await;
    copy.remove().await;
}
