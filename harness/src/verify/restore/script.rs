//! Scripts: `psql` runs them, database by database, so that no command of its own is left for the
//! script to give. Where `psql` knows `\restrict`, it refuses all of these itself.
//!
//! Which line belongs to which database is read from the script; where that is misread, the worst
//! is an error of the restore.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::OnceLock;
use std::time::Duration;

use regex::Regex;

use super::super::causes::{self, Complaint, Weight};
use super::super::server::{MAKER, RESTORER, SealedServer};
use crate::error::{Attempt, Result};
use crate::recognise::Between;

/// Bytes of a line that are looked at.
const LOOKED_AT: u64 = 1 << 16;

/// Bytes of the statements about roles that are kept.
const GLOBALS_MAX: usize = 64 << 20;

/// How a database was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::verify) struct DatabaseSettings(BTreeMap<String, String>);

impl DatabaseSettings {
    /// Reads what stands behind `WITH`.
    fn of(statement: &str) -> Self {
        let Ok(pair) = Regex::new(r"\b([A-Z_]+) = (?:'([^']*)'|([A-Za-z0-9_]+))") else {
            return Self::default();
        };
        let pairs = pair.captures_iter(statement).filter_map(|found| {
            let value = found.get(2).or_else(|| found.get(3))?.as_str();
            Some((found[1].to_owned(), value.to_owned()))
        });
        let known = [
            "ENCODING",
            "LOCALE",
            "LC_COLLATE",
            "LC_CTYPE",
            "LOCALE_PROVIDER",
            "ICU_LOCALE",
            "BUILTIN_LOCALE",
            "ICU_RULES",
        ];
        Self(pairs.filter(|(name, _)| known.contains(&name.as_str())).collect())
    }

    /// The locales of the system's own that it takes.
    pub(super) fn locales(&self) -> impl Iterator<Item = &str> {
        let names = ["LOCALE", "LC_COLLATE", "LC_CTYPE"];
        names.into_iter().filter_map(|name| self.0.get(name).map(String::as_str))
    }

    /// What is added to `CREATE DATABASE`.
    pub(super) fn clause(&self) -> String {
        let quote = |value: &str| format!("'{}'", value.replace('\'', "''"));
        let settings = self.0.iter().map(|(name, value)| format!(" {name} = {}", quote(value)));
        settings.collect::<Vec<_>>().concat()
    }
}

/// What a script makes, known by reading it once.
#[derive(Debug, Clone, Default)]
pub(in crate::verify) struct Outline {
    /// The databases that it connects to, in their order; empty where it never does.
    pub(in crate::verify) databases: Vec<String>,
    /// Those that it makes.
    pub(in crate::verify) made: BTreeMap<String, DatabaseSettings>,
    /// Who owns them.
    pub(in crate::verify) owners: BTreeMap<String, String>,
    /// What hands things over to their owners, by database.
    pub(in crate::verify) owned: BTreeMap<Option<String>, Vec<String>>,
    /// What comes before the first database.
    pub(in crate::verify) before: Vec<u8>,
}

/// One line, or a piece of a long one.
enum Line<'a> {
    /// Nothing that is for the server.
    Nothing,
    /// The database that the following lines are for.
    Connect(String),
    Make(String, DatabaseSettings),
    Own(String, String),
    /// A statement that hands something over to its owner.
    HandOver(String),
    /// For the server.
    Passed(&'a [u8]),
}

/// Reads a script to its end for what it makes. `keeps` what comes before the first database.
pub(in crate::verify) fn outline(script: impl Read, keeps: bool) -> Result<Outline> {
    let mut outline = Outline::default();
    lines(script, |line| {
        match line {
            Line::Connect(name) => {
                if !outline.databases.contains(&name) {
                    outline.databases.push(name);
                }
            }
            Line::Make(name, settings) => {
                outline.made.insert(name, settings);
            }
            Line::Passed(bytes) if keeps && outline.databases.is_empty() => {
                if outline.before.len() < GLOBALS_MAX {
                    outline.before.extend_from_slice(bytes);
                }
            }
            Line::Own(name, owner) => {
                outline.owners.insert(name, owner);
            }
            Line::HandOver(statement) => {
                let database = outline.databases.last().cloned();
                outline.owned.entry(database).or_default().push(statement);
            }
            Line::Passed(_) | Line::Nothing => {}
        }
        Ok(())
    })?;
    Ok(outline)
}

/// Passes on what a script has for one database; all of it where it connects to none.
pub(in crate::verify) fn part(
    script: impl Read,
    database: Option<&str>,
    mut into: impl Write,
) -> Result<()> {
    let mut current = None;
    lines(script, |line| match line {
        Line::Connect(name) => {
            current = Some(name);
            Ok(())
        }
        Line::Passed(bytes) if database.is_none() || current.as_deref() == database => {
            into.write_all(bytes)
        }
        Line::Passed(_) | Line::Make(..) | Line::Own(..) | Line::HandOver(_) | Line::Nothing => {
            Ok(())
        }
    })
}

