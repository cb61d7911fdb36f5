//! What a script of `pg_dump` or `pg_dumpall` says, statement by statement.
//!
//! Source: PostgreSQL, `pg_dump` and `pg_dumpall`; comments and their order as versions 9 to 18
//! write them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};

use super::lexer::{Item, Lexer, Statement};
use super::rows::CopyRows;
use super::tokens::{Token, after, relation, tokens};
use super::{TABLES_MAX, is_message};
use crate::model::existing::{Kind, Says};
use crate::recognise::seen::{Seen, shown};

/// What the statements of a dump amount to, so far.
#[derive(Debug, Default)]
pub(in crate::recognise) struct Postgres {
    /// The database that the statements are for, empty where the dump does not say.
    pub(in crate::recognise) database: String,
    /// Tables, by database: the rows of those that rows were found for.
    tables: BTreeMap<String, BTreeMap<String, Table>>,
    kept: usize,
    /// Whether rows come as statements: then a table without any may be an empty one.
    has_inserts: bool,
    /// Tables whose data a script announces, as `pg_dump` does of an empty one, too; none where
    /// nobody can know.
    announced: Option<BTreeSet<String>>,
    made: BTreeSet<String>,
    named: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Table {
    rows: Option<u64>,
    is_partitioned: bool,
    /// The table that it is a piece of.
    piece_of: Option<String>,
}

impl Postgres {
    /// Takes what a statement says. Rows of a `COPY` come by [`Self::rows`].
    pub(in crate::recognise) fn statement(&mut self, statement: &Statement, seen: &mut Seen) {
        let text = statement.text.as_slice();
        if let Some(rest) = after(text, "INSERT INTO") {
            self.has_inserts = true;
            // `DEFAULT VALUES` is a row of a table that has no column.
            self.rows(&relation(rest), statement.rows.max(1));
            // There are as many of these as there are rows, and they name nothing else.
            return;
        }
        if let Some(rest) = created_table(text) {
            let partitioned = memchr::memmem::rfind(text, b"\nPARTITION BY ").is_some();
            let name = relation(rest);
            let of = memchr::memmem::find(rest, b" PARTITION OF ");
            let whole = of.filter(|at| *at <= name.len() + 1);
            let table = self.table(&name);
            table.is_partitioned |= partitioned;
            if let Some(at) = whole {
                table.piece_of = Some(relation(&rest[at + " PARTITION OF ".len()..]));
            }
        } else if let Some(rest) = after(text, "ALTER TABLE ONLY") {
            self.attached(rest);
        }
        self.names(text, seen);
    }

    /// Adds rows to a table.
    pub(in crate::recognise) fn rows(&mut self, table: &str, rows: u64) {
        let counted = &mut self.table(table).rows;
        *counted = Some(counted.unwrap_or_default().saturating_add(rows));
    }

    /// A table that the dump promises.
    fn table(&mut self, name: &str) -> &mut Table {
        let tables = self.tables.entry(self.database.clone()).or_default();
        // What is beyond the bound shares one entry, which is taken out again.
        let name = if self.kept < TABLES_MAX || tables.contains_key(name) { name } else { "" };
        if !tables.contains_key(name) {
            self.kept += 1;
        }
        tables.entry(name.to_owned()).or_default()
    }

    fn attached(&mut self, rest: &[u8]) {
        let parent = relation(rest);
        if let Some(at) = memchr::memmem::find(rest, b" ATTACH PARTITION ") {
            let piece = relation(&rest[at + " ATTACH PARTITION ".len()..]);
            self.table(&piece).piece_of = Some(parent);
        }
    }

