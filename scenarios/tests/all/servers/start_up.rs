//! What production refuses at start-up (FR-6): the backend's own image, started with one bad
//! environment after another, must end with 78 (`EX_CONFIG`) and name the variable and the fault.
//! A good environment starts and answers for its hosts alone.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::config::{Config, Variable};
use harness::model::event::Events;
use harness::process::Runner;
use harness::stack::compose::{Compose, StackSource};
use harness::stack::engine::Engine;
use harness::stack::images::{BaseSpec, Images, SUITE};
use rstest::{fixture, rstest};
use scenarios::rehearsal::reference_stack;
use scenarios::turn::{self, Fixture};
use testcontainers::core::wait::ExitWaitStrategy;
use testcontainers::core::{CmdWaitFor, ExecCommand, WaitFor};
use testcontainers::runners::SyncRunner;
use testcontainers::{Container, ContainerRequest, GenericImage, ImageExt};
use tokio_util::sync::CancellationToken;

/// `EX_CONFIG` of sysexits.h.
const REFUSED: i64 = 78;
const START_LIMIT: Duration = Duration::from_secs(60);

/// A variable's change: another value, or none.
type Change = (&'static str, Option<&'static str>);

/// An environment with which production starts. Nothing of it opens anything anywhere.
const GOOD: [(&str, &str); 12] = [
    ("DJANGO_ENV", "production"),
    ("SSL_ENABLED", "false"),
    ("DEBUG", "false"),
    ("SECRET_KEY", "mVq2LxZr8Tn4Yb6Kd0Wc9Js1Hg3Pf5Ae7Ru-Ot_QiXwSzMkBvNyCl"),
    ("DJANGO_ALLOWED_HOSTS", "korrigo.test"),
    ("POSTGRES_HOST", "db"),
    ("POSTGRES_DB", "korrigo"),
    ("POSTGRES_USER", "korrigo"),
    ("POSTGRES_PASSWORD", "not-asked-for"),
    ("REDIS_HOST", "redis"),
    ("REDIS_PASSWORD", "not-asked-for-either"),
    // There is no database to migrate.
    ("RUN_MIGRATIONS", "0"),
];

/// The image of the backend, built if it is not there.
#[fixture]
#[once]
fn image() -> (String, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let built = runtime.expect("a runtime starts").block_on(build());
    let image = built.expect("the image of the backend is there or made");
    let (name, tag) = image.split_once(':').expect("a tag");
    (name.to_owned(), tag.to_owned())
}

async fn build() -> harness::Result<String> {
    let dir = reference_stack().canonicalize().expect("a folder");
    let config = Config::load(&dir)?;
    let runner = Runner::new(CancellationToken::new());
    let engine = Engine::find(&runner).await?;
    let variables = config.environment.iter().map(|(name, value)| {
        let value = match value {
            Variable::Given(value) => value.clone(),
            Variable::Random { random } => "x".repeat(*random),
        };
        (name.clone(), value)
    });
    let source = StackSource {
        dir: dir.clone(),
        files: config.stack.files.clone(),
        variables: variables.collect(),
        ..StackSource::default()
    };
    let compose = Compose::find(&runner, std::env::var("DR_DRILL_COMPOSE").ok().as_deref()).await?;
    let resolved = compose.config(&source).await?;
    let images = Images::new(&engine, &Events::ignored());
    let debian = images.base(SUITE).await?;
    let base = config.stack.base.as_ref().map(|base| BaseSpec { context: dir.join(base) });
    let built = images.build_all(&resolved, base.as_ref(), &debian).await?;
    Ok(built["backend"].clone())
}

fn container(
    image: &(String, String),
    changes: &[Change],
    until: WaitFor,
) -> ContainerRequest<GenericImage> {
    let mut environment = BTreeMap::from(GOOD);
    for (name, value) in changes {
        match value {
            Some(value) => environment.insert(name, value),
            None => environment.remove(name),
        };
    }
    let plain = GenericImage::new(&image.0, &image.1).with_wait_for(until);
    let request = plain.with_network("bridge").with_startup_timeout(START_LIMIT);
    let request = request.with_label("restore-drill.scenario", "start-up");
    environment
        .into_iter()
        .fold(request, |request, (name, value)| request.with_env_var(name, value))
}

