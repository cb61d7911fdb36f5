//! The script that `pg_restore` would run, read without running it: how many rows it restores
//! into each table, and what into each large object.

use std::collections::{BTreeMap, HashSet};
use std::io::BufRead;

use data_encoding::HEXLOWER;

use crate::backup::Reading;
use crate::compare;
use crate::error::{Attempt, Error, Result};
use crate::fingerprint::database::ObjectContent;
use crate::model::check::id;
use crate::model::fingerprint::{
    Certificate, DatabaseFingerprint, LargeObject, LargeObjects, RowHash, RowsDigest,
};
use crate::recognise::relation;

/// What a full read of a dump found.
#[derive(Debug, Clone, Default)]
pub struct DumpReport {
    /// Rows by table, `schema.name`.
    pub rows: BTreeMap<String, u64>,
    /// Large objects by object identifier, digested as those of the baseline.
    pub large_objects: BTreeMap<u32, LargeObject>,
    /// The archive's table of contents, a line an entry.
    pub contents: Vec<String>,
    /// Why the dump cannot be read to its end, if it cannot.
    pub damage: Option<String>,
}

impl DumpReport {
    /// Whether the restore refreshes a materialised view, `schema.name`.
    #[must_use]
    pub fn refreshes(&self, view: &str) -> bool {
        // A table of contents has names without quotes.
        let entry = format!(" MATERIALIZED VIEW DATA {} ", unquoted(view).join(" "));
        self.contents.iter().any(|line| line.contains(&entry))
    }

    /// Holds the rows and the large objects that it would restore against the baseline.
    #[must_use]
    pub fn against(&self, baseline: &Certificate) -> Reading {
        let mut reading = Reading::of(id::ARTEFACT_ROWS);
        let Some(database) = baseline.database.as_ref().filter(|it| !it.tables.is_empty()) else {
            reading.wrong.push("the baseline has no table to hold it against".to_owned());
            return reading;
        };
        let rows = self.rows_against(database, &mut reading);
        let objects = self.objects_against(database, &mut reading);
        reading.seen = format!("{rows}, {objects}");
        reading
    }

    fn rows_against(&self, database: &DatabaseFingerprint, reading: &mut Reading) -> String {
        let (mut tables, mut rows) = (0_u64, 0);
        // Pieces cut by a hash that is another elsewhere are dumped to be loaded as a whole.
        let wholes = database.hash_partitioned.iter();
        let wholes = wholes.filter(|(name, _)| self.rows.contains_key(*name));
        let pieces: HashSet<&String> = wholes.clone().flat_map(|(_, it)| &it.pieces).collect();
        let wholes = wholes.map(|(name, whole)| (name, &whole.rows));
        let tables_alone = database.tables.iter().filter(|(name, _)| !pieces.contains(name));
        for (name, held) in tables_alone.map(|(name, it)| (name, &it.rows)).chain(wholes) {
            let RowsDigest::Read { count, .. } = held else { continue };
            match self.rows.get(name) {
                Some(found) if found == count => {}
                Some(found) => reading.wrong.push(format!("{name} has {found} of {count} rows")),
                None if self.refreshes(name) => {}
                None => {
                    let wrong = format!("{name} with its {count} rows is not in the dump");
                    reading.wrong.push(wrong);
                }
            }
            tables += 1;
            rows += count;
        }
        if tables == 0 {
            reading.wrong.push("the baseline has no table to hold it against".to_owned());
        }
        format!("{rows} rows in {tables} tables")
    }

    fn objects_against(&self, database: &DatabaseFingerprint, reading: &mut Reading) -> String {
        let expected = match &database.large_objects {
            LargeObjects::Read(expected) => expected,
            LargeObjects::Undecided { reason } => {
                reading.open.push(format!("large objects in the baseline: {reason}"));
                return "large objects unknown".to_owned();
            }
        };
        let (kept, found) = (expected.len(), self.large_objects.len());
        if kept != found {
            reading.wrong.push(format!("{found} of {kept} large objects are in the dump"));
        }
        // The server's own hash of a page is known here for one order of bytes.
        let comparable =
            database.row_hash == RowHash::Blake3Lattice || cfg!(target_endian = "little");
        let differing = compare::large_objects::contents(expected, &self.large_objects, comparable);
        let named = differing.iter().map(|it| format!("{}: {}", it.subject, it.detail));
        reading.wrong.extend(named);
        let bytes: u64 = expected.values().map(|object| object.bytes).sum();
        format!("{kept} large objects of {bytes} bytes")
    }
}

/// Where in a script one is.
enum State {
    Between,
    Rows { table: String, count: u64 },
    Object { oid: u32, content: Box<ObjectContent> },
}

