//! The head of an archive of `pg_dump` and its table of contents, of versions 1.10 to 1.16:
//! PostgreSQL 8 to 18.
//!
//! Source: PostgreSQL, `src/bin/pg_dump/pg_backup_archiver.c`, `ReadHead` and `ReadToc`.

use std::io::{self, Read};

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::reader::{INT_BYTES_MAX, Place, Reader, invalid};
use crate::recognise::moment;
use crate::recognise::seen::Seen;
use crate::recognise::sql::{Dialect, Item, Lexer, Postgres, columns, copied};
use crate::tree_path::escape;

/// What each archive begins with.
pub(in crate::recognise) const MAGIC: &[u8] = b"PGDMP";

/// Entries of one archive that are read.
const ENTRIES_MAX: i64 = 5_000_000;

/// How the data of an archive lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Custom,
    Tar,
    Directory,
}

/// How the data of an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Zlib,
    Lz4,
    Zstd,
}

/// The head of an archive.
#[derive(Debug, Clone)]
pub(super) struct Head {
    version: (u8, u8),
    pub(super) format: Format,
    pub(super) compression: Compression,
}

/// An entry that has data.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: i64,
    /// What it is, for people: `TABLE DATA public.pupil`.
    pub(super) named: String,
    /// The table of a `TABLE DATA`, as the dump writes its name.
    pub(super) table: Option<String>,
    /// Columns of its `COPY`; none if its rows are `INSERT` statements.
    pub(super) columns: Option<u64>,
    pub(super) is_copy: bool,
    pub(super) place: Place,
    /// The file that holds the data, where the format has one for each.
    pub(super) file: String,
}

/// The table of contents: what statements say, and the entries with data.
pub(super) struct Contents {
    pub(super) head: Head,
    pub(super) entries: Vec<Entry>,
    pub(super) statements: Postgres,
}

/// Reads the head and the table of contents, and notes in `seen` what they say.
pub(super) fn read(reader: &mut Reader<impl Read>, seen: &mut Seen) -> io::Result<Contents> {
    let mut statements = Postgres::default();
    let head = head(reader, seen, &mut statements)?;
    let mut contents = Contents { head, entries: Vec::new(), statements };
    let count = reader.int()?;
    if !(0..=ENTRIES_MAX).contains(&count) {
        return Err(invalid("its number of entries is absurd"));
    }
    for _ in 0..count {
        contents.entry(reader, seen)?;
    }
    Ok(contents)
}

fn head(
    reader: &mut Reader<impl Read>,
    seen: &mut Seen,
    statements: &mut Postgres,
) -> io::Result<Head> {
    let mut magic = [0; 5];
    reader.exact(&mut magic)?;
    if magic != MAGIC {
        return Err(invalid("it does not begin as an archive of pg_dump"));
    }
    let version = (reader.byte()?, reader.byte()?);
    reader.byte()?;
    if version.0 != 1 || !(10..=16).contains(&version.1) {
        let (major, minor) = version;
        seen.open(format!("its format is {major}.{minor}: versions 1.10 to 1.16 are read"));
        return Err(invalid("its format is unknown"));
    }
    reader.int_bytes = reader.byte()?;
    reader.offset_bytes = reader.byte()?;
    let possible = 1..=INT_BYTES_MAX;
    if !possible.contains(&reader.int_bytes) || !possible.contains(&reader.offset_bytes) {
        return Err(invalid("its numbers have an absurd size"));
    }
    let format = match reader.byte()? {
        1 => Format::Custom,
        3 => Format::Tar,
        5 => Format::Directory,
        _ => return Err(invalid("its format is unknown")),
    };
    let compression = compression(reader, version)?;
    seen.says.taken_at = created(reader)?;
    let database = escape(&reader.string()?);
    let server = escape(&reader.string()?);
    let tool = escape(&reader.string()?);
    if !server.is_empty() {
        seen.says.server = Some(server.split(' ').next().unwrap_or_default().to_owned());
    }
    if !tool.is_empty() {
        seen.says.tool = Some(format!("pg_dump {}", tool.split(' ').next().unwrap_or_default()));
    }
    if !database.is_empty() {
        seen.says.databases.insert(database.clone());
    }
    statements.database = database;
    Ok(Head { version, format, compression })
}

