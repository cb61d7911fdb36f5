//! What is in a stack, read on a machine without an engine and without any image.

use crate::console::{Answer, Console, too_wide};

const STACK: &str = r#"
services:
  db:
    image: postgres:16
    environment: { POSTGRES_PASSWORD: "${SHOP_DB_PASSWORD:?}", POSTGRES_DB: shop }
    volumes: ["pg:/var/lib/postgresql/data"]
  app:
    image: corp/shop:1
    environment: { DATABASE_URL: "postgres://postgres:${SHOP_DB_PASSWORD}@db:5432/shop" }
    ports: ["8080:8000"]
volumes: { pg: {} }
"#;

fn run(console: &Console, line: &str) -> Answer {
    console.run_with(line, &[("DOCKER_HOST", "unix:///nonexistent.sock")])
}

#[test]
fn a_stack_is_one_object_for_a_program() {
    let console = Console::new();
    console.write("compose.yaml", STACK);
    let found = run(&console, "init --stack DIR --format json");
    assert_eq!((found.exit_code, found.lines().len()), (0, 1), "{found:#?}");
    let verdict = found.verdict();
    assert_eq!(verdict["databases"][0]["engine"], "postgresql");
    assert_eq!(verdict["databases"][0]["version"], "16");
    assert_eq!(verdict["databases"][0]["volume"], "pg");
    assert_eq!(verdict["application"], "app");
    assert_eq!(verdict["entry"]["port"], 8000);
    assert!(verdict["assumptions"].to_string().contains("SHOP_DB_PASSWORD"), "{verdict}");
}

#[test]
fn the_settings_are_written_once() {
    let console = Console::new();
    console.write("compose.yaml", STACK);
    let written = run(&console, "init --stack DIR --write");
    assert_eq!(written.exit_code, 0, "{written:#?}");
    assert!(console.path("drill.toml").is_file());
    // What was written is read again, and never written over.
    let again = run(&console, "init --stack DIR --write --format json");
    assert_eq!(again.exit_code, 2, "{again:#?}");
    assert!(again.verdict()["hint"].to_string().contains("move it away"), "{again:#?}");
    assert_eq!(run(&console, "init --stack DIR").exit_code, 0);
}

#[test]
fn what_compose_says_of_a_broken_file_is_shown() {
    let console = Console::new();
    console.write("compose.yaml", "services: { db: { image: [ }\n");
    let refused = run(&console, "init --stack DIR");
    assert_eq!(refused.exit_code, 2, "{refused:#?}");
    assert!(refused.told.contains("yaml"), "{refused:#?}");
}

/// What each line answers, as a terminal shows it.
fn transcript(console: &Console, lines: &[&str]) -> String {
    let shown = lines.iter().map(|line| {
        let Answer { exit_code, said, told } = run(console, line);
        format!("$ cargo xtask {line}\n{told}{said}exit code {exit_code}\n")
    });
    shown.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_stack_is_explained_to_people_and_drilled_as_it_is() {
    let console = Console::new();
    console.write("shop/compose.yaml", STACK).write(
        "files/compose.yaml",
        "services:\n  wiki: { image: \"corp/wiki:3\", volumes: [\"pages:/var/wiki\"], ports: [\"80\"] }\nvolumes: { pages: {} }\n",
    );
    let lines = [
        "init --stack DIR/shop",
        "dr-drill --stack DIR/shop --dry-run",
        "dr-drill --stack DIR/files --dry-run",
    ];
    let shown = transcript(&console, &lines);
    assert_eq!(too_wide(&shown), Vec::<&str>::new());
    console.assert_snapshot("init", &shown);
}

#[test]
fn what_cannot_be_known_of_a_stack_is_said_with_the_next_step() {
    let console = Console::new();
    let server = |name: &str| {
        format!(
            "  {name}: {{ image: \"postgres:16\", volumes: [\"{name}:/var/lib/postgresql/data\"] }}\n"
        )
    };
    let two = ["orders", "stock"];
    let servers = two.map(server).concat();
    console
        .write("broken/compose.yaml", "services: { db: { image: [ }\n")
        .write(
            "asks/compose.yaml",
            "services:\n  web:\n    image: corp/web:1\n    environment: { DOMAIN: \"${ASKS_DOMAIN:?}\", KEY: \"${ASKS_KEY:?}\" }\n    ports: [\"80\"]\n",
        )
        .write(
            "two/compose.yaml",
            &format!("services:\n{servers}volumes: {{ orders: {{}}, stock: {{}} }}\n"),
        )
        .write(
            "stateless/compose.yaml",
            "services:\n  web: { image: \"nginx:1.27\", ports: [\"80\"] }\n",
        )
        .write("shop/compose.yaml", STACK);
    let lines = [
        "init --stack DIR/broken",
        "init --stack DIR/asks",
        "dr-drill --stack DIR/asks --dry-run",
        "init --stack DIR/two",
        "dr-drill --stack DIR/two --dry-run",
        "init --stack DIR/stateless",
        "dr-drill --stack DIR/stateless --dry-run",
        "init --stack DIR/shop --without ap",
        "dr-drill --stack DIR/shop --without search --dry-run",
    ];
    console.assert_snapshot("init-unknown", &transcript(&console, &lines));
}