/// Starts the backend and demands that it refuses, for a reason that has these words, and for
/// no other.
#[track_caller]
fn refuses(image: &(String, String), changes: &[Change], words: &[&str]) {
    let ended = container(image, changes, WaitFor::exit(ExitWaitStrategy::new())).start();
    let ended = ended.unwrap_or_else(|cause| panic!("{changes:?}: it goes on: {cause}"));
    let said = ended.stderr_to_vec().expect("its log can be read");
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(ended.exit_code().expect("it ended"), Some(REFUSED), "{changes:?}\n{said}");
    assert!(said.contains("refusing to start, 1 problem(s)"), "{changes:?}\n{said}");
    for word in words {
        assert!(said.contains(word), "{changes:?}: no {word:?} in\n{said}");
    }
    let secrets = ["SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD"];
    for (name, value) in changes.iter().filter(|(name, _)| secrets.contains(name)) {
        let shown = value.is_some_and(|value| value.len() > 5 && said.contains(value));
        assert!(!shown, "{name} is shown:\n{said}");
    }
}

fn starts(image: &(String, String), changes: &[Change]) -> Container<GenericImage> {
    let started = container(image, changes, WaitFor::message_on_stderr("Listening at")).start();
    started.unwrap_or_else(|cause| panic!("{changes:?}: it does not start: {cause}"))
}

/// The status of an answer to a request for a host.
fn status(backend: &Container<GenericImage>, host: &str) -> String {
    let command = format!(
        "curl --silent --max-time 10 --output /dev/null --write-out '%{{http_code}}' \
         --header 'Host: {host}' http://127.0.0.1:8000/api/health/live/"
    );
    let command = ExecCommand::new(["sh", "-c", &command]);
    let run = backend.exec(command.with_cmd_ready_condition(CmdWaitFor::exit()));
    let answer = run.expect("curl runs").stdout_to_vec().expect("its output can be read");
    String::from_utf8_lossy(&answer).into_owned()
}

