//! The settings that decide whether what is committed survives a crash: bulk-load ones during a
//! `tuned` restore, the source's own again before the service starts, read back from the server.
//!
//! The settings are those of "Populating a Database" in PostgreSQL's manual, and fsync.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;

use crate::error::{Attempt, Error, Result};
use crate::model::profile::Profile;
use crate::stack::Site;
use crate::stack::database::ask;

/// Settings by name, as `pg_settings` has them.
pub type Settings = BTreeMap<String, String>;

/// What a tuned restore runs with. All of them take effect without a restart.
const TUNED: [(&str, &str); 7] = [
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("synchronous_commit", "off"),
    ("autovacuum", "off"),
    ("maintenance_work_mem", "512MB"),
    ("max_wal_size", "16GB"),
    ("checkpoint_timeout", "1h"),
];

/// What must be on, whatever the source had.
const DURABLE: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];

/// The variable that tells commands on the host which profile is meant.
pub const VARIABLE: &str = "RESTORE_PROFILE";

/// How long a server may take to follow a reload.
const RELOAD_LIMIT: Duration = Duration::from_secs(20);

/// Pause between two looks.
const POLL: Duration = Duration::from_millis(20);

const READ: &str = "select name, setting from pg_settings where name = any($1)";

/// Reads the settings of a server.
pub fn read(client: &mut Client) -> Result<Settings> {
    let names = TUNED.map(|(name, _)| name).to_vec();
    let rows = client.query(READ, &[&names]).attempt(|| "cannot read the server's settings")?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Sets a server for bulk loading. Gives back how it was set.
pub async fn tune(site: &Site<'_>) -> Result<Settings> {
    let connection = site.database()?.connection(site.stack).await?;
    ask(connection, |client| {
        let before = read(client)?;
        for (name, value) in TUNED {
            let set = format!("alter system set {name} = '{value}'");
            client.batch_execute(&set).attempt(|| format!("cannot set {name}"))?;
        }
        reload(client, "tuned", |now| {
            now["fsync"] == "off" && now["max_wal_size"] != before["max_wal_size"]
        })?;
        Ok(before)
    })
    .await
}

/// Sets it back as it was `before` and has everything written to disk: a checkpoint, and the
/// files themselves, which nobody had flushed.
pub async fn settle(site: &Site<'_>, before: Settings) -> Result<()> {
    let connection = site.database()?.connection(site.stack).await?;
    ask(connection, move |client| {
        for (name, _) in TUNED {
            let reset = format!("alter system reset {name}");
            client.batch_execute(&reset).attempt(|| format!("cannot reset {name}"))?;
        }
        reload(client, "durable", |now| *now == before)?;
        checkpoint(client)
    })
    .await?;
    let Some(volume) = &site.database()?.volume else { return Ok(()) };
    let volume = site.stack.volume(volume)?;
    // fsync was off: what the server believes to be written may be in the host's memory.
    let flushed = site.stack.beside(&volume, true, ["sync", "--file-system", "/store"]).run();
    flushed.await?.require(|| "cannot flush the database's volume").map(drop)
}

/// Has it reload its configuration, and waits until a session sees that it did.
fn reload(client: &mut Client, wanted: &str, is_there: impl Fn(&Settings) -> bool) -> Result<()> {
    client.batch_execute("select pg_reload_conf()").attempt(|| "cannot reload the settings")?;
    let started = Instant::now();
    loop {
        let now = read(client)?;
        if is_there(&now) {
            return Ok(());
        }
        if started.elapsed() > RELOAD_LIMIT {
            return Err(Error::undecided(format!(
                "the server's settings are not {wanted}: {now:?}"
            ))
            .hint("something else sets them: its command line, or the database's own settings"));
        }
        thread::sleep(POLL);
    }
}

/// Takes a checkpoint, and looks whether it covers all that was written until then.
fn checkpoint(client: &mut Client) -> Result<()> {
    let asked = client.query_one("select pg_current_wal_insert_lsn()::text", &[]);
    let until = asked.attempt(|| "cannot read the position in WAL")?.get::<_, String>(0);
    client.batch_execute("checkpoint").attempt(|| "cannot take a checkpoint")?;
    let covered = "select redo_lsn >= $1::text::pg_lsn from pg_control_checkpoint()";
    let covered = client.query_one(covered, &[&until]).attempt(|| "cannot read the checkpoint")?;
    if covered.get::<_, bool>(0) {
        return Ok(());
    }
    Err(Error::undecided(format!("the last checkpoint does not cover {until}")))
}

/// What keeps a restored server from being as durable as its source. Pure.
#[must_use]
pub fn wrong(source: &Settings, restored: &Settings) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, _) in TUNED {
        let Some(is) = restored.get(name) else {
            wrong.push(format!("{name} cannot be read"));
            continue;
        };
        match source.get(name) {
            Some(was) if was != is => wrong.push(format!("{name} is {is}, the source had {was}")),
            None if DURABLE.contains(&name) && is == "off" => wrong.push(format!("{name} is off")),
            Some(_) | None => {}
        }
    }
    wrong
}

/// What was seen of a server that is durable.
#[must_use]
pub fn seen(profile: Profile, restored: &Settings) -> String {
    let durable = DURABLE.map(|name| {
        let value = restored.get(name).map_or("unknown", String::as_str);
        format!("{name} {value}")
    });
    format!("restored under profile {profile}; {}", durable.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(change: &[(&str, &str)]) -> Settings {
        let durable = TUNED.iter().map(|(name, _)| (*name, "on")).chain(change.iter().copied());
        durable.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn a_server_set_as_its_source_is_durable() {
        assert_eq!(wrong(&settings(&[]), &settings(&[])), Vec::<String>::new());
    }

    #[test]
    fn a_setting_that_is_left_tuned_is_named() {
        let left = settings(&[("fsync", "off"), ("max_wal_size", "16384")]);
        let seen = wrong(&settings(&[]), &left);
        assert_eq!(
            seen,
            ["fsync is off, the source had on", "max_wal_size is 16384, the source had on"]
        );
    }

    #[test]
    fn of_an_unknown_source_only_what_loses_data_is_wrong() {
        let left = settings(&[("fsync", "off"), ("max_wal_size", "16384")]);
        assert_eq!(wrong(&Settings::new(), &left), ["fsync is off"]);
        assert_eq!(wrong(&Settings::new(), &Settings::new()).len(), TUNED.len());
    }
}