/// Reads a script of `pg_restore --data-only`: rows are a line each, and so are the statements
/// that write a large object.
pub(super) fn read(mut script: impl BufRead, row_hash: RowHash) -> Result<DumpReport> {
    let mut report = DumpReport::default();
    let mut state = State::Between;
    let (mut line, mut bytes) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        let read = script.read_until(b'\n', &mut line).attempt(|| "cannot read pg_restore")?;
        if read == 0 {
            break;
        }
        // A quoted name may hold the end of a line.
        while matches!(state, State::Between)
            && line.starts_with(b"COPY ")
            && is_quoted_on(&line)
            && script.read_until(b'\n', &mut line).attempt(|| "cannot read pg_restore")? > 0
        {
        }
        state = match state {
            State::Rows { table, count } if line == b"\\.\n" => {
                *report.rows.entry(table).or_default() += count;
                State::Between
            }
            State::Rows { table, count } => State::Rows { table, count: count + 1 },
            State::Object { oid, mut content } => match Statement::of(&line) {
                Statement::Write(hex) => {
                    decode(hex, &mut bytes).ok_or_else(|| {
                        Error::undecided(format!("cannot understand large object {oid}"))
                    })?;
                    content.push(&bytes)?;
                    State::Object { oid, content }
                }
                Statement::Close => {
                    report.large_objects.insert(oid, content.finish());
                    State::Between
                }
                _ => State::Object { oid, content },
            },
            State::Between => match Statement::of(&line) {
                Statement::Copy(table) => State::Rows { table, count: 0 },
                Statement::Create(oid) => {
                    // One without content has no other statement.
                    report.large_objects.insert(oid, ObjectContent::new(row_hash).finish());
                    State::Between
                }
                Statement::Open(oid) => {
                    State::Object { oid, content: Box::new(ObjectContent::new(row_hash)) }
                }
                _ => State::Between,
            },
        };
    }
    report.damage = match state {
        State::Between => None,
        State::Rows { table, .. } => Some(format!("the rows of {table} have no end")),
        State::Object { oid, .. } => Some(format!("large object {oid} has no end")),
    };
    Ok(report)
}

/// A line that says something about rows or large objects.
enum Statement<'a> {
    Copy(String),
    Create(u32),
    Open(u32),
    Write(&'a [u8]),
    Close,
    Other,
}

impl<'a> Statement<'a> {
    fn of(line: &'a [u8]) -> Self {
        if let Some(rest) = line.strip_prefix(b"COPY ") {
            return Self::Copy(relation(rest));
        }
        let Some(call) = line.strip_prefix(b"SELECT pg_catalog.lo") else { return Self::Other };
        if let Some(rest) = call.strip_prefix(b"write(0, '\\x") {
            return rest.strip_suffix(b"');\n").map_or(Self::Other, Self::Write);
        }
        if call.starts_with(b"_close(") {
            return Self::Close;
        }
        let of = |name: &[u8]| number(call.strip_prefix(name)?);
        of(b"_create('")
            .map(Self::Create)
            .or_else(|| of(b"_open('").map(Self::Open))
            .unwrap_or(Self::Other)
    }
}

/// The number that `text` begins with, in quotes that have begun.
fn number(text: &[u8]) -> Option<u32> {
    let end = text.iter().position(|byte| *byte == b'\'')?;
    std::str::from_utf8(&text[..end]).ok()?.parse().ok()
}

/// Bytes from hexadecimal digits, into `bytes`.
fn decode(hex: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    bytes.resize(HEXLOWER.decode_len(hex.len()).ok()?, 0);
    HEXLOWER.decode_mut(hex, bytes).ok().map(drop)
}

/// Whether a quoted name goes on after the end of a line.
fn is_quoted_on(line: &[u8]) -> bool {
    line.iter().fold(false, |quoted, byte| quoted ^ (*byte == b'"'))
}