fn compression(reader: &mut Reader<impl Read>, version: (u8, u8)) -> io::Result<Compression> {
    if version.1 < 15 {
        // A level: anything but 0 is zlib's.
        return Ok(if reader.int()? == 0 { Compression::None } else { Compression::Zlib });
    }
    match reader.byte()? {
        0 => Ok(Compression::None),
        1 => Ok(Compression::Zlib),
        2 => Ok(Compression::Lz4),
        3 => Ok(Compression::Zstd),
        _ => Err(invalid("its compression is unknown")),
    }
}

/// When it was made: a civil time of the machine that made it, which says no zone.
fn created(reader: &mut Reader<impl Read>) -> io::Result<Option<Timestamp>> {
    let mut fields = [0; 7];
    for field in &mut fields {
        *field = reader.int()?;
    }
    let [second, minute, hour, day, month, year, _] = fields;
    let small = |value: i64| i8::try_from(value).ok();
    let civil = || {
        let year = i16::try_from(year.checked_add(1900)?).ok()?;
        let date = Date::new(year, small(month.checked_add(1)?)?, small(day)?).ok()?;
        let time = Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()?;
        moment::at(date.to_datetime(time), &TimeZone::system())
    };
    Ok(civil())
}

impl Contents {
    fn entry(&mut self, reader: &mut Reader<impl Read>, seen: &mut Seen) -> io::Result<()> {
        let minor = self.head.version.1;
        let id = reader.int()?;
        let has_data = reader.int()? != 0;
        reader.string()?;
        reader.string()?;
        let tag = reader.string()?;
        let what = reader.string()?;
        if minor >= 11 {
            reader.int()?;
        }
        let definition = reader.string()?;
        reader.string()?;
        let copy = reader.string()?;
        let namespace = reader.string()?;
        reader.string()?;
        if minor >= 14 {
            reader.string()?;
        }
        if minor >= 16 {
            reader.int()?;
        }
        let owner = escape(&reader.string()?);
        reader.string()?;
        // What it depends on.
        while reader.optional_string()?.is_some() {}
        let (place, file) = match self.head.format {
            Format::Custom => (reader.place()?, String::new()),
            Format::Tar | Format::Directory => (Place::Unknown, escape(&reader.string()?)),
        };
        self.statements.owner(&owner);
        if what == b"TABLE" || what == b"ENCODING" || what == b"EXTENSION" || is_of_roles(&what) {
            self.define(&definition, seen)?;
        }
        let has_data = has_data && place != Place::Nowhere;
        let in_a_file = self.head.format == Format::Custom || !file.is_empty();
        if has_data && in_a_file {
            let named = named(&what, &namespace, &tag);
            let table = (what == b"TABLE DATA")
                .then(|| copied(&copy).unwrap_or_else(|| written(&namespace, &tag)));
            if let Some(table) = &table {
                self.statements.promised(table);
            }
            self.entries.push(Entry {
                id,
                named,
                table,
                columns: columns(&copy),
                is_copy: !copy.is_empty(),
                place,
                file,
            });
        }
        Ok(())
    }

    /// Reads the statements of an entry, as those of a script.
    fn define(&mut self, definition: &[u8], seen: &mut Seen) -> io::Result<()> {
        let mut lexer = Lexer::new(definition, Dialect::Postgres);
        while let Some(item) = lexer.next()? {
            if let Item::Statement(statement) = item {
                self.statements.statement(&statement, seen);
            }
        }
        Ok(())
    }
}

/// Entries whose statements name roles, or say what is a piece of what.
fn is_of_roles(what: &[u8]) -> bool {
    [&b"ACL"[..], b"DEFAULT ACL", b"SCHEMA", b"TABLE ATTACH", b"POLICY"].contains(&what)
}

fn named(what: &[u8], namespace: &[u8], tag: &[u8]) -> String {
    let name = if namespace.is_empty() { escape(tag) } else { qualified(namespace, tag) };
    format!("{} {name}", escape(what))
}

/// The same as statements write it: what is not all small letters has quotes.
fn written(namespace: &[u8], tag: &[u8]) -> String {
    let part = |name: &[u8]| {
        let small = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
        let plain = name.first().is_some_and(small)
            && name.iter().all(|byte| small(byte) || byte.is_ascii_digit());
        let name = escape(name);
        if plain { name } else { format!("\"{}\"", name.replace('"', "\"\"")) }
    };
    format!("{}.{}", part(namespace), part(tag))
}

fn qualified(namespace: &[u8], tag: &[u8]) -> String {
    format!("{}.{}", escape(namespace), escape(tag))
}