    /// Extensions, roles, settings and databases that a statement names.
    fn names(&mut self, text: &[u8], seen: &mut Seen) {
        let words = tokens(&text[..text.len().min(16 * 1024)]);
        let says = &mut seen.says;
        let is = |at: usize, keyword: &str| words.get(at).is_some_and(|it| it.is(keyword));
        let name = |at: usize| words.get(at).filter(|it| it.is_name()).map(|it| it.text.clone());
        match words.first().map(|it| it.text.as_str()) {
            Some("set") if is(1, "client_encoding") => says.encoding = name(3),
            Some("set") if is(1, "row_security") && is(3, "on") => {
                seen.open(
                    "it was dumped with row security: rows that its role may not see are not in it",
                );
            }
            Some("create") if is(1, "extension") => {
                let at = if is(2, "if") { 5 } else { 2 };
                says.extensions.extend(name(at));
            }
            Some("create") if is(1, "role") || is(1, "user") && !is(2, "mapping") => {
                self.made.extend(name(2));
            }
            Some("create") if is(1, "database") => says.databases.extend(name(2)),
            Some("alter") if is(1, "role") || is(1, "user") => self.named.extend(name(2)),
            Some("grant" | "revoke") => self.granted(&words),
            _ => {}
        }
        if matches!(words.first(), Some(it) if it.is("alter") || it.is("create")) {
            self.owners(&words);
        }
    }

    /// Those to whom something is granted, and what is granted if that is a role.
    fn granted(&mut self, words: &[Token]) {
        let is_of_roles = !words.iter().any(|it| it.is("on"));
        let grantees = words.iter().position(|it| it.is("to") || it.is("from"));
        let Some(grantees) = grantees else { return };
        if is_of_roles {
            self.listed(&words[1..grantees]);
        }
        self.listed(&words[grantees + 1..]);
        self.owners(words);
    }

    /// Names with commas between them, up to what is none.
    fn listed(&mut self, words: &[Token]) {
        let mut words = words.iter();
        while let Some(name) = words.next().filter(|it| it.is_name()) {
            self.role(name);
            if !words.next().is_some_and(|it| it.is(",")) {
                break;
            }
        }
    }

    /// `OWNER TO x`, `AUTHORIZATION x`, `FOR ROLE x`, `GRANTED BY x`.
    fn owners(&mut self, words: &[Token]) {
        for three in words.windows(3) {
            let pair = [("owner", "to"), ("for", "role"), ("granted", "by")];
            if pair.iter().any(|(one, two)| three[0].is(one) && three[1].is(two)) {
                self.role(&three[2]);
            }
            if three[1].is("authorization") {
                self.role(&three[2]);
            }
        }
    }

    fn role(&mut self, name: &Token) {
        let everybody = ["public", "current_user", "session_user", "current_role"];
        if name.is_name() && !everybody.iter().any(|it| name.is(it)) {
            self.named.insert(name.text.clone());
        }
    }

    /// Adds an owner whose name is given without quotes.
    pub(in crate::recognise) fn owner(&mut self, name: &str) {
        if !name.is_empty() {
            self.named.insert(name.to_owned());
        }
    }

    /// A table that an archive holds by name, and says nothing else about.
    pub(in crate::recognise) fn promised(&mut self, name: &str) {
        self.table(name);
    }

