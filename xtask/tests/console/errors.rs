//! What is said of bad input: each error with what was wrong, on what, and what to do next.

use crate::console::Console;

const COMPOSE: &str = "services:\n  db:\n    image: scratch\nvolumes:\n  postgres_data: {}\n";

const PROBE: &str = "[[probe]]\nid = \"up\"\nrequirement = \"FR-5\"\ntitle = \"up\"\nhealth = true\n\
                     step = [{ request = \"GET /\", expect = { status = 200 } }]\n";

#[test]
fn of_the_command_line() {
    let console = Console::new();
    console.write("full/file", "");
    let transcript = console.transcript(&[
        "doctr",
        "dr-drill --scales",
        "dr-drill --scale tiny",
        "dr-drill --scale meduim",
        "dr-drill --scale 7",
        "dr-drill --seed -1",
        "dr-drill --seed many",
        "dr-drill --method pgdump",
        "dr-drill --method zzz",
        "dr-drill --disaster volume",
        "dr-drill --profile production,tunned",
        "dr-drill --strength strong",
        "dr-drill --format yaml",
        "dr-drill --method all --artefact DIR/kept",
        "dr-drill --artefact DIR/full",
        "dr-drill --from DIR/full --method shell",
        "dr-drill --junit DIR/nowhere/checks.xml",
        "dr-drill --junit DIR/checks.xml --dry-run",
        "bench --runs 0",
        "bench --method pgdump",
        "fingerprint --media DIR --jobs 0",
        "smoke --url korrigo.test",
        "smoke --url https://korrigo.test --ca DIR/absent.pem",
        "smoke --url https://korrigo.test --resolve korrigo.test:443",
        "smoke --url https://korrigo.test --resolve other.test:443:192.0.2.1",
        "smoke --insecure",
        "audit --policy owas",
        "audit --check DIR/absent.md",
        "retention DIR/absent --policy last=1",
        "retention DIR --policy fortnightly=1",
        "retention DIR --policy last=0",
        "runbook check --file DIR/absent.md",
    ]);
    console.assert_snapshot("errors-command-line", &transcript);
}

#[test]
fn of_a_stack() {
    let stacks = [
        ("no-toml", "[database"),
        ("unknown-key", "[database]\nservce = \"db\"\n"),
        ("no-text", "[database]\nservice = 7\n"),
        ("two-probes", &PROBE.repeat(2)),
        ("unknown-fact", &PROBE.replace("GET /", "GET /{{copy.idd}}")),
        ("unknown-expectation", &PROBE.replace("status = 200", "statos = 200")),
        ("no-duration", &format!("{PROBE}[objectives]\nrecovery_time_s = -1.0\n")),
        ("absent-part", &format!("include = [\"methods.toml\"]\n{PROBE}")),
        ("no-promise", &format!("{PROBE}[[method]]\nname = \"own\"\ntitle = \"own\"\n")),
        (
            "same-name",
            &format!(
                "{PROBE}[[method]]\nname = \"pg-dump\"\ntitle = \"own\"\npromises = [\"database\"]\n\
                 leaves = {{ database = \"dump\" }}\nbackup = [{{ run = [\"true\"] }}]\n\
                 restore = [{{ run = [\"true\"] }}]\n"
            ),
        ),
    ];
    let console = Console::new();
    console.write("no-compose/drill.toml", PROBE).write("whole/compose.yaml", COMPOSE);
    console.write("whole/drill.toml", PROBE);
    for (name, drill) in stacks {
        console.write(&format!("{name}/compose.yaml"), COMPOSE);
        console.write(&format!("{name}/drill.toml"), drill);
    }
    let folders = ["absent", "no-compose"].into_iter().chain(stacks.map(|(name, _)| name));
    let lines = folders.map(|name| format!("dr-drill --stack DIR/{name} --report DIR/runs"));
    let lines = lines.collect::<Vec<_>>();
    let transcript = console.transcript(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    console.assert_snapshot("errors-stack", &transcript);
    assert!(!console.path("runs").exists(), "a run was begun");
}

#[test]
fn of_an_artefact() {
    let console = Console::new();
    let manifest = |version: u32, parts: &str| {
        format!(
            "{{\"schema_version\":{version},\"method\":\"pg-dump\",\
             \"taken_at\":\"2026-01-01T00:00:00Z\",\
             \"recovery_point\":{{\"instant\":\"2026-01-01T00:00:00Z\",\"lsn\":\"0/1\"}},\
             \"parts\":[{parts}],\"tools\":{{}}}}"
        )
    };
    let part =
        "{\"kind\":\"certificate\",\"file\":\"certificate.json\",\"size\":2,\"blake3\":\"00\"}";
    console
        .write("empty/file", "")
        .write("cut/manifest.json", "{ \"schema_version\": 1,")
        .write("newer/manifest.json", &manifest(99, ""))
        .write("bare/manifest.json", &manifest(1, ""))
        .write("no-part/manifest.json", &manifest(1, part))
        .write("bad-part/manifest.json", &manifest(1, part))
        .write("bad-part/certificate.json", "no")
        .write("outside/manifest.json", &manifest(1, &part.replace("certificate.json", "../up")));
    let transcript = console.transcript(&[
        "verify",
        "verify DIR/absent",
        "dr-drill --from DIR/empty",
        "dr-drill --from DIR/cut",
        "dr-drill --from DIR/newer",
        "dr-drill --from DIR/bare",
        "dr-drill --from DIR/no-part",
        "dr-drill --from DIR/bad-part",
        "dr-drill --from DIR/outside",
    ]);
    console.assert_snapshot("errors-artefact", &transcript);
}

#[test]
fn of_a_certificate() {
    let console = Console::new();
    console.write("store/file", "content").write("cut.json", "{").write("other.json", "{}");
    let taken = console.run("fingerprint --media DIR/store --out DIR/taken.json");
    assert_eq!(taken.exit_code, 0, "{taken:#?}");
    assert_eq!(console.run("compare DIR/taken.json DIR/store").exit_code, 0);
    let text = std::fs::read_to_string(console.path("taken.json")).expect("a certificate");
    let mut newer = serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
    newer["schema_version"] = 99.into();
    console.write("newer.json", &newer.to_string());
    let transcript = console.transcript(&[
        "fingerprint",
        "fingerprint --media DIR/absent",
        "fingerprint --database postgres://reader@127.0.0.1:9/school",
        "fingerprint --database postgres://reader@127.0.0.1/school?sslmode=strict",
        "compare DIR/taken.json",
        "compare DIR/absent.json DIR/store",
        "compare DIR/cut.json DIR/store",
        "compare DIR/other.json DIR/store",
        "compare DIR/newer.json DIR/store",
        "compare DIR/taken.json DIR/absent",
        "compare DIR/taken.json mysql://reader@127.0.0.1/school",
    ]);
    console.assert_snapshot("errors-certificate", &transcript);
}

#[test]
fn of_a_machine_without_an_engine() {
    let console = Console::new();
    let nowhere = [("DOCKER_HOST", "unix:///nonexistent.sock")];
    let without = |line: &str| {
        let answer = console.run_with(line, &nowhere);
        assert_eq!(answer.said, "", "{line}");
        format!("$ cargo xtask {line}\n{}exit code {}\n", answer.told, answer.exit_code)
    };
    let lines = ["clean", "down", "audit --no-browser --report DIR", "up"];
    let transcript = lines[..2].iter().map(|line| without(line)).collect::<Vec<_>>();
    console.assert_snapshot("errors-engine", &transcript.join("\n"));
}
