//! Takes a certificate of any database and any directory, without a stack or an engine.

use std::path::PathBuf;
use std::str::FromStr;

use jiff::Timestamp;
use postgres::Config;

use crate::error::{Error, Result};
use crate::fingerprint::database::{self, Keep, Options, Snapshot, keep_rows};
use crate::fingerprint::media;
use crate::model::event::Events;
use crate::model::fingerprint::{
    CERTIFICATE_SCHEMA, Certificate, DatabaseFingerprint, MediaFingerprint, RowHash, Strength,
};

/// Environment variable that holds the password, so that it need not stand in an argument.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";

/// What is read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A database.
    pub database: Option<Config>,
    /// A directory.
    pub media: Option<PathBuf>,
}

impl Sources {
    /// Adds a `postgres://…` or a directory.
    ///
    /// # Errors
    /// Usage when it is neither, or of a kind that is already there.
    pub fn add(&mut self, source: &str) -> Result<()> {
        if let Some(config) = database_of(source)? {
            return fill(&mut self.database, config, "database");
        }
        let directory = PathBuf::from(source);
        if !directory.is_dir() {
            return Err(Error::usage(format!("{source:?} is no directory"))
                .hint("a database is given as postgres://user@host:5432/name"));
        }
        fill(&mut self.media, directory, "directory")
    }
}

fn fill<T>(place: &mut Option<T>, source: T, what: &str) -> Result<()> {
    match place.replace(source) {
        None => Ok(()),
        Some(_) => Err(Error::usage(format!("more than one {what} is given"))),
    }
}

/// How to reach the database that a `postgres://…` names. `None` when it names none.
fn database_of(source: &str) -> Result<Option<Config>> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| source.starts_with(scheme)) {
        return Ok(None);
    }
    // The address is not repeated: it can hold a password.
    let mut config = Config::from_str(source).map_err(|cause| {
        Error::usage("the address of the database cannot be understood")
            .because(cause)
            .hint("write it as postgres://user@host:5432/name, the password in PGPASSWORD")
    })?;
    if config.get_password().is_none()
        && let Ok(password) = std::env::var(PASSWORD_VARIABLE)
    {
        config.password(password);
    }
    Ok(Some(config))
}

/// How a certificate is taken.
#[derive(Debug, Clone)]
pub struct Taking {
    /// How strong the digests of the rows are.
    pub strength: Strength,
    /// The hash that the other certificate's rows were digested with, if there is one.
    pub comparable_with: Option<RowHash>,
    /// Sessions and threads.
    pub jobs: usize,
    /// Lists of rows to keep: all that fit the budget.
    pub keep: Option<Keep>,
}

/// Takes a certificate. Blocks.
///
/// # Errors
/// Undecided when a source cannot be read at all.
pub fn take(sources: &Sources, taking: &Taking, events: &Events) -> Result<Certificate> {
    // One after the other: each uses all cores.
    let database = match &sources.database {
        Some(config) => Some(database(config, &Snapshot::open(config)?, taking, events)?),
        None => None,
    };
    let media = media(sources, taking, events)?;
    Ok(Certificate {
        schema_version: CERTIFICATE_SCHEMA,
        taken_at: Timestamp::now(),
        strength: taking.strength,
        database,
        media,
    })
}

pub(super) fn database(
    config: &Config,
    snapshot: &Snapshot,
    taking: &Taking,
    events: &Events,
) -> Result<DatabaseFingerprint> {
    let options = Options {
        jobs: taking.jobs,
        strength: taking.strength,
        comparable_with: taking.comparable_with,
    };
    let mut taken = database::take(config, snapshot, &options, events)?;
    if let Some(keep) = &taking.keep {
        keep_rows(config, snapshot, &mut taken, keep, None, events)?;
    }
    Ok(taken)
}

pub(super) fn media(
    sources: &Sources,
    taking: &Taking,
    events: &Events,
) -> Result<Option<MediaFingerprint>> {
    let options = media::Options { jobs: taking.jobs, sha256: false };
    sources.media.as_ref().map(|root| media::take(root, options, events)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_address_or_a_directory_and_each_once() {
        let mut sources = Sources::default();
        sources.add("postgres://reader@db.example:5433/grades").unwrap();
        sources.add("/tmp").unwrap();
        let config = sources.database.as_ref().unwrap();
        assert_eq!((config.get_dbname(), config.get_ports()), (Some("grades"), &[5433][..]));
        assert_eq!(sources.media.as_deref(), Some(std::path::Path::new("/tmp")));
        assert_eq!(sources.add("/").unwrap_err().to_string(), "more than one directory is given");
        assert_eq!(sources.add("/srv/none").unwrap_err().kind().exit_code(), 2);
        assert_eq!(sources.add("postgresql://db/other").unwrap_err().kind().exit_code(), 2);
    }

    #[test]
    fn an_address_that_cannot_be_understood_is_not_repeated() {
        let error = Sources::default().add("postgres://reader:secret@[/grades").unwrap_err();
        assert!(!error.chain().contains("secret"), "{}", error.chain());
    }
}
