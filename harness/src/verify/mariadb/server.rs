//! The server of MariaDB that a dump is restored into, and who signs in to it.
//!
//! Whoever restores has every power over the databases of the dump and none over the server: not
//! over files, plugins, accounts or settings. It may name anybody as a definer, so nobody with more
//! powers has a name that a dump could know. Whoever reads changes nothing.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::time::Duration;

use super::super::causes::{self, Complaint};
use super::super::sandbox::{LIMIT, NOBODY, Sandbox};
use super::answer::{Answer, text};
use crate::error::{Error, Result};
use crate::process::Command;
use crate::stack::RunId;
use crate::stack::engine::Engine;
use crate::stack::isolation::Limits;

/// Whoever restores.
const RESTORER: &str = "dr_drill_restore";
/// Whoever reads what was restored, all of it, and changes nothing.
const READER: &str = "dr_drill_read";
/// Whoever a new server is made for; gone, before anything is restored.
const FIRST: &str = "root";

/// Asking for all of a database takes no longer than this.
const READ_LIMIT: Duration = Duration::from_secs(12 * 3600);

/// Whose account it was before is nobody's now: each is made again by who names it, without powers.
const BUILT_IN: &str = "SELECT CONCAT(\"DROP USER \", QUOTE(User), \"@\", QUOTE(Host), \";\") \
    FROM mysql.global_priv";

/// How the server is set: nobody keeps what it holds, nothing leaves it, no file is read or written
/// for a statement, and no library is loaded.
const SETTINGS: [&str; 24] = [
    "--no-defaults",
    "--datadir=/data/db",
    "--tmpdir=/data/tmp",
    "--socket=/tmp/mariadb.sock",
    "--pid-file=/data/tmp/pid",
    "--skip-networking",
    "--skip-name-resolve",
    "--event-scheduler=OFF",
    "--local-infile=0",
    "--secure-file-priv=/data/none",
    "--plugin-dir=/data/none",
    "--skip-symbolic-links",
    "--skip-log-bin",
    "--skip-slave-start",
    "--character-set-server=utf8mb4",
    "--max-allowed-packet=1G",
    "--max-connections=20",
    "--innodb-buffer-pool-size=512M",
    "--innodb-log-file-size=512M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--key-buffer-size=64M",
    "--performance-schema=OFF",
];

/// The volume is the server's: of this tool's own image it is already.
const OWN: &str = "[ \"$(stat -c %U /data)\" = mysql ] || chown mysql:mysql /data";

/// Makes a server, and a folder for files that nobody may put anything into.
const INSTALL: &str = "command -v mariadb-install-db >/dev/null || \
        { echo 'the image has no mariadb-install-db: it is none of MariaDB' >&2; exit 1; }; \
    mkdir -m 700 /data/tmp && mkdir -m 555 /data/none && \
    mariadb-install-db --no-defaults --datadir=/data/db --skip-test-db --skip-name-resolve \
        --auth-root-authentication-method=normal >/data/tmp/install.log 2>&1 || \
    { tail -n 20 /data/tmp/install.log >&2; exit 1; }";

/// Waits until the server answers or has ended.
const START: &str = "mariadbd \"$@\" >/data/tmp/server.log 2>&1 </dev/null & \
    for try in $(seq 3000); do \
        mariadb-admin --no-defaults --socket=/tmp/mariadb.sock --user=root ping >/dev/null 2>&1 \
            && exit 0; \
        kill -0 $! 2>/dev/null || break; sleep 0.1; \
    done; tail -n 20 /data/tmp/server.log >&2; exit 1";

/// The client repeats each statement that failed, however long it is: errors alone are passed on, each
/// once. What it prints of rows is nobody's.
const RUN: &str = "mariadb \"$@\" 2>&1 >/dev/null | awk '/^(ERROR|mariadb:) / { \
        line = substr($0, 1, 1000); kind = line; sub(/ at line [0-9]+/, \"\", kind); \
        if (!(kind in seen) && kinds++ < 500) { seen[kind] = 1; print line } }' >&2; \
    exit \"${PIPESTATUS[0]}\"";