fn lines(script: impl Read, mut visit: impl FnMut(Line<'_>) -> std::io::Result<()>) -> Result<()> {
    let mut script = BufReader::with_capacity(1 << 18, script);
    let (mut line, mut in_rows, mut begins) = (Vec::new(), false, true);
    let mut between = Between::new();
    loop {
        line.clear();
        let read = script.by_ref().take(LOOKED_AT).read_until(b'\n', &mut line);
        if read.attempt(|| "cannot read the backup to its end")? == 0 {
            return Ok(());
        }
        let seen = if in_rows {
            in_rows = !(begins && line == b"\\.\n");
            Line::Passed(&line)
        } else {
            let is_own = begins && between.holds();
            between.push(&line);
            in_rows = is_own && line.starts_with(b"COPY ") && line.ends_with(b" FROM stdin;\n");
            if is_own { statement(&line) } else { Line::Passed(&line) }
        };
        begins = line.ends_with(b"\n");
        match visit(seen) {
            // Whoever reads it may end first, and says why.
            Err(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            visited => visited.attempt(|| "cannot pass the script on")?,
        }
    }
}

/// A line that begins a statement.
fn statement(line: &[u8]) -> Line<'_> {
    let Ok(text) = std::str::from_utf8(line) else { return Line::Passed(line) };
    let text = text.trim_end();
    if let Some(to) = text.strip_prefix("\\connect ") {
        return Line::Connect(connected(to));
    }
    if text.starts_with("\\restrict ") || text.starts_with("\\unrestrict ") {
        return Line::Nothing;
    }
    if let Some(rest) = text.strip_prefix("CREATE DATABASE ") {
        return Line::Make(name(rest), DatabaseSettings::of(rest));
    }
    let altered = text.strip_prefix("ALTER DATABASE ");
    if let Some((of, owner)) = altered.and_then(|rest| rest.split_once(" OWNER TO ")) {
        return Line::Own(name(of), name(owner));
    }
    if is_hand_over(text) {
        return Line::HandOver(text.trim_end_matches(';').to_owned());
    }
    if text.starts_with("DROP DATABASE ") { Line::Nothing } else { Line::Passed(line) }
}

/// Whether a statement hands one thing over, and does nothing else: it is done as a superuser.
fn is_hand_over(text: &str) -> bool {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| {
        let name = r#"(?:"(?:[^"]|"")+"|[\w$]+)"#;
        let things = "AGGREGATE|COLLATION|CONVERSION|DOMAIN|FOREIGN TABLE|FUNCTION|LARGE OBJECT|\
                      MATERIALIZED VIEW|OPERATOR CLASS|OPERATOR FAMILY|PROCEDURE|PUBLICATION|\
                      ROUTINE|SCHEMA|SEQUENCE|STATISTICS|TABLE|TEXT SEARCH CONFIGURATION|\
                      TEXT SEARCH DICTIONARY|TYPE|VIEW";
        // Between the parentheses are types and names of arguments.
        let arguments = r#"(?:\((?:[\w\s,.$\[\]()*]|"(?:[^"]|"")+")*\))?"#;
        Regex::new(&format!(
            r"^ALTER (?:{things}) (?:ONLY )?{name}(?:\.{name})*\s*{arguments}(?: USING {name})? OWNER TO {name};$"
        ))
        .ok()
    });
    // What the sandbox's own roles own is read and run as theirs.
    !text.contains(MAKER) && pattern.as_ref().is_some_and(|it| it.is_match(text))
}

/// The name that `\connect` is given, in any of the forms in which tools write it.
fn connected(to: &str) -> String {
    let to = to.trim_start_matches("-reuse-previous=on").trim();
    let inner = to.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let Some(inner) = inner else { return to.to_owned() };
    let inner = inner.replace("\"\"", "\"");
    match inner.strip_prefix("dbname='").and_then(|it| it.strip_suffix('\'')) {
        Some(named) => named.replace("\\'", "'").replace("\\\\", "\\"),
        None => inner,
    }
}

/// The name that a text begins with, as SQL quotes it.
fn name(text: &str) -> String {
    match text.strip_prefix('"') {
        None => text.split([' ', ';']).next().unwrap_or_default().to_owned(),
        Some(rest) => {
            let mut name = String::new();
            let mut chars = rest.chars().peekable();
            while let Some(next) = chars.next() {
                match (next, chars.peek()) {
                    ('"', Some('"')) => {
                        chars.next();
                        name.push('"');
                    }
                    ('"', _) => break,
                    (other, _) => name.push(other),
                }
            }
            name
        }
    }
}

