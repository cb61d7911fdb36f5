//! The database of an owned stack: who may sign in, and how its tools are run beside it.

use std::ffi::OsString;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use postgres::error::SqlState;
use serde_json::Value;

use super::OwnedStack;
use super::reach::Address;
use crate::config::DatabaseConfig;
use crate::error::{Attempt, Error, Result};
use crate::process::Command;

/// Where servers listen.
const PORT: u16 = 5432;

/// Pause between two questions whether a server is there yet.
const POLL: Duration = Duration::from_millis(50);

/// How to sign in to the database of a stack. Read from the stack's own configuration, in
/// the convention of the official image.
#[derive(Clone)]
pub struct Database {
    /// Its service.
    pub service: String,
    /// Its volume, where its data lies in one that has a name.
    pub volume: Option<String>,
    /// Its name.
    pub name: String,
    /// Its owner, a superuser.
    pub user: String,
    password: String,
}

// By hand, so that no record of anything that holds it shows the password.
impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { service, name, user, .. } = self;
        write!(formatter, "Database({user}@{service}/{name})")
    }
}

impl Database {
    /// Reads who may sign in from the resolved compose configuration of the stack in `dir`: its
    /// variables, or the files of the stack that these name.
    ///
    /// # Errors
    /// Usage when the service is not there, or what it asks of whoever signs in cannot be known.
    pub fn of(settings: &DatabaseConfig, compose: &Value, dir: &Path) -> Result<Self> {
        let service = &settings.service;
        let definition = &compose["services"][service];
        if definition.is_null() {
            return Err(Error::usage(format!("the stack has no service {service:?}"))
                .hint("name the database's service in drill.toml: [database] service"));
        }
        let said = Said { service: definition, compose, dir };
        let user = match &settings.user {
            Some(user) => Some(user.clone()),
            None => said.first(&["POSTGRES_USER", "POSTGRESQL_USERNAME", "POSTGRESQL_USER"])?,
        };
        let user = user.unwrap_or_else(|| SUPERUSER.to_owned());
        let names = match user.as_str() {
            // Images of another house give the superuser a password of its own.
            SUPERUSER => {
                ["POSTGRES_PASSWORD", "POSTGRESQL_POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"]
            }
            _ => ["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD", "PGPASSWORD"],
        };
        let password = match said.first(&names)? {
            Some(password) => password,
            None if said.first(&["POSTGRES_HOST_AUTH_METHOD"])?.as_deref() == Some("trust") => {
                String::new()
            }
            None => {
                return Err(Error::usage(format!("service {service:?} has no POSTGRES_PASSWORD"))
                    .hint("set it under [environment] in drill.toml, or use --method cold"));
            }
        };
        let name = match &settings.name {
            Some(name) => Some(name.clone()),
            None => said.first(&["POSTGRES_DB", "POSTGRESQL_DATABASE", "POSTGRESQL_DB"])?,
        };
        Ok(Self {
            service: service.clone(),
            volume: settings.volume.clone(),
            name: name.unwrap_or_else(|| user.clone()),
            user,
            password,
        })
    }

    /// Where and how this host signs in.
    pub async fn connection(&self, stack: &OwnedStack) -> Result<postgres::Config> {
        self.at(&stack.address(&self.service).await?).await
    }

    /// The same at an address.
    pub(crate) async fn at(&self, address: &Address) -> Result<postgres::Config> {
        let reached = address.at(PORT).await?;
        let mut config = postgres::Config::new();
        config
            .host(&reached.ip().to_string())
            .port(reached.port())
            .user(&self.user)
            .password(&self.password)
            .dbname(&self.name)
            .application_name("dr-drill")
            .connect_timeout(Duration::from_secs(10));
        Ok(config)
    }

    /// Waits until the server takes connections from outside its container. The official image first
    /// runs one that is reached from inside alone, and its health check is content with that.
    ///
    /// # Errors
    /// Undecided when it does not within `limit`, with what it said last.
    pub async fn wait_until_reachable(&self, stack: &OwnedStack, limit: Duration) -> Result<()> {
        let connection = self.connection(stack).await?;
        let cancelled = stack.runner().cancellation().clone();
        blocking(move || {
            let started = Instant::now();
            loop {
                let Err(cause) = connection.connect(postgres::NoTls) else { return Ok(()) };
                if cancelled.is_cancelled() {
                    return Err(Error::interrupted());
                }
                // Whoever is told that he may not come in has reached it.
                let refused = cause.as_db_error().is_some_and(|it| !is_starting(it.code()));
                if refused || started.elapsed() > limit {
                    return Err(Error::undecided("cannot connect to the database").because(cause).hint(
                        "user, password and name are those of the stack's configuration: a server that is older than it may have others",
                    ));
                }
                thread::sleep(POLL);
            }
        })
        .await
    }

