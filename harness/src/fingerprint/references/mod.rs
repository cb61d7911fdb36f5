//! Resolves every file that a row names: a reference without its file, or with another content
//! than its row recorded, is a divergence.
//!
//! Streams the rows and looks each one up in a media fingerprint. Memory grows with the files of
//! the store and with nothing else. What the fingerprint could not read is undecided.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use postgres::GenericClient;
use postgres::fallible_iterator::FallibleIterator;
use serde::{Deserialize, Serialize};

use crate::error::{Attempt, Result};
use crate::model::divergence::{Divergence, DivergenceKind};
use crate::model::fingerprint::{MediaEntry, MediaFingerprint, MediaKind};
use crate::model::reference::{Algorithm, HashColumn, ReferenceColumn};
use crate::tree_path::{Led, above, downward, escape, follow};

/// References of one column that are named one by one; what remains is counted.
const NAMED_MAX: u64 = 20;

/// Orphans, and undecided references, that are named.
const SAMPLES_MAX: usize = 20;

/// What resolving the references found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct References {
    /// References judged.
    pub checked: u64,
    /// Of these, with a recorded hash that was held against the content.
    pub hashes_checked: u64,
    /// References to no file.
    pub dangling: u64,
    /// References to a file with another content than recorded.
    pub mismatched: u64,
    /// Dangling and mismatched references: some of each column by name, the others counted.
    pub divergences: Vec<Divergence>,
    /// Files that no row names.
    pub orphans: u64,
    /// Some of them.
    pub orphan_samples: Vec<String>,
    /// What could not be judged, and why. Bounded: one is enough to leave the whole undecided.
    pub undecided: Vec<String>,
}

/// Resolves every value of `columns`, the null and the empty one apart, against a store.
///
/// # Errors
/// The database could not be read. A table or column that is not there is undecided.
pub fn check(
    client: &mut impl GenericClient,
    columns: &[ReferenceColumn],
    media: &MediaFingerprint,
) -> Result<References> {
    let mut resolving = Resolving::new(media);
    for column in columns {
        let unreadable = || format!("cannot read {}.{}", column.table, column.column);
        let statement = match statement(client, column).attempt(unreadable)? {
            Ok(statement) => statement,
            Err(why) => {
                let open = format!("{}.{}: {why}", column.table, column.column);
                resolving.found.undecided.push(open);
                continue;
            }
        };
        let none: [&str; 0] = [];
        let mut rows = client.query_raw(&statement, none).attempt(unreadable)?;
        let mut named = 0;
        while let Some(row) = rows.next().attempt(unreadable)? {
            let path: &str = row.try_get(0).attempt(unreadable)?;
            let recorded: Option<&str> = row.try_get(1).attempt(unreadable)?;
            resolving.reference(column, path, recorded, &mut named);
        }
        resolving.count_unnamed(column, named);
    }
    Ok(resolving.finish(!columns.is_empty()))
}

/// The columns of `found` that are none of `known`, nor one of themselves again. What a name means
/// is for the database to say: the same column may be named with its schema and without.
///
/// # Errors
/// The database could not be read. What it does not have stays: [`check`] names it.
pub fn beside(
    client: &mut impl GenericClient,
    found: Vec<ReferenceColumn>,
    known: &[ReferenceColumn],
) -> Result<Vec<ReferenceColumn>> {
    let mut seen = HashSet::new();
    for column in known {
        seen.extend(identity(client, column)?);
    }
    let mut new = Vec::new();
    for column in found {
        if identity(client, &column)?.is_none_or(|identity| seen.insert(identity)) {
            new.push(column);
        }
    }
    Ok(new)
}

