//! Resolves every file that a row names: a reference without its file, or with another
//! content than the row recorded, is a divergence.

use std::collections::BTreeSet;

use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;
use serde::Deserialize;

use crate::error::{Attempt, Result};
use crate::model::divergence::{Divergence, DivergenceKind};
use crate::model::fingerprint::{MediaFingerprint, MediaKind};

/// A column whose values are paths below the media root.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReferenceColumn {
    /// `schema.table`.
    pub table: String,
    /// The column.
    pub column: String,
    /// The column that records the hash of the file's content.
    #[serde(default)]
    pub hash: Option<HashColumn>,
}

/// A column that records hashes, lowercase hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HashColumn {
    /// The column.
    pub column: String,
    /// What was computed.
    pub algorithm: Algorithm,
}

/// A hash that rows record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// BLAKE3.
    Blake3,
}

/// What resolving the references found.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// References resolved.
    pub checked: u64,
    /// Files that no row names.
    pub orphans: u64,
    /// Dangling references and files with another content than recorded.
    pub divergences: Vec<Divergence>,
}

/// Resolves every non-empty value of `columns` against the files of a store. Memory does not
/// grow with the number of rows, only with what is wrong.
pub fn check(
    client: &mut Client,
    columns: &[ReferenceColumn],
    media: &MediaFingerprint,
) -> Result<References> {
    let mut found = References::default();
    let mut named = BTreeSet::new();
    for column in columns {
        let statement = statement(column);
        let unreadable = || format!("cannot read {}.{}", column.table, column.column);
        let mut rows = client.query_raw(&statement, Vec::<String>::new()).attempt(unreadable)?;
        while let Some(row) = rows.next().attempt(unreadable)? {
            let path: String = row.try_get(0).attempt(unreadable)?;
            let hash: Option<String> = row.try_get(1).attempt(unreadable)?;
            found.checked += 1;
            if let Err(detail) = resolve(media, &path, hash.as_deref(), column) {
                found.divergences.push(Divergence {
                    kind: DivergenceKind::Reference,
                    subject: format!("{}.{}", column.table, column.column),
                    detail: format!("{path}: {detail}"),
                    rows: None,
                    columns: vec![column.column.clone()],
                    class: None,
                });
            }
            named.insert(path);
        }
    }
    let is_orphan = |path: &&String| !named.contains(*path);
    let files = media.entries.iter().filter(|(_, entry)| is_file(&entry.kind));
    found.orphans = files.map(|(path, _)| path).filter(is_orphan).count() as u64;
    Ok(found)
}

fn statement(column: &ReferenceColumn) -> String {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let table = column.table.split('.').map(quote).collect::<Vec<_>>().join(".");
    let path = quote(&column.column);
    let hash = column.hash.as_ref().map_or("null".to_owned(), |hash| quote(&hash.column));
    format!("select {path}::text, {hash}::text from {table} where {path} <> ''")
}

fn is_file(kind: &MediaKind) -> bool {
    matches!(kind, MediaKind::File { .. })
}

fn resolve(
    media: &MediaFingerprint,
    path: &str,
    hash: Option<&str>,
    column: &ReferenceColumn,
) -> Result<(), String> {
    // Keys of the fingerprint are relative and plain, so that `..` and `/` match nothing.
    let entry = media.entries.get(path).ok_or("no such file")?;
    let MediaKind::File { blake3, sha256, .. } = &entry.kind else {
        return Err("not a regular file".to_owned());
    };
    let (Some(recorded), Some(of)) = (hash.filter(|hash| !hash.is_empty()), &column.hash) else {
        return Ok(());
    };
    let actual = match of.algorithm {
        Algorithm::Blake3 => Some(blake3.as_str()),
        Algorithm::Sha256 => sha256.as_deref(),
    };
    match actual {
        Some(actual) if actual == recorded => Ok(()),
        Some(_) => Err(format!("its content is not what {} recorded", of.column)),
        None => Err(format!("its content was not hashed as {} has it", of.column)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fingerprint::MediaEntry;

    fn store() -> MediaFingerprint {
        let kind = MediaKind::File {
            size: 1,
            blake3: "b3".to_owned(),
            sha256: Some("aa".to_owned()),
            chunks: None,
            linked_to: None,
        };
        let entry = MediaEntry {
            kind,
            mode: 0o640,
            uid: 1,
            gid: 1,
            modified: (0, 0),
            xattrs: std::collections::BTreeMap::new(),
        };
        let mut media = MediaFingerprint::default();
        media.entries.insert("copies/a.pdf".to_owned(), entry);
        media
    }

    fn column() -> ReferenceColumn {
        let hash = HashColumn { column: "sha256".to_owned(), algorithm: Algorithm::Sha256 };
        ReferenceColumn { table: "public.copy".into(), column: "file".into(), hash: Some(hash) }
    }

    #[test]
    fn a_file_with_the_recorded_content_resolves() {
        assert_eq!(resolve(&store(), "copies/a.pdf", Some("aa"), &column()), Ok(()));
        assert_eq!(resolve(&store(), "copies/a.pdf", None, &column()), Ok(()));
    }

    #[test]
    fn absent_escaping_and_altered_files_are_named() {
        for path in ["copies/b.pdf", "../copies/a.pdf", "/copies/a.pdf", "copies/./a.pdf"] {
            assert!(resolve(&store(), path, None, &column()).is_err(), "{path} resolved");
        }
        let altered = resolve(&store(), "copies/a.pdf", Some("bb"), &column());
        assert!(altered.expect_err("altered").contains("sha256 recorded"));
    }

    #[test]
    fn names_are_quoted() {
        let odd = ReferenceColumn { table: "s.a\"b".into(), column: "c d".into(), hash: None };
        assert_eq!(
            statement(&odd),
            "select \"c d\"::text, null::text from \"s\".\"a\"\"b\" where \"c d\" <> ''"
        );
    }
}