/// Commands of the client's own are none with these: to run programs, to read or to write files.
const CLIENT: [&str; 9] = [
    "--no-defaults",
    "--socket=/tmp/mariadb.sock",
    "--batch",
    "--skip-column-names",
    "--force",
    "--binary-mode",
    "--loose-sandbox",
    "--local-infile=0",
    "--max-allowed-packet=1G",
];

/// Somebody at a host, as accounts are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Account {
    pub(super) user: String,
    pub(super) host: String,
}

impl Account {
    /// Reads `user@host`; the host is what follows the last sign. A role has none.
    pub(super) fn of(named: &str) -> Option<Self> {
        let (user, host) = named.rsplit_once('@')?;
        Some(Self { user: user.to_owned(), host: host.to_owned() })
    }

    fn sql(&self) -> String {
        format!("{}@{}", text(&self.user), text(&self.host))
    }
}

/// A server of this run.
pub(super) struct MariaDb {
    sandbox: Sandbox,
    /// Whoever makes accounts and databases; nobody knows the name.
    maker: String,
    password: String,
}

impl MariaDb {
    /// Starts an empty server.
    pub(super) async fn start(
        engine: &Engine,
        run: &RunId,
        image: &str,
        limits: &Limits,
    ) -> Result<Self> {
        let secret = || uuid::Uuid::new_v4().simple().to_string();
        let (password, maker) = (secret(), secret());
        engine.runner().keep_secret("SANDBOX_PASSWORD", &password);
        engine.runner().keep_secret("SANDBOX_MAKER", &maker);
        let sandbox = Sandbox::start(engine, run, image, limits).await?;
        let server = Self { sandbox, maker, password };
        let owned = server.sandbox.exec(&["--user=0"], ["sh", "-c", OWN]).timeout(LIMIT);
        owned.run().await?.require(|| "cannot give the volume to a server of MariaDB")?;
        let installed = server.as_server(["sh", "-c", INSTALL]).run().await?;
        installed.require(|| "cannot make a server of MariaDB")?;
        let start = ["bash", "-c", START, "bash"].into_iter().chain(SETTINGS);
        let started = server.as_server(start).run().await?;
        started.require(|| "the sandbox's server of MariaDB does not start")?;
        server.make_accounts().await?;
        Ok(server)
    }

    fn as_server<A: Into<OsString>>(&self, words: impl IntoIterator<Item = A>) -> Command {
        self.sandbox.exec(&["--user=mysql"], words).timeout(LIMIT)
    }

    fn signed_in(&self, account: &str, before: &[&str]) -> Command {
        let options = [NOBODY, "--env=MYSQL_PWD", "--env=HOME=/nonexistent"];
        let password = if account == FIRST { "" } else { &self.password };
        let command = self.sandbox.exec(&options, before.iter().copied()).args(CLIENT);
        command.arg(format!("--user={account}")).env("MYSQL_PWD", password)
    }

    /// Makes those who make, restore and read, and takes every account away that came with the server.
    async fn make_accounts(&self) -> Result<()> {
        let built_in = self.ask_as(FIRST, BUILT_IN).await?;
        let mut drops = built_in.rows.concat();
        // The account that asks comes last.
        drops.sort_by_key(|it| it.contains("'root'@'localhost'"));
        let (maker, password) = (&self.maker, &self.password);
        let made = [maker.as_str(), RESTORER, READER]
            .map(|name| format!("CREATE USER '{name}'@'localhost' IDENTIFIED BY '{password}';"));
        let powers = format!(
            "GRANT ALL ON *.* TO '{maker}'@'localhost' WITH GRANT OPTION;\n\
             GRANT SET USER ON *.* TO '{RESTORER}'@'localhost';\n\
             GRANT SELECT ON mysql.proc TO '{READER}'@'localhost';\n\
             GRANT SELECT ON mysql.event TO '{READER}'@'localhost';\n"
        );
        let all = format!("{}\n{powers}{}", made.join("\n"), drops.join("\n"));
        self.ask_as(FIRST, &all).await.and_then(|it| it.require("cannot make accounts"))?;
        Ok(())
    }

    /// Lets whoever restores do everything to a database, and whoever reads read it.
    pub(super) async fn open(&self, database: &str) -> Result<()> {
        let name = pattern(database);
        self.make(&format!(
            "GRANT ALL ON {name}.* TO '{RESTORER}'@'localhost';\n\
             GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE ON {name}.* TO '{READER}'@'localhost';\n"
        ))
        .await
    }

