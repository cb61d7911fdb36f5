//! What is in a stack, read on a machine without an engine and without any image.

use crate::console::{Answer, Console};

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
