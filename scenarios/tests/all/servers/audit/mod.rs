//! A site that nobody wrote anything down about, audited at its address and as a stack: intact, then
//! without a policy and with a session that anybody can read, then gone.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use harness::stack::authority;
use scenarios::stacks;
use scenarios::turn::{self, Fixture};
use scenarios::xtask::{Answer, answer, xtask};
use serde_json::{Value, json};

const IMAGE: &str = "dr-drill-test/app:1";
const SITE: &str = include_str!("site.py");

/// What the site is accused of where it is not intact, on its address.
const PLANTED: [(&str, &str); 3] = [
    ("headers.missing", "Content-Security-Policy on "),
    ("cookies.secure", "cookie sessionid"),
    ("cookies.httponly", "cookie sessionid"),
];

/// The site over TLS, gone when dropped.
struct Site(String);

impl Site {
    fn start(intact: &str, certificates: &Path) -> Self {
        let mount = format!("{}:/tls:ro", certificates.display());
        let intact = format!("INTACT={intact}");
        let words = ["run", "--detach", "--env", &intact, "--volume", &mount];
        let program = ["--entrypoint", "python3", IMAGE, "-c", SITE];
        Self(docker(&[&words[..], &program].concat()).trim().to_owned())
    }

    /// The address of its container, once it accepts connections.
    fn address(&self) -> String {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address = docker(&["inspect", "--format", format, &self.0]).trim().to_owned();
        for _ in 0..100 {
            if std::net::TcpStream::connect(format!("{address}:8000")).is_ok() {
                return address;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the site does not listen within 10 s: {}", docker(&["logs", &self.0]));
    }

    /// Lines of its log about requests.
    fn requests(&self) -> Vec<String> {
        let output = Command::new("docker").args(["logs", &self.0]).output().expect("a log");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let requests = log.lines().filter_map(|line| line.split_once("] \"")).map(|(_, it)| it);
        requests.map(str::to_owned).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", &self.0]).output();
    }
}

fn docker(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).output().expect("an engine");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What lines of an event say.
fn events(answer: &Answer, event: &str) -> Vec<Value> {
    let lines = answer.said.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["event"] == event).collect()
}

fn accuses(answer: &Answer, (id, subject): (&str, &str)) -> bool {
    events(answer, "finding").iter().map(|line| &line["finding"]).any(|finding| {
        finding["id"] == id && finding["subject"].as_str().is_some_and(|it| it.starts_with(subject))
    })
}

#[test]
fn a_site_is_judged_at_its_address_and_as_a_stack_and_one_that_is_gone_is_undecided() {
    let _turn = turn::take(Fixture::Server);
    stacks::images();
    let work = crate::reports();
    let (certificates, ca) = (work.path().join("tls"), work.path().join("ca.pem"));
    let authority = authority::issue(&certificates, "site.test").expect("issued");
    std::fs::write(&ca, authority).expect("written");
    let path = |name: &str| work.path().join(name).to_str().expect("UTF-8").to_owned();
    let (ca, sarif, junit) = (path("ca.pem"), path("audit.sarif"), path("audit.xml"));
    let audit = |site: &Site, exit_code| {
        let resolve = format!("site.test:8000:{}", site.address());
        let at = ["audit", "--url", "https://site.test:8000", "--resolve", &resolve, "--ca", &ca];
        let out = ["--format", "json", "--sarif", &sarif, "--junit", &junit];
        answer(xtask(&[&at[..], &out].concat()), exit_code)
    };

    let intact = Site::start("yes", &certificates);
    let clean = audit(&intact, 0);
    assert_eq!(events(&clean, "finding"), Vec::<Value>::new());
    let requests = intact.requests();
    assert!((20..=60).contains(&requests.len()), "{requests:#?}");
    let reads = |line: &String| line.starts_with("GET ") && !line.contains("/logout");
    assert!(requests.iter().all(reads), "{requests:#?}");
    let skipped = events(&clean, "check");
    for id in ["audit.django", "audit.nginx", "audit.redirect", "audit.login", "audit.browser"] {
        let named =
            |line: &Value| line["check"]["id"] == id && line["check"]["outcome"] == "skipped";
        assert!(skipped.iter().any(named), "{id}: {skipped:#?}");
    }

    let broken = Site::start("no", &certificates);
    let found = audit(&broken, 1);
    for planted in PLANTED {
        assert!(accuses(&found, planted), "{planted:?}: {found:#?}");
    }
    let sarif = std::fs::read_to_string(&sarif).expect("a log");
    assert!(sarif.contains("\"uri\": \"https://site.test:8000\""), "{sarif}");
    drop(broken);

    // The same site as a stack that keeps nothing: its entry speaks plain HTTP, where no cookie is
    // Secure.
    let folder = work.path().join("site");
    std::fs::create_dir(&folder).expect("a folder");
    let service = json!({
        "image": IMAGE,
        "entrypoint": ["python3", "-c", SITE],
        "environment": { "INTACT": "no" },
        "ports": ["8000"],
    });
    let compose = json!({ "services": { "site": service } });
    std::fs::write(folder.join("compose.yaml"), compose.to_string()).expect("written");
    let stack = ["audit", "--stack", &path("site"), "--report", &path("runs"), "--format", "json"];
    let found = answer(xtask(&stack), 1);
    let named = PLANTED.map(|planted| accuses(&found, planted));
    assert_eq!(named, [true, false, true], "{found:#?}");

    drop(intact);
    let gone = ["audit", "--url", "https://127.0.0.1:1", "--junit", &junit, "--format", "json"];
    let verdict = answer(xtask(&gone), 3).verdict();
    assert_eq!(verdict["verdict"], "undecided");
    assert!(verdict["error"].as_str().expect("why").contains("cannot be reached"), "{verdict}");
    assert!(std::fs::read_to_string(&junit).expect("XML").contains("errors=\"1\""));
}