    /// Lets whoever restores do everything to the server.
    pub(super) async fn trust(&self) -> Result<()> {
        self.make(&format!("GRANT ALL ON *.* TO '{RESTORER}'@'localhost' WITH GRANT OPTION;")).await
    }

    /// Makes accounts that nobody signs in with, which may do with these databases what whoever
    /// restores may.
    pub(super) async fn make_definers(
        &self,
        accounts: &BTreeSet<Account>,
        databases: &BTreeSet<String>,
    ) -> Result<()> {
        let mut all = Vec::new();
        for account in accounts {
            let account = account.sql();
            all.push(format!("CREATE USER IF NOT EXISTS {account} ACCOUNT LOCK;\n"));
            let databases = databases.iter().map(|it| pattern(it));
            all.extend(databases.map(|of| format!("GRANT ALL ON {of}.* TO {account};\n")));
        }
        if all.is_empty() { Ok(()) } else { self.make(&all.concat()).await }
    }

    /// Runs statements as whoever makes things, and has none of them fail.
    pub(super) async fn make(&self, statements: &str) -> Result<()> {
        let answer = self.ask_as(&self.maker, statements).await?;
        answer.require("cannot prepare the sandbox's server").map(drop)
    }

    /// Asks as whoever reads, one statement a line.
    pub(super) async fn ask(&self, statements: &str) -> Result<Answer> {
        self.ask_as(READER, statements).await
    }

    /// The same of one database.
    pub(super) async fn ask_of(&self, database: &str, statements: &str) -> Result<Answer> {
        let command = self.signed_in(READER, &["mariadb"]).arg("--database").arg(database);
        answered(command, statements).await
    }

    /// The databases that are there now, without the server's own.
    pub(super) async fn databases(&self) -> Result<BTreeSet<String>> {
        let list = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN \
                    ('mysql', 'sys', 'performance_schema', 'information_schema')";
        let answer = self.ask_as(&self.maker, list).await?.require("cannot list databases")?;
        Ok(answer.rows.into_iter().flatten().collect())
    }

    async fn ask_as(&self, account: &str, statements: &str) -> Result<Answer> {
        answered(self.signed_in(account, &["mariadb"]), statements).await
    }

    /// Has the client run a script.
    pub(super) async fn run(
        &self,
        database: Option<&str>,
        limit: Duration,
        write: impl FnOnce(std::fs::File) -> Result<()> + Send + 'static,
    ) -> Result<Vec<Complaint>> {
        let command = self.signed_in(RESTORER, &["bash", "-c", RUN, "bash"]).timeout(limit);
        let command = match database {
            Some(name) => command.arg("--database").arg(name),
            None => command,
        };
        let (output, written) = command.written_by(write).await?;
        written?;
        let mut complaints = causes::read(&output.stderr);
        if !output.succeeded() && complaints.is_empty() {
            complaints.extend(causes::read(&format!("ERROR: {}", output.complaint())));
        }
        Ok(complaints)
    }
}

async fn answered(command: Command, statements: &str) -> Result<Answer> {
    let output = command.timeout(READ_LIMIT).run_with(statements.as_bytes().to_vec()).await?;
    let answer = Answer::read(&output.stdout, &output.stderr);
    if !output.succeeded() && answer.refused.is_empty() {
        return Err(Error::undecided("cannot ask the sandbox's server").because(output.complaint()));
    }
    Ok(answer)
}

/// The name of a database where a pattern is expected.
fn pattern(database: &str) -> String {
    let escaped = database.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
    super::answer::name(&escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_its_host_behind_the_last_sign() {
        let account = Account::of("odd@user@%").expect("an account");
        assert_eq!((account.user.as_str(), account.sql().as_str()), ("odd@user", "'odd@user'@'%'"));
        assert_eq!(Account::of("a_role"), None);
    }

    #[test]
    fn a_database_is_no_pattern_for_others() {
        assert_eq!(pattern("my_shop%"), "`my\\_shop\\%`");
        assert_eq!(pattern("a`b"), "`a``b`");
    }
}