    /// Waits until the server has ended its recovery and takes writes.
    pub async fn wait_until_writable(&self, stack: &OwnedStack, limit: Duration) -> Result<()> {
        let connection = self.connection(stack).await?;
        let recovering = ask(connection, move |client| {
            let started = Instant::now();
            loop {
                let asked = client.query_one("select pg_is_in_recovery()", &[]);
                let row = asked.attempt(|| "cannot ask whether the recovery has ended")?;
                let recovering = row.get::<_, bool>(0);
                if !recovering || started.elapsed() > limit {
                    return Ok(recovering);
                }
                thread::sleep(POLL);
            }
        });
        if recovering.await? {
            return Err(Error::undecided(format!(
                "the server is still in recovery after {} s",
                limit.as_secs()
            ))
            .hint("its log says which WAL it waits for: evidence/logs"));
        }
        Ok(())
    }

    /// One of PostgreSQL's own tools, run inside the service and signed in over the loopback.
    /// The password goes through the environment: a command line is for everyone to see.
    pub async fn tool<A: Into<OsString>>(
        &self,
        stack: &OwnedStack,
        program: &str,
        args: impl IntoIterator<Item = A>,
    ) -> Result<Command> {
        let container = stack.container(&self.service).await?;
        let docker = stack.engine().docker(["exec", "--interactive", "--env", "PGPASSWORD"]);
        Ok(self.signed_in(docker.arg(container.id).args(self.words(program, args))))
    }

    /// The words of such a tool.
    pub(crate) fn words<A: Into<OsString>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = A>,
    ) -> impl Iterator<Item = OsString> {
        let sign_in = [program, "--host", "127.0.0.1", "--username", &self.user];
        let sign_in = sign_in.map(OsString::from).into_iter();
        sign_in.chain(args.into_iter().map(Into::into).collect::<Vec<_>>())
    }

    /// A command that has the password where `PGPASSWORD` is passed on.
    pub(crate) fn signed_in(&self, command: Command) -> Command {
        command.env("PGPASSWORD", &self.password)
    }
}

/// Asks a database on a thread of its own: the client blocks.
pub async fn ask<T: Send + 'static>(
    connection: postgres::Config,
    work: impl FnOnce(&mut postgres::Client) -> Result<T> + Send + 'static,
) -> Result<T> {
    blocking(move || {
        let client = connection.connect(postgres::NoTls);
        work(&mut client.attempt(|| "cannot connect to the database")?)
    })
    .await
}

/// Runs blocking work on a thread of its own.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panic) => Err(Error::undecided("a worker thread panicked").because(panic)),
    }
}

/// Whether a server says that it is about to take connections.
fn is_starting(code: &SqlState) -> bool {
    [SqlState::CANNOT_CONNECT_NOW, SqlState::ADMIN_SHUTDOWN].contains(code)
}

/// The superuser of the official image, and of most.
const SUPERUSER: &str = "postgres";

/// What a service says of itself, in the convention of images: a variable, or a file named by one.
struct Said<'a> {
    service: &'a Value,
    compose: &'a Value,
    dir: &'a Path,
}

impl Said<'_> {
    /// The first of these variables that is set.
    fn first(&self, names: &[&str]) -> Result<Option<String>> {
        for name in names {
            if let Some(value) = variable(&self.service["environment"], name) {
                return Ok(Some(value));
            }
            if let Some(path) = variable(&self.service["environment"], &format!("{name}_FILE")) {
                return self.file(name, &path).map(Some);
            }
        }
        Ok(None)
    }

    /// What stands in a file inside the container, as far as the stack's own files say.
    fn file(&self, name: &str, path: &str) -> Result<String> {
        let unknown = || {
            Error::usage(format!("{name} cannot be known, because {name}_FILE names {path}"))
                .hint("the drill reads it where it is a secret of the stack with a file of its own")
        };
        let grants = self.service["secrets"].as_array().into_iter().flatten();
        let mut source = grants.filter_map(|grant| {
            let source = grant.as_str().or_else(|| grant["source"].as_str())?;
            let target = grant["target"].as_str().unwrap_or(source);
            (Path::new("/run/secrets").join(target) == Path::new(path)).then_some(source)
        });
        let secret = source.next_back().map(|source| &self.compose["secrets"][source]);
        let secret = secret.ok_or_else(unknown)?;
        if let Some(name) = secret["environment"].as_str() {
            return std::env::var(name).map_err(|_| unknown());
        }
        let file = self.dir.join(secret["file"].as_str().ok_or_else(unknown)?);
        let text = std::fs::read_to_string(&file);
        let text = text.map_err(|cause| {
            Error::usage(format!("cannot read {}", file.display()))
                .because(cause)
                .hint(format!("{name} stands in it"))
        })?;
        // As a shell reads it that asks for the content of a file.
        Ok(text.trim_end_matches('\n').to_owned())
    }
}