/// Has `psql` run what a script has for one database.
pub(in crate::verify) async fn run(
    server: &SealedServer,
    script: impl Read + Send + 'static,
    of: Option<String>,
    database: &str,
    limit: Duration,
) -> Result<Vec<Complaint>> {
    let words = ["psql", "--no-psqlrc", "--quiet", "--no-password", "--output=/dev/null"];
    let command = server.signed_in(words).args(["--host=/tmp", "--username", RESTORER]);
    let command = command.arg("--dbname").arg(database).args(["--file", "-"]).timeout(limit);
    let key = uuid::Uuid::new_v4().simple().to_string();
    let (output, passed) = command
        .written_by(move |mut pipe| {
            let begun = pipe.write_all(format!("\\restrict {key}\n").as_bytes());
            // That it does not even begin is said by its exit code.
            if begun.is_err() {
                return Ok(());
            }
            part(script, of.as_deref(), &mut pipe)
        })
        .await?;
    passed?;
    let mut complaints = causes::read(&output.stderr);
    if !output.succeeded() && !complaints.iter().any(|it| it.weight > Weight::Harmless) {
        complaints.extend(causes::read(&format!("ERROR: {}", output.complaint())));
    }
    Ok(complaints)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: &str = "--\n-- Roles\n--\n\nCREATE ROLE app;\n\
        -- Database \"a\" dump\nCREATE DATABASE a WITH TEMPLATE = template0 ENCODING = 'UTF8' \
        LOCALE_PROVIDER = libc LOCALE = 'fr_FR.UTF-8';\nALTER DATABASE a OWNER TO app;\n\
        \\connect a\n\n\\restrict abc\nCOPY public.t (x) FROM stdin;\n\\\\connect b\n\\.\n\
        \\unrestrict abc\n\\connect -reuse-previous=on \"dbname='my db'\"\nSELECT 1;\n";

    fn of(database: Option<&str>) -> String {
        let mut out = Vec::new();
        part(CLUSTER.as_bytes(), database, &mut out).expect("readable");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_script_is_outlined_and_cut_by_database() {
        let outline = outline(CLUSTER.as_bytes(), true).expect("readable");
        assert_eq!(outline.databases, ["a", "my db"]);
        assert_eq!(outline.owners["a"], "app");
        let settings = &outline.made["a"];
        assert_eq!(settings.locales().collect::<Vec<_>>(), ["fr_FR.UTF-8"]);
        assert!(settings.clause().contains(" ENCODING = 'UTF8'"), "{}", settings.clause());
        assert!(String::from_utf8_lossy(&outline.before).contains("CREATE ROLE app;"));
        assert_eq!(of(Some("a")), "\nCOPY public.t (x) FROM stdin;\n\\\\connect b\n\\.\n");
        assert_eq!(of(Some("my db")), "SELECT 1;\n");
    }

    #[test]
    fn what_looks_like_a_statement_within_a_body_stays_there() {
        let script = "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$\n\
                      ALTER TABLE t OWNER TO app;\n\\connect elsewhere\n$$;\n\
                      ALTER TABLE public.t OWNER TO app;\nSELECT 1;\n";
        let outline = outline(script.as_bytes(), false).expect("readable");
        assert_eq!(outline.databases, [""; 0]);
        assert_eq!(outline.owned[&None], ["ALTER TABLE public.t OWNER TO app"]);
        let mut out = Vec::new();
        part(script.as_bytes(), None, &mut out).expect("readable");
        let out = String::from_utf8(out).expect("text");
        assert!(out.contains("ALTER TABLE t OWNER TO app;\n\\connect elsewhere"), "{out}");
        assert!(!out.contains("public.t OWNER"), "{out}");
    }

    #[test]
    fn what_hands_over_does_nothing_else() {
        for plain in [
            "ALTER TABLE public.orders OWNER TO app;",
            "ALTER TABLE ONLY \"odd \"\"name\".t OWNER TO \"a b\";",
            "ALTER FUNCTION public.f(integer, VARIADIC a character varying[]) OWNER TO app;",
            "ALTER OPERATOR CLASS public.o USING btree OWNER TO app;",
            "ALTER LARGE OBJECT 16455 OWNER TO postgres;",
        ] {
            assert!(is_hand_over(plain), "{plain}");
        }
        for more in [
            "ALTER ROLE dr_drill_restore SUPERUSER -- OWNER TO app;",
            "ALTER SYSTEM SET archive_command TO 'touch /x' -- OWNER TO app;",
            "ALTER TABLE t ALTER COLUMN c TYPE int USING evil(c), OWNER TO app;",
            "ALTER TABLE t OWNER TO app; DROP TABLE u;",
            "ALTER TABLE t ADD c int DEFAULT evil() /* */ OWNER TO app;",
            "ALTER EVENT TRIGGER e OWNER TO app;",
            "ALTER TABLE t OWNER TO dr_drill;",
        ] {
            assert!(!is_hand_over(more), "{more}");
        }
    }

    #[test]
    fn commands_of_psql_stay_for_it_to_refuse() {
        let mut out = Vec::new();
        part("\\! touch /x\nSELECT 1;\n".as_bytes(), None, &mut out).expect("readable");
        assert_eq!(out, b"\\! touch /x\nSELECT 1;\n");
    }

    #[test]
    fn names_are_read_in_every_form() {
        assert_eq!(connected("plain"), "plain");
        assert_eq!(connected("\"with \"\"quotes\"\"\""), "with \"quotes\"");
        assert_eq!(connected("-reuse-previous=on \"dbname='a b'\""), "a b");
        assert_eq!(name("\"a \"\"b\" WITH TEMPLATE"), "a \"b");
        assert_eq!(name("plain WITH"), "plain");
    }
}
