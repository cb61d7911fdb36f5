//! Takes a certificate of any database and any directory, without a stack or an engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::error::{Error, Result};
use crate::fingerprint::database::{
    self, Effort, Keep, Options, Snapshot, hold_to_definitions, keep_rows,
};
use crate::fingerprint::media;
use crate::model::event::Events;
use crate::model::fingerprint::{
    CERTIFICATE_SCHEMA, Certificate, DatabaseFingerprint, MediaFingerprint, Strength,
};
use crate::server::Server;

/// What is read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A database.
    pub database: Option<Server>,
    /// A directory.
    pub media: Option<PathBuf>,
}

impl Sources {
    /// Adds a `postgres://…`, or a directory.
    ///
    /// # Errors
    /// Usage when it is neither, or of a kind that is already there.
    pub fn add(&mut self, source: &str) -> Result<()> {
        if ["postgres://", "postgresql://"].iter().any(|scheme| source.starts_with(scheme)) {
            return self.add_database(source);
        }
        self.add_directory(Path::new(source))
    }

    /// Adds a database by its address.
    ///
    /// # Errors
    /// Usage when it cannot be understood, or there is one already.
    pub fn add_database(&mut self, address: &str) -> Result<()> {
        fill(&mut self.database, Server::parse(address)?, "database")
    }

    /// Adds a directory.
    ///
    /// # Errors
    /// Usage when it is none, or there is one already.
    pub fn add_directory(&mut self, directory: &Path) -> Result<()> {
        if !directory.is_dir() {
            return Err(Error::usage(format!("{} is no directory", directory.display()))
                .hint("a database is given as postgres://user@host:5432/name"));
        }
        fill(&mut self.media, directory.to_owned(), "directory")
    }
}

fn fill<T>(place: &mut Option<T>, source: T, what: &str) -> Result<()> {
    match place.replace(source) {
        None => Ok(()),
        Some(_) => Err(Error::usage(format!("more than one {what} is given"))),
    }
}

/// How a certificate is taken.
#[derive(Debug, Clone)]
pub struct Taking {
    /// How strong the digests of the rows are.
    pub strength: Strength,
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
        Some(server) => {
            let snapshot = Snapshot::open(server)?;
            let mut taken = database(&snapshot, taking, events)?;
            // Who compares it has only the certificate.
            hold_to_definitions(&snapshot, &mut taken, None, Effort::Little)?;
            Some(taken)
        }
        None => None,
    };
    let media = media(sources, taking, events)?;
    Ok(Certificate {
        schema_version: CERTIFICATE_SCHEMA,
        taken_at: Timestamp::now(),
        strength: taking.strength,
        database,
        media,
        volumes: BTreeMap::new(),
        sqlite: BTreeMap::new(),
    })
}

pub(super) fn database(
    snapshot: &Snapshot,
    taking: &Taking,
    events: &Events,
) -> Result<DatabaseFingerprint> {
    let options = Options { jobs: taking.jobs, strength: taking.strength };
    let mut taken = database::take(snapshot, &options, events)?;
    if let Some(keep) = &taking.keep {
        keep_rows(snapshot, &mut taken, keep, None, events)?;
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
        let config = sources.database.as_ref().unwrap().config();
        assert_eq!((config.get_dbname(), config.get_ports()), (Some("grades"), &[5433][..]));
        assert_eq!(sources.media.as_deref(), Some(std::path::Path::new("/tmp")));
        assert_eq!(sources.add("/").unwrap_err().to_string(), "more than one directory is given");
        assert_eq!(sources.add("/srv/none").unwrap_err().kind().exit_code(), 2);
        assert_eq!(sources.add("postgresql://db/other").unwrap_err().kind().exit_code(), 2);
    }
}