    /// Writes down what there was. `counted` says that every row there is has been counted.
    pub(in crate::recognise) fn finish(
        mut self,
        counted: bool,
        says: &mut Says,
        seen_open: &mut Vec<String>,
    ) {
        if self.kept >= TABLES_MAX {
            seen_open
                .push(format!("it has more than {TABLES_MAX} tables; the others were not kept"));
        }
        for (database, mut tables) in std::mem::take(&mut self.tables) {
            tables.remove("");
            match &self.announced {
                _ if !self.has_inserts => without_data(&tables, seen_open),
                Some(announced) => unannounced(&tables, announced, seen_open),
                None => {}
            }
            let rows = tables.iter().map(|(name, table)| {
                (name.clone(), table.rows.or_else(|| rows_of_none(table, &tables, counted)))
            });
            let rows = rows.collect();
            if !database.is_empty() {
                says.databases.insert(database.clone());
            }
            says.tables.insert(database, rows);
        }
        says.names_roles = self.named.difference(&self.made).cloned().collect();
        says.makes_roles = self.made;
    }
}

/// Rows of a table for which the dump has none: 0, if they cannot come by way of another. Those
/// of a partitioned table are its pieces', and pieces may be loaded through the whole.
fn rows_of_none(table: &Table, all: &BTreeMap<String, Table>, counted: bool) -> Option<u64> {
    let mut whole = table.piece_of.as_ref();
    // As deep as partitions of partitions go; a circle ends too.
    for _ in 0..16 {
        let Some(above) = whole.and_then(|name| all.get(name)) else { break };
        if above.rows.is_some_and(|rows| rows > 0) {
            return None;
        }
        whole = above.piece_of.as_ref();
    }
    (counted && !table.is_partitioned).then_some(0)
}

/// Says which tables are made without any data: in a dump with `COPY` an empty one has its own.
fn without_data(tables: &BTreeMap<String, Table>, open: &mut Vec<String>) {
    let plain = tables.iter().filter(|(_, it)| !it.is_partitioned && it.piece_of.is_none());
    let without = plain.filter(|(_, it)| it.rows.is_none()).map(|(name, _)| name.as_str());
    let without = without.collect::<Vec<_>>();
    if !without.is_empty() && tables.values().all(|it| it.rows.is_none()) {
        open.push("it makes tables and has data for none: a dump of the schema alone".to_owned());
    } else if let [first, rest @ ..] = without.as_slice() {
        let more =
            if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        open.push(format!("{first}{more}: made, and nothing is put into it"));
    }
}

/// Tables that have no row, and of which a script with a statement for each row does not say that
/// their data is in it.
fn unannounced(
    tables: &BTreeMap<String, Table>,
    announced: &BTreeSet<String>,
    open: &mut Vec<String>,
) {
    let plain = tables.iter().filter(|(_, it)| !it.is_partitioned && it.rows.is_none());
    let silent = plain.filter(|(name, _)| !announced.contains(&name.replace('"', "")));
    let silent = silent.map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    if let [first, rest @ ..] = silent.as_slice() {
        let more =
            if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        open.push(format!("{first}{more}: made, and nobody says that its data is in the dump"));
    }
}

/// What follows `CREATE TABLE`, of one that holds rows of its own.
fn created_table(text: &[u8]) -> Option<&[u8]> {
    let rest = after(text, "CREATE TABLE").or_else(|| after(text, "CREATE UNLOGGED TABLE"))?;
    Some(after(rest, "IF NOT EXISTS").unwrap_or(rest))
}

/// The columns that a `COPY` lists; none if it lists none.
pub(in crate::recognise) fn columns(copy: &[u8]) -> Option<u64> {
    let (mut quoted, mut commas, mut inside) = (false, 0, false);
    for byte in copy {
        match byte {
            b'"' => quoted = !quoted,
            b'(' if !quoted => inside = true,
            b',' if inside && !quoted => commas += 1,
            b')' if inside && !quoted => return Some(commas + 1),
            _ => {}
        }
    }
    None
}

/// The table of a `COPY … FROM stdin`.
pub(in crate::recognise) fn copied(text: &[u8]) -> Option<String> {
    let rest = after(text, "COPY")?;
    let tail = rest.trim_ascii_end().to_ascii_lowercase();
    let tail = tail.strip_suffix(b";").unwrap_or(&tail).trim_ascii_end();
    tail.ends_with(b"from stdin").then(|| relation(rest))
}

/// Reads a script to its end.
pub(super) fn read(lexer: &mut Lexer<impl BufRead>, seen: &mut Seen) -> io::Result<()> {
    let mut script = Script::default();
    script.statements.announced = Some(BTreeSet::new());
    let read = script.read(lexer, seen);
    script.finish(read.is_ok(), seen);
    read
}

/// The table of a comment like `Data for Name: t; Type: TABLE DATA; Schema: public; Owner: app`.
fn announced(line: &str) -> Option<String> {
    let (name, rest) =
        line.strip_prefix("Data for Name: ")?.split_once("; Type: TABLE DATA; Schema: ")?;
    let (schema, _) = rest.split_once("; Owner: ")?;
    Some(format!("{schema}.{name}"))
}

/// A script, and how far it has come.
#[derive(Debug, Default)]
struct Script {
    statements: Postgres,
    connects: u32,
    is_cluster: bool,
    /// Whether the last dump that began has ended.
    is_whole: bool,
    has_head: bool,
}

impl Script {
    fn read(&mut self, lexer: &mut Lexer<impl BufRead>, seen: &mut Seen) -> io::Result<()> {
        while let Some(item) = lexer.next()? {
            match item {
                Item::Comment(line) => self.comment(&line, seen),
                Item::Meta(line) => self.meta(&line),
                Item::Cut(text) => seen.damage(format!("it ends within {}", shown(&text))),
                Item::Statement(statement) => {
                    let text = statement.text.as_slice();
                    if is_message(text) {
                        seen.damage(format!("a message of the tool is in it: {}", shown(text)));
                    } else if let Some(table) = copied(text) {
                        self.copy(lexer, &table, columns(text), seen)?;
                    } else {
                        if let Some(rest) = after(text, "SET standard_conforming_strings") {
                            lexer.let_backslashes_escape(rest.ends_with(b"off"));
                        }
                        self.statements.statement(&statement, seen);
                    }
                }
            }
        }
        Ok(())
    }