#[rstest]
#[case::wildcard(&[("DJANGO_ALLOWED_HOSTS", Some("*"))], &["DJANGO_ALLOWED_HOSTS", "wildcard"])]
#[case::wildcard_among_others(&[("DJANGO_ALLOWED_HOSTS", Some("korrigo.test,*"))], &["wildcard"])]
#[case::wildcard_label(&[("DJANGO_ALLOWED_HOSTS", Some("*.test"))], &["wildcard"])]
#[case::absent(&[("DJANGO_ALLOWED_HOSTS", None)], &["DJANGO_ALLOWED_HOSTS is missing or empty"])]
#[case::empty(&[("DJANGO_ALLOWED_HOSTS", Some(""))], &["missing or empty"])]
#[case::whitespace(&[("DJANGO_ALLOWED_HOSTS", Some("  \t "))], &["missing or empty"])]
#[case::commas(&[("DJANGO_ALLOWED_HOSTS", Some(" , ,"))], &["missing or empty"])]
#[case::the_other_variable_alone(
    &[("DJANGO_ALLOWED_HOSTS", None), ("ALLOWED_HOSTS", Some("korrigo.test"))],
    &["ALLOWED_HOSTS is set, but only the development settings read it"]
)]
#[case::inner_whitespace(&[("DJANGO_ALLOWED_HOSTS", Some("a.test b.test"))], &["whitespace"])]
#[case::scheme(&[("DJANGO_ALLOWED_HOSTS", Some("https://korrigo.test"))], &["scheme"])]
#[case::port(&[("DJANGO_ALLOWED_HOSTS", Some("korrigo.test:443"))], &["port"])]
#[case::bare_ipv6(&[("DJANGO_ALLOWED_HOSTS", Some("2001:db8::10"))], &["brackets"])]
#[case::ipv6_with_port(&[("DJANGO_ALLOWED_HOSTS", Some("[2001:db8::10]:443"))], &["port"])]
#[case::no_ipv4(&[("DJANGO_ALLOWED_HOSTS", Some("192.0.2.300"))], &["not an IPv4 address"])]
#[case::root_dot(&[("DJANGO_ALLOWED_HOSTS", Some("korrigo.test."))], &["ends with a dot"])]
#[case::semicolon(&[("DJANGO_ALLOWED_HOSTS", Some("a.test;b.test"))], &["not a host name"])]
#[case::no_key(&[("SECRET_KEY", None)], &["SECRET_KEY is missing or empty"])]
#[case::empty_key(&[("SECRET_KEY", Some("   "))], &["SECRET_KEY is missing or empty"])]
#[case::short_key(&[("SECRET_KEY", Some("7Hq2LxZr8Tn4Yb6Kd0Wc9Js1Hg3Pf5Ae7Ru-Ot_QiXwSzM"))], &["weak"])]
#[case::repeating_key(
    &[("SECRET_KEY", Some("abcdefghijklabcdefghijklabcdefghijklabcdefghijklabcdefghijkl"))],
    &["repeats itself"]
)]
#[case::djangos_key(
    &[("SECRET_KEY", Some("django-insecure-7Hq2LxZr8Tn4Yb6Kd0Wc9Js1Hg3Pf5Ae7RuOtQiXwSzM"))],
    &["placeholder"]
)]
#[case::example_key(&[("SECRET_KEY", Some("change-me"))], &["placeholder"])]
#[case::debug(&[("DEBUG", Some("true"))], &["DEBUG is on"])]
#[case::debug_misspelt(&[("DEBUG", Some("ture"))], &["DEBUG is \"ture\""])]
#[case::ssl_misspelt(&[("SSL_ENABLED", Some("oui"))], &["SSL_ENABLED is \"oui\""])]
#[case::unknown_kind(&[("DJANGO_ENV", Some("Production"))], &["DJANGO_ENV is \"Production\""])]
#[case::lost_kind(
    &[("DJANGO_ENV", Some("")), ("ALLOWED_HOSTS", Some("korrigo.test"))],
    &["DJANGO_ENV is empty"]
)]
#[case::no_database(&[("POSTGRES_DB", None)], &["POSTGRES_DB is missing"])]
#[case::no_user(&[("POSTGRES_USER", Some(""))], &["POSTGRES_USER is missing"])]
#[case::no_host(&[("POSTGRES_HOST", None)], &["POSTGRES_HOST is missing"])]
#[case::no_password(&[("POSTGRES_PASSWORD", None)], &["POSTGRES_PASSWORD is missing"])]
#[case::example_password(&[("POSTGRES_PASSWORD", Some("change-me"))], &["example file"])]
#[case::bad_port(&[("POSTGRES_PORT", Some("54x2"))], &["POSTGRES_PORT", "port number"])]
#[case::no_redis(&[("REDIS_HOST", None)], &["REDIS_HOST is missing"])]
#[case::no_redis_password(&[("REDIS_PASSWORD", Some(" "))], &["REDIS_PASSWORD is missing"])]
#[case::plain_origin_over_tls(
    &[("SSL_ENABLED", Some("true")), ("DJANGO_CSRF_TRUSTED_ORIGINS", Some("http://korrigo.test"))],
    &["DJANGO_CSRF_TRUSTED_ORIGINS", "https://"]
)]
fn a_bad_environment_is_refused_by_name(
    image: &(String, String),
    #[case] changes: &[Change],
    #[case] words: &[&str],
) {
    let _turn = turn::take(Fixture::Server);
    refuses(image, changes, words);
}

#[rstest]
#[case::one(&[], &["korrigo.test", "KORRIGO.test:8443"], &["other.test", "sub.korrigo.test"])]
#[case::several_with_whitespace_and_case(
    &[("DJANGO_ALLOWED_HOSTS", Some(" A.Test , b.test,"))],
    &["a.test", "B.TEST"],
    &["c.test"]
)]
#[case::addresses(
    &[("DJANGO_ALLOWED_HOSTS", Some("192.0.2.10,[2001:DB8::10]"))],
    &["192.0.2.10", "192.0.2.10:8080", "[2001:db8::10]", "[2001:db8::10]:8443"],
    &["192.0.2.11", "[2001:db8::11]"]
)]
#[case::a_domain_and_all_below(
    &[("DJANGO_ALLOWED_HOSTS", Some(".example.test"))],
    &["example.test", "a.example.test"],
    &["badexample.test"]
)]
fn a_good_environment_starts_and_answers_for_its_hosts_alone(
    image: &(String, String),
    #[case] changes: &[Change],
    #[case] ours: &[&str],
    #[case] others: &[&str],
) {
    let _turn = turn::take(Fixture::Server);
    let backend = starts(image, changes);
    for host in ours {
        assert_eq!(status(&backend, host), "200", "{host}");
    }
    for host in others {
        assert_eq!(status(&backend, host), "400", "{host}");
    }
}