/// What a column is, whatever its name is written like: its table, and its number there.
fn identity(
    client: &mut impl GenericClient,
    column: &ReferenceColumn,
) -> Result<Option<(u32, i16)>> {
    let identity = "SELECT a.attrelid, a.attnum FROM pg_catalog.pg_attribute a \
         WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attname = $2 \
         AND a.attnum > 0 AND NOT a.attisdropped";
    let row = client.query_opt(identity, &[&column.table, &column.column]);
    let row = row.attempt(|| format!("cannot look for {}.{}", column.table, column.column))?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

/// The statement that lists a column's references, or why there is none.
fn statement(
    client: &mut impl GenericClient,
    column: &ReferenceColumn,
) -> Result<Result<String, &'static str>, postgres::Error> {
    const ABSENT: &str = "no such table or column";
    // The server quotes: it alone knows how it reads the names it prints.
    let quoted = "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), \
         pg_catalog.quote_ident(a.attname), \
         EXISTS (WITH RECURSIVE below AS (SELECT c.oid UNION \
                 SELECT i.inhrelid FROM below JOIN pg_catalog.pg_inherits i ON i.inhparent = below.oid) \
                 SELECT FROM below JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = below.oid) \
         FROM pg_catalog.pg_attribute a \
         JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attname = $2 \
         AND a.attnum > 0 AND NOT a.attisdropped";
    let Some(row) = client.query_opt(quoted, &[&column.table, &column.column])? else {
        return Ok(Err(ABSENT));
    };
    if row.try_get(2)? {
        return Ok(Err("rows of a foreign table, which is never read"));
    }
    let (table, path): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    let hash = match &column.hash {
        None => "NULL".to_owned(),
        Some(hash) => match client.query_opt(quoted, &[&column.table, &hash.column])? {
            None => return Ok(Err(ABSENT)),
            Some(row) => row.try_get(1)?,
        },
    };
    Ok(Ok(format!(
        "SELECT {path}::pg_catalog.text, {hash}::pg_catalog.text FROM {table} \
         WHERE {path}::pg_catalog.text <> ''"
    )))
}

/// What a reference turned out to be.
enum Resolved<'media> {
    Intact { path: &'media str, hashed: bool },
    Dangling(String),
    Mismatched { path: &'media str, why: String },
    Undecided(String),
}

struct Resolving<'media> {
    media: &'media MediaFingerprint,
    /// Files that some row names.
    referenced: HashSet<&'media str>,
    found: References,
}

impl<'media> Resolving<'media> {
    fn new(media: &'media MediaFingerprint) -> Self {
        Self { media, referenced: HashSet::new(), found: References::default() }
    }

    /// Judges one reference. `named` counts those of its column that did not resolve.
    fn reference(
        &mut self,
        column: &ReferenceColumn,
        value: &str,
        recorded: Option<&str>,
        named: &mut u64,
    ) {
        let complaint = match self.resolve(column, value, recorded) {
            Resolved::Intact { path, hashed } => {
                self.found.checked += 1;
                self.found.hashes_checked += u64::from(hashed);
                self.referenced.insert(path);
                return;
            }
            Resolved::Mismatched { path, why } => {
                self.found.checked += 1;
                self.found.hashes_checked += 1;
                self.found.mismatched += 1;
                self.referenced.insert(path);
                why
            }
            Resolved::Dangling(why) => {
                self.found.checked += 1;
                self.found.dangling += 1;
                why
            }
            Resolved::Undecided(why) => {
                let line = format!(
                    "{}.{}: {}: {why}",
                    column.table,
                    column.column,
                    escape(value.as_bytes())
                );
                if self.found.undecided.len() < SAMPLES_MAX {
                    self.found.undecided.push(line);
                }
                return;
            }
        };
        *named += 1;
        if *named <= NAMED_MAX {
            let detail = format!("{}: {complaint}", escape(value.as_bytes()));
            self.found.divergences.push(divergence(column, detail));
        }
    }

    fn count_unnamed(&mut self, column: &ReferenceColumn, named: u64) {
        if let Some(more @ 1..) = named.checked_sub(NAMED_MAX) {
            let detail = format!("{more} more references do not resolve");
            self.found.divergences.push(divergence(column, detail));
        }
    }