/// The parts of a qualified name, quotes removed.
fn unquoted(name: &str) -> Vec<String> {
    let (mut parts, mut quoted) = (vec![String::new()], false);
    let mut chars = name.chars().peekable();
    while let Some(next) = chars.next() {
        match next {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                parts.last_mut().expect("it has one").push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            other => parts.last_mut().expect("it has one").push(other),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECTS: &[u8] = b"SELECT pg_catalog.lo_create('101');\n\n\n\
        SELECT pg_catalog.lo_create('102');\n\n\n\
        BEGIN;\n\n\
        SELECT pg_catalog.lo_open('101', 131072);\n\
        SELECT pg_catalog.lowrite(0, '\\x61620a');\n\
        SELECT pg_catalog.lowrite(0, '\\x63');\n\
        SELECT pg_catalog.lo_close(0);\n\n\
        COMMIT;\n";

    fn read(script: &[u8]) -> DumpReport {
        super::read(script, RowHash::Blake3Lattice).expect("readable")
    }

    fn object(content: &[u8]) -> LargeObject {
        let digest = blake3::hash(content).to_hex().to_string();
        LargeObject { bytes: content.len() as u64, digest }
    }

    fn baseline(objects: LargeObjects) -> Certificate {
        let table = crate::model::fingerprint::TableFingerprint {
            columns: Vec::new(),
            key: Vec::new(),
            rows: RowsDigest::Read { count: 0, digest: String::new() },
            listed_in: None,
        };
        Certificate {
            schema_version: 1,
            taken_at: jiff::Timestamp::UNIX_EPOCH,
            strength: crate::model::fingerprint::Strength::Cryptographic,
            database: Some(DatabaseFingerprint {
                server_version: 150_000,
                name: "grades".to_owned(),
                recovery_point: crate::model::artefact::RecoveryPoint {
                    instant: jiff::Timestamp::UNIX_EPOCH,
                    lsn: "0/0".to_owned(),
                },
                row_hash: RowHash::Blake3Lattice,
                tables: BTreeMap::from([("public.t".to_owned(), table)]),
                hash_partitioned: BTreeMap::new(),
                definitions: BTreeMap::new(),
                large_objects: objects,
                facts: BTreeMap::new(),
            }),
            media: None,
            volumes: BTreeMap::new(),
            sqlite: BTreeMap::new(),
        }
    }

    #[test]
    fn rows_are_counted_by_table() {
        let report = read(
            b"SET x;\nCOPY public.plain (a) FROM stdin;\n1\nSELECT pg_catalog.lo_create('7');\n\\.\n\n\
            COPY \"Odd\".\"a \"\"b\" (c) FROM stdin;\n\\.\n",
        );
        let expected =
            BTreeMap::from([("public.plain".to_owned(), 2), ("\"Odd\".\"a \"\"b\"".to_owned(), 0)]);
        assert_eq!(report.rows, expected);
        assert!(report.large_objects.is_empty());
        assert_eq!(report.damage, None);
    }

    #[test]
    fn pieces_that_are_loaded_as_a_whole_and_names_of_two_lines_are_counted() {
        let report = read(
            b"COPY public.tick (a) FROM stdin;\n1\n\\.\n\nCOPY public.tick (a) FROM stdin;\n2\n\\.\n\n\
            COPY public.\"line\nbreak\" (a) FROM stdin;\n3\n\\.\n",
        );
        let expected = [("public.tick".to_owned(), 2), ("public.\"line\\x0abreak\"".to_owned(), 1)];
        assert_eq!(report.rows, BTreeMap::from(expected));
    }

    #[test]
    fn large_objects_are_read_with_their_content() {
        let expected = BTreeMap::from([(101, object(b"ab\nc")), (102, object(b""))]);
        assert_eq!(read(OBJECTS).large_objects, expected);
    }

    #[test]
    fn large_objects_that_are_gone_or_altered_are_named() {
        let tables = b"COPY public.t (a) FROM stdin;\n\\.\n";
        let script = [tables, OBJECTS].concat();
        let kept = read(&script).large_objects;
        let wrong = |script: &[u8], kept: &BTreeMap<u32, LargeObject>| {
            read(script).against(&baseline(LargeObjects::Read(kept.clone()))).wrong
        };
        assert_eq!(wrong(&script, &kept), [""; 0]);
        assert_eq!(
            wrong(tables, &kept),
            [
                "0 of 2 large objects are in the dump",
                "large object 101: missing; it had 4 bytes",
                "large object 102: missing; it had 0 bytes",
            ]
        );
        for hex in ["x6", "x6g"] {
            let odd = String::from_utf8_lossy(&script).replace("x63", hex);
            let error = super::read(odd.as_bytes(), RowHash::Blake3Lattice).expect_err(hex);
            assert!(error.to_string().contains("large object 101"), "{error}");
        }
        let altered = String::from_utf8_lossy(&script).replace("x63", "x64");
        assert_eq!(
            wrong(altered.as_bytes(), &kept),
            ["large object 101: the content of its 4 bytes differs"]
        );
        let reason = "not permitted".to_owned();
        let open = read(&script).against(&baseline(LargeObjects::Undecided { reason })).open;
        assert_eq!(open, ["large objects in the baseline: not permitted"]);
    }

    #[test]
    fn a_view_is_refreshed_only_if_the_contents_say_so() {
        let line = "4012; 0 17021 MATERIALIZED VIEW DATA reporting exam_statistics korrigo";
        let report = DumpReport { contents: vec![line.to_owned()], ..DumpReport::default() };
        assert!(report.refreshes("reporting.exam_statistics"));
        assert!(!report.refreshes("reporting.exam"));
        let line = line.replace("exam_statistics", "a.b");
        let report = DumpReport { contents: vec![line], ..DumpReport::default() };
        assert!(report.refreshes("reporting.\"a.b\""));
    }

    #[test]
    fn a_dump_is_held_against_something() {
        let mut empty = baseline(LargeObjects::Read(BTreeMap::new()));
        empty.database = None;
        let reading = DumpReport::default().against(&empty);
        assert_eq!(reading.wrong, ["the baseline has no table to hold it against"]);
    }

    #[test]
    fn a_copy_or_an_object_without_an_end_is_damage() {
        let damage = |script: &[u8]| read(script).damage.expect("damage");
        assert!(damage(b"COPY public.t (a) FROM stdin;\n1\n").contains("public.t"));
        let cut = OBJECTS.len() - b"SELECT pg_catalog.lo_close(0);\n\nCOMMIT;\n".len();
        assert_eq!(damage(&OBJECTS[..cut]), "large object 101 has no end");
    }
}