/// A variable of a service, in either notation of compose.
fn variable(environment: &Value, name: &str) -> Option<String> {
    let value = match environment {
        Value::Object(map) => match map.get(name)? {
            Value::String(text) => text.clone(),
            Value::Null => return None,
            other => other.to_string(),
        },
        Value::Array(list) => list
            .iter()
            .filter_map(Value::as_str)
            .find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))?
            .to_owned(),
        _ => return None,
    };
    // `compose config` doubles the dollar so that its output can be read again.
    Some(value.replace("$$", "$")).filter(|value| !value.is_empty())
}

/// Values of a stack's variables whose names say that they are secrets.
#[must_use]
pub fn secrets(compose: &Value) -> Vec<(String, String)> {
    const WORDS: [&str; 6] = ["PASSWORD", "SECRET", "TOKEN", "KEY", "DSN", "CREDENTIAL"];
    let services = compose["services"].as_object().into_iter().flatten();
    let environments = services.filter_map(|(_, service)| service["environment"].as_object());
    environments
        .flatten()
        .filter(|(name, _)| WORDS.iter().any(|word| name.to_uppercase().contains(word)))
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.replace("$$", "$"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings() -> DatabaseConfig {
        DatabaseConfig::default()
    }

    #[test]
    fn sign_in_is_read_from_either_notation() {
        let map = json!({ "POSTGRES_USER": "k", "POSTGRES_PASSWORD": "a$$b", "POSTGRES_DB": "d" });
        let list = json!(["POSTGRES_USER=k", "POSTGRES_PASSWORD=a$$b", "POSTGRES_DB=d"]);
        for environment in [map, list] {
            let compose = json!({ "services": { "db": { "environment": environment } } });
            let database = Database::of(&settings(), &compose, Path::new(".")).expect("complete");
            assert_eq!((database.user.as_str(), database.name.as_str()), ("k", "d"));
            assert_eq!(database.password, "a$b");
            assert!(!format!("{database:?}").contains("a$b"));
        }
    }

    #[test]
    fn a_stack_without_the_service_or_its_password_is_refused() {
        let of = |compose: &Value| Database::of(&settings(), compose, Path::new("."));
        let error = of(&json!({ "services": {} })).expect_err("no service");
        assert!(error.to_string().contains("no service"));
        let bare = json!({ "services": { "db": { "environment": {} } } });
        let error = of(&bare).expect_err("no password");
        assert!(error.to_string().contains("POSTGRES_PASSWORD"));
        let trusted = json!({ "POSTGRES_HOST_AUTH_METHOD": "trust" });
        let trusted = json!({ "services": { "db": { "environment": trusted } } });
        assert_eq!(of(&trusted).expect("nobody is asked").password, "");
    }

    #[test]
    fn a_password_is_read_from_the_secret_that_a_variable_names() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(dir.path().join("pw"), "s3 cret\n").expect("written");
        let compose = |path: &str| {
            json!({
                "services": { "db": {
                    "environment": { "POSTGRES_PASSWORD_FILE": path },
                    "secrets": [{ "source": "pw", "target": "db_password" }],
                } },
                "secrets": { "pw": { "file": "./pw" } },
            })
        };
        let of = |path: &str| Database::of(&settings(), &compose(path), dir.path());
        assert_eq!(of("/run/secrets/db_password").expect("known").password, "s3 cret");
        let error = of("/etc/elsewhere").expect_err("nobody knows");
        assert!(error.to_string().contains("cannot be known, because"), "{error}");
    }

    #[test]
    fn secrets_are_recognised_by_the_names_of_their_variables() {
        let compose = json!({ "services": { "web": { "environment": {
            "SECRET_KEY": "abc", "REDIS_PASSWORD": "def", "DEBUG": "0" } } } });
        let names = secrets(&compose).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names, ["SECRET_KEY", "REDIS_PASSWORD"]);
    }
}