    fn resolve(
        &self,
        column: &ReferenceColumn,
        value: &str,
        recorded: Option<&str>,
    ) -> Resolved<'media> {
        // Django refuses such names, so that nothing can ever be served under them.
        let Some(path) = downward(&escape(value.as_bytes())) else {
            return Resolved::Dangling("leads out of the store".to_owned());
        };
        let path = match follow("", &path, |path| self.target_of(path)) {
            Led::To(path) => path,
            Led::Outside => {
                return Resolved::Dangling("leads out of the store by a link".to_owned());
            }
            Led::Around => return Resolved::Dangling("is a circle of links".to_owned()),
        };
        if let Some(reason) = self.media.undecided.get(&path) {
            return Resolved::Undecided(reason.clone());
        }
        let Some((path, entry)) = self.media.entries.get_key_value(&path) else {
            return match above(&path).chain(["."]).find_map(|above| self.media.undecided.get(above))
            {
                Some(reason) => Resolved::Undecided(format!("lies in a directory that {reason}")),
                None => Resolved::Dangling("no such file".to_owned()),
            };
        };
        match judge(entry, column.hash.as_ref(), recorded) {
            Ok(hashed) => Resolved::Intact { path, hashed },
            Err(Wrong::Kind) => Resolved::Dangling("is no regular file".to_owned()),
            Err(Wrong::Content(why)) => Resolved::Mismatched { path, why },
            Err(Wrong::Unknown(why)) => Resolved::Undecided(why),
        }
    }

    fn target_of(&self, path: &str) -> Option<&'media str> {
        match &self.media.entries.get(path)?.kind {
            MediaKind::Symlink { target } => Some(target),
            _ => None,
        }
    }

    fn finish(mut self, looked: bool) -> References {
        let orphans = self.media.entries.iter().filter(|(path, entry)| {
            looked && is_file(entry) && !self.referenced.contains(path.as_str())
        });
        for (path, _) in orphans {
            self.found.orphans += 1;
            if self.found.orphan_samples.len() < SAMPLES_MAX {
                self.found.orphan_samples.push(path.clone());
            }
        }
        self.found
    }
}

/// Why an entry is not what its row says.
enum Wrong {
    Kind,
    Content(String),
    Unknown(String),
}

/// Whether a file is what its row says; true if there was a hash to tell.
fn judge(
    entry: &MediaEntry,
    hash: Option<&HashColumn>,
    recorded: Option<&str>,
) -> Result<bool, Wrong> {
    let MediaKind::File { blake3, sha256, .. } = &entry.kind else {
        return Err(Wrong::Kind);
    };
    let Some((hash, recorded)) = hash.zip(recorded.filter(|recorded| !recorded.is_empty())) else {
        return Ok(false);
    };
    let actual = match hash.algorithm {
        Algorithm::Blake3 => Some(blake3),
        Algorithm::Sha256 => sha256.as_ref(),
    };
    let actual =
        actual.ok_or_else(|| Wrong::Unknown("its content was not hashed so".to_owned()))?;
    // PostgreSQL prints a bytea as `\x…`.
    let recorded = recorded.strip_prefix(r"\x").unwrap_or(recorded);
    if recorded.eq_ignore_ascii_case(actual) {
        Ok(true)
    } else {
        Err(Wrong::Content(format!("its content is not what {} recorded", hash.column)))
    }
}

fn is_file(entry: &MediaEntry) -> bool {
    matches!(entry.kind, MediaKind::File { .. })
}

fn divergence(column: &ReferenceColumn, detail: String) -> Divergence {
    let subject = format!("{}.{}", column.table, column.column);
    Divergence {
        columns: vec![column.column.clone()],
        ..Divergence::new(DivergenceKind::Reference, subject, detail)
    }
}
