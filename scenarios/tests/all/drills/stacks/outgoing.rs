//! What a restored stack tries to send is listed, and none of it leaves: somebody who has those names
//! on the original's own network hears nothing of the copy.

use std::process::Command;
use std::time::Duration;

use scenarios::stacks;
use serde_json::{Value, json};

use super::passed::drilled;

/// The names that are sent to.
const NAMES: [&str; 3] = ["smtp.example.org", "hooks.example.com", "api.example.net"];

/// Says each connection.
const LISTEN: &str = "import os, select, socket
servers = [socket.create_server(('', port)) for port in (2525, 8123, 443)]
os.write(1, b'listens\\n')
while True:
    for server in select.select(servers, [], [])[0]:
        server.accept()[0].close()
        os.write(1, b'heard\\n')";

const CONNECT: &str = "import socket; socket.create_connection(('smtp.example.org', 2525), 5)";

/// A network with a way out, and a container on it that has the names.
struct Outside {
    network: String,
    container: String,
}

impl Outside {
    fn listen() -> Self {
        let network = format!("outside-{}", std::process::id());
        docker(&["network", "create", &network]);
        let aliases = NAMES.map(|name| format!("--network-alias={name}"));
        let run = ["run", "--detach", "--rm", "--network", &network];
        let aliases = aliases.iter().map(String::as_str).collect::<Vec<_>>();
        let image = ["--entrypoint", "python3", "dr-drill-test/app:1", "-c", LISTEN];
        let container = docker(&[&run[..], &aliases, &image].concat());
        let outside = Self { network, container };
        for _ in 0..600 {
            if outside.said("listens") == 1 {
                return outside;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("nobody listens");
    }

    /// Connects from a container that is not sealed.
    fn reach(&self) {
        let image = ["--entrypoint", "python3", "dr-drill-test/app:1", "-c", CONNECT];
        docker(&[&["run", "--rm", "--network", &self.network], &image[..]].concat());
    }

    fn said(&self, word: &str) -> usize {
        let log = docker(&["logs", &self.container]);
        log.lines().filter(|line| line.starts_with(word)).count()
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        for words in [["rm", "--force"], ["network", "rm"]] {
            let name = if words[0] == "rm" { &self.container } else { &self.network };
            let _ = Command::new("docker").args(words).arg(name).output();
        }
    }
}

fn docker(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).output().expect("docker runs");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// An attempt without how often it was made.
fn uncounted(attempt: &Value) -> Value {
    let mut attempt = attempt.clone();
    attempt.as_object_mut().expect("an attempt").remove("count");
    attempt
}

#[test]
fn what_is_sent_after_the_restore_is_listed_and_heard_by_nobody() {
    let project = stacks::project("files-sqlite");
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/outgoing");
    scenarios::standing::copy(&fixture, &project.folder);
    let outside = Outside::listen();
    let file = project.folder.join("docker-compose.override.yml");
    let text = std::fs::read_to_string(&file).expect("a compose file");
    std::fs::write(&file, text.replace("OUTSIDE", &outside.network)).expect("written");
    outside.reach();
    assert_eq!(outside.said("heard"), 1, "it would hear what leaves");

    let base = crate::reports();
    let (answer, record) = drilled(&project, base.path(), &["--method", "cold"]);
    assert_eq!(outside.said("heard"), 1, "something left");

    let attempts = record["egress"]["attempts"].as_array().expect("attempts");
    let of = |when| attempts.iter().filter(move |it| it["when"] == when).map(uncounted);
    let expected = |when| {
        [
            json!({"when": when, "source": "sender", "protocol": "smtp", "name": "smtp.example.org",
                "port": 2525, "sender": "shop@example.org",
                "to": ["ann@example.org", "bob@example.org"], "expected": false}),
            json!({"when": when, "source": "sender", "protocol": "http",
                "name": "hooks.example.com", "port": 8123, "method": "POST",
                "host": "hooks.example.com", "path": "/paid/42/…", "expected": false}),
            json!({"when": when, "source": "sender", "protocol": "tls", "name": "api.example.net",
                "port": 443, "sni": "api.example.net", "expected": true}),
        ]
    };
    for when in ["before", "after"] {
        assert_eq!(of(when).collect::<Vec<_>>(), expected(when), "{when}");
    }
    let mut checks = record["checks"].as_array().expect("checks").iter();
    let check = checks.find(|check| check["id"] == "egress.expected").expect("the check");
    assert_eq!(check["outcome"], "warned");
    let detail = check["detail"].as_str().expect("a detail");
    for (name, is_named) in NAMES.into_iter().zip([true, true, false]) {
        assert_eq!(detail.contains(name), is_named, "{detail}");
    }
    let told = format!("{record}{}{}", answer.said, answer.told);
    assert!(!told.contains("very-secret"), "a secret was taken down");
}
