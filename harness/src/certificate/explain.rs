//! From a table that differs to its rows and columns, by the lists kept beside both sides.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::path::PathBuf;

use super::lists::{Lists, is_list};
use crate::compare::rows::{self, Listing};
use crate::error::{Error, Result};
use crate::fingerprint::database::{HashKey, Header, Reader};
use crate::model::divergence::{Divergence, DivergenceKind};
use crate::model::fingerprint::{Certificate, TableFingerprint};
use crate::model::record::Integrity;
use crate::model::row_list::{Entry, SampleRow};

/// A certificate, with its lists of rows.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// Its lists.
    pub rows: &'a Lists,
}

impl Side<'_> {
    /// The list of a table's rows, of one in pieces those of all pieces; none where one is not kept.
    fn list(&self, table: &str) -> Result<Option<List>> {
        let Some(database) = &self.certificate.database else { return Ok(None) };
        let whole = database.hash_partitioned.get(table).map(|whole| whole.pieces.clone());
        let mut readers: Vec<Reader> = Vec::new();
        for piece in whole.unwrap_or_else(|| vec![table.to_owned()]) {
            let listed = self.table(&piece).and_then(|piece| piece.listed_in.as_ref());
            let Some(file) = listed else { return Ok(None) };
            let list = Reader::open(&self.place(file)?)?;
            let other = &list.header.table;
            if *other != piece {
                let wrong = format!("{file} lists the rows of {other}, not of {piece}");
                return Err(Error::undecided(wrong));
            }
            readers.push(list);
        }
        Ok(List::of(readers))
    }

    /// Whether it lists the rows of a table: without, the other side's list is of no use.
    #[must_use]
    pub fn lists(&self, table: &str) -> bool {
        self.table(table).is_some_and(|table| table.listed_in.is_some())
    }

    fn table(&self, name: &str) -> Option<&TableFingerprint> {
        self.certificate.database.as_ref()?.tables.get(name)
    }

    /// A certificate may be anybody's: it names no file elsewhere.
    fn place(&self, file: &str) -> Result<PathBuf> {
        if !is_list(file) {
            let wrong = format!("the certificate names {file:?}, which is no list of rows");
            return Err(Error::undecided(wrong));
        }
        self.rows.path().map(|folder| folder.join(file)).map_err(Error::undecided)
    }

    /// What its lists were hashed under: whoever takes the other side's needs the same key.
    ///
    /// # Errors
    /// Undecided when a list cannot be read.
    pub fn key(&self) -> Result<HashKey> {
        let mut tables = self.certificate.database.iter().flat_map(|it| it.tables.values());
        let Some(file) = tables.find_map(|table| table.listed_in.as_ref()) else {
            return Ok(HashKey::NONE);
        };
        Ok(Header::open(&self.place(file)?)?.key)
    }
}

/// Lists of a table's pieces, as one.
struct List {
    columns: Vec<String>,
    keyed: bool,
    key: HashKey,
    sample: Vec<SampleRow>,
    pieces: Vec<Peekable<Reader>>,
}

impl List {
    /// None where the pieces do not list the same columns.
    fn of(readers: Vec<Reader>) -> Option<Self> {
        let Header { columns, keyed, key, .. } = readers.first()?.header.clone();
        let alike = |it: &Reader| it.header.columns == columns && it.header.key == key;
        if !readers.iter().all(alike) {
            return None;
        }
        let sample = readers.iter().flat_map(|reader| reader.header.sample.clone()).collect();
        let pieces = readers.into_iter().map(Iterator::peekable).collect();
        Some(Self { columns, keyed, key, sample, pieces })
    }
}

/// In the order of the keys, as each piece is; an error comes first.
impl Iterator for &mut List {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let heads = self.pieces.iter_mut().enumerate().filter_map(|(index, piece)| {
            let key = piece.peek()?.as_ref().ok().map(|entry| entry.key.clone());
            Some((key, index))
        });
        let (_, least) = heads.min()?;
        self.pieces[least].next()
    }
}

/// The tables whose rows have to be listed anew to name those that differ: of one in pieces, the
/// pieces. Only what the baseline lists.
#[must_use]
pub fn tables_to_list(integrity: &Integrity, before: Side<'_>, after: &Certificate) -> Vec<String> {
    let found = integrity.divergences.iter().filter(|found| is_of_rows(found));
    let sides = [before.certificate, after].map(|side| side.database.as_ref());
    let mut tables = BTreeSet::new();
    for name in found.map(|found| &found.subject) {
        let wholes = sides.iter().flatten().filter_map(|side| side.hash_partitioned.get(name));
        let pieces: Vec<&String> = wholes.flat_map(|whole| &whole.pieces).collect();
        if !pieces.is_empty() {
            tables.extend(pieces.into_iter().cloned());
        } else if before.lists(name) {
            tables.insert(name.clone());
        }
    }
    tables.into_iter().collect()
}

fn is_of_rows(found: &Divergence) -> bool {
    found.kind == DivergenceKind::Table && found.rows.is_some()
}

/// Names rows and columns in the divergences of tables that both sides have lists of. Values
/// are shown as they are only with `show_values`.
///
/// # Errors
/// Undecided when a list is damaged. The divergences stand as they were.
pub fn explain(
    integrity: &mut Integrity,
    before: Side<'_>,
    after: Side<'_>,
    show_values: bool,
) -> Result<()> {
    let has = |side: Side<'_>, name: &str| {
        let database = side.certificate.database.as_ref();
        side.table(name).is_some()
            || database.is_some_and(|it| it.hash_partitioned.contains_key(name))
    };
    for found in integrity.divergences.iter_mut().filter(|found| is_of_rows(found)) {
        if !has(before, &found.subject) || !has(after, &found.subject) {
            continue;
        }
        let lists = (before.list(&found.subject)?, after.list(&found.subject)?);
        let (Some(mut left), Some(mut right)) = lists else {
            found.detail.push_str("; which rows: undecided, no list of them was kept");
            continue;
        };
        if left.key != right.key {
            let table = &found.subject;
            return Err(Error::undecided(format!("the lists of {table} have different keys")));
        }
        let [was, is] = [&left, &right].map(|it| (it.columns.clone(), it.sample.clone()));
        let (keyed_left, keyed_right) = (left.keyed, right.keyed);
        let difference = rows::compare(
            Listing { columns: &was.0, keyed: keyed_left, rows: &mut left, sample: &was.1 },
            Listing { columns: &is.0, keyed: keyed_right, rows: &mut right, sample: &is.1 },
            show_values,
        )?;
        difference.tell(found);
    }
    Ok(())
}

/// A difference stands, explained or not: only the explanation is open.
pub fn note_unexplained(integrity: &mut Integrity, cause: Option<Error>) {
    if let Some(cause) = cause {
        integrity.undecided.push(format!("which rows differ: {}", cause.chain()));
    }
}