    fn copy(
        &mut self,
        lexer: &mut Lexer<impl BufRead>,
        table: &str,
        columns: Option<u64>,
        seen: &mut Seen,
    ) -> io::Result<()> {
        let mut rows = CopyRows::default();
        let read = lexer.copy(&mut rows);
        self.statements.rows(table, rows.rows);
        if !rows.ended() {
            seen.damage(format!("the rows of {table} have no end: {} are there", rows.rows));
        }
        if let Some(odd) = columns.and_then(|columns| rows.oddity(columns)) {
            seen.damage(format!("{table}: {odd}"));
        }
        read
    }

    fn comment(&mut self, line: &[u8], seen: &mut Seen) {
        let line = String::from_utf8_lossy(line);
        if let Some(table) = announced(&line)
            && let Some(all) = &mut self.statements.announced
            && all.len() < TABLES_MAX
        {
            all.insert(table);
        }
        match line.as_ref() {
            "PostgreSQL database dump" => {
                self.has_head = true;
                self.is_whole = false;
            }
            "PostgreSQL database cluster dump" => {
                self.has_head = true;
                self.is_cluster = true;
            }
            // Of a cluster, each database's dump has an end of its own.
            "PostgreSQL database dump complete" => self.is_whole |= !self.is_cluster,
            "PostgreSQL database cluster dump complete" => self.is_whole = true,
            _ => {}
        }
        let says = &mut seen.says;
        if let Some(version) = line.strip_prefix("Dumped from database version ") {
            says.server = Some(first_word(version));
        } else if let Some(version) = line.strip_prefix("Dumped by pg_dump version ") {
            let tool = if self.is_cluster { "pg_dumpall" } else { "pg_dump" };
            says.tool = Some(format!("{tool} {}", first_word(version)));
        } else if let Some(time) = line.strip_prefix("Started on ") {
            says.taken_at = says.taken_at.or_else(|| crate::recognise::moment::of(time));
        }
    }

    /// `\connect name`, and what newer versions write of the same meaning.
    fn meta(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let Some(rest) = line.strip_prefix("connect ") else { return };
        let rest = rest.trim().strip_prefix("-reuse-previous=on ").unwrap_or(rest.trim());
        let rest = rest.trim_matches('"');
        let name = rest.strip_prefix("dbname=").map_or(rest, |it| it.trim_matches('\''));
        self.connects += 1;
        self.statements.database = name.replace("\"\"", "\"").replace("\\'", "'");
    }

    fn finish(self, was_read: bool, seen: &mut Seen) {
        if self.is_cluster {
            let globals = self.connects == 0 && self.statements.tables.is_empty();
            seen.kind = if globals { Kind::Globals } else { Kind::ClusterSql };
            seen.says.tool.get_or_insert_with(|| "pg_dumpall".to_owned());
        }
        if !self.is_whole && self.has_head && was_read {
            seen.damage("it has no end: its last line, which says that it is complete, is missing");
        } else if !self.is_whole && was_read {
            seen.open("nothing in it says where it begins and ends: it may have been cut");
        }
        let mut open = Vec::new();
        self.statements.finish(true, &mut seen.says, &mut open);
        for line in open {
            seen.open(line);
        }
        let has_table = seen.says.tables.values().any(|tables| !tables.is_empty());
        if seen.kind == Kind::PlainSql && !has_table {
            seen.damage("there is no table in it");
        }
        if seen.kind == Kind::Globals && seen.says.makes_roles.is_empty() {
            seen.damage("there is no role in it");
        }
    }
}

fn first_word(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().to_owned()
}
