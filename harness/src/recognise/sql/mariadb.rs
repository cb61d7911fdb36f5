//! What a script of `mariadb-dump` or `mysqldump` says, statement by statement.
//!
//! Source: the manuals of `mariadb-dump` and `mysqldump`; comments as these versions write them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};

use super::lexer::{Item, Lexer, Statement};
use super::tokens::{Token, after, tokens};
use super::{TABLES_MAX, is_message};
use crate::recognise::moment;
use crate::recognise::seen::{Seen, shown};

/// Databases of the server's own.
pub(crate) const SYSTEM: [&str; 4] = ["mysql", "sys", "performance_schema", "information_schema"];

/// Of a statement this much is looked at for names; of one that brings accounts, all that is kept.
const LOOKED_AT: usize = 1024;
const ACCOUNTS_LOOKED_AT: usize = 16 * 1024;

/// Reads a script to its end.
pub(super) fn read(lexer: &mut Lexer<impl BufRead>, seen: &mut Seen) -> io::Result<()> {
    let mut script = Script::default();
    let read = script.read(lexer, seen);
    script.finish(read.is_ok(), seen);
    read
}

/// A script, and how far it has come.
#[derive(Debug, Default)]
struct Script {
    database: String,
    is_whole: bool,
    has_head: bool,
    kept: usize,
    /// Kinds and names of what it makes besides tables. One that stands in for another has its name.
    objects: BTreeSet<(&'static str, String)>,
}

impl Script {
    fn read(&mut self, lexer: &mut Lexer<impl BufRead>, seen: &mut Seen) -> io::Result<()> {
        while let Some(item) = lexer.next()? {
            match item {
                Item::Comment(line) => self.comment(&String::from_utf8_lossy(&line), seen),
                Item::Meta(_) => {}
                Item::Cut(text) => seen.damage(format!("it ends within {}", shown(&text))),
                Item::Statement(statement) if is_message(&statement.text) => {
                    let shown = shown(&statement.text);
                    seen.damage(format!("a message of the tool is in it: {shown}"));
                }
                Item::Statement(statement) => self.statement(&statement, seen),
            }
        }
        Ok(())
    }

    fn comment(&mut self, line: &str, seen: &mut Seen) {
        let says = &mut seen.says;
        for (head, tool) in [("MariaDB dump ", "mariadb-dump"), ("MySQL dump ", "mysqldump")] {
            if let Some(rest) = line.strip_prefix(head) {
                self.has_head = true;
                self.is_whole = false;
                says.tool = Some(format!("{tool} {}", version(rest)));
            }
        }
        if let Some(rest) = line.strip_prefix("Host: ") {
            let database = rest.split("Database: ").nth(1).unwrap_or_default().trim();
            database.clone_into(&mut self.database);
        } else if let Some(rest) = line.strip_prefix("Server version") {
            says.server = Some(rest.trim().to_owned());
        } else if let Some(rest) = line.strip_prefix("Dump completed") {
            self.is_whole = true;
            says.taken_at = rest.strip_prefix(" on ").and_then(moment::of);
        }
    }

    fn statement(&mut self, statement: &Statement, seen: &mut Seen) {
        let text = statement.text.as_slice();
        let words = || tokens(&text[..text.len().min(LOOKED_AT)]);
        let insert = ["INSERT INTO", "INSERT IGNORE INTO", "REPLACE INTO", "INSERT IGNORE"]
            .iter()
            .find_map(|verb| after(text, verb));
        if let Some(rest) = insert {
            let name = first_name(rest);
            self.accounts(&name, text, seen);
            if let Some(rows) = self.table(name, seen) {
                *rows = Some(rows.unwrap_or_default().saturating_add(statement.rows.max(1)));
            }
        } else if let Some(rest) = after(text, "CREATE TABLE") {
            let name = first_name(after(rest, "IF NOT EXISTS").unwrap_or(rest));
            self.table(name, seen);
        } else if let Some(rest) = after(text, "DROP TABLE IF EXISTS") {
            // What stood in for a view goes again when the view comes.
            let name = first_name(rest);
            if let Some(tables) = seen.says.tables.get_mut(&self.database) {
                tables.remove(&name);
            }
        } else if after(text, "USE").is_some() {
            self.database = words().get(1).map(|it| it.text.clone()).unwrap_or_default();
        } else if after(text, "CREATE DATABASE").is_some() {
            let name = words()
                .into_iter()
                .skip(2)
                .find(|it| !["if", "not", "exists"].iter().any(|word| it.is(word)) && it.is_name());
            seen.says.databases.extend(name.map(|it| it.text));
        } else if after(text, "CREATE").is_some() {
            self.made(&words(), seen);
        } else if after(text, "SET NAMES").is_some() && seen.says.encoding.is_none() {
            seen.says.encoding = words().get(2).map(|it| it.text.clone());
        }
    }

    /// What is made besides tables and databases, and as whom it runs.
    fn made(&mut self, words: &[Token], seen: &mut Seen) {
        let Some(made) = Made::of(words) else { return };
        if self.kept >= TABLES_MAX || SYSTEM.contains(&self.database.as_str()) {
            return;
        }
        self.kept += 1;
        seen.says.names_roles.extend(made.definer);
        match made.kind {
            "user" | "role" => {
                seen.says.makes_roles.insert(made.name);
            }
            kind => {
                self.objects.insert((kind, format!("{}.{}", self.database, made.name)));
            }
        }
    }

    /// Accounts that come as rows of the server's own tables: their hosts and names stand first.
    fn accounts(&self, table: &str, text: &[u8], seen: &mut Seen) {
        let holds_them = self.database == "mysql" && ["global_priv", "user"].contains(&table);
        if !holds_them || seen.says.makes_roles.len() >= TABLES_MAX {
            return;
        }
        let words = tokens(&text[..text.len().min(ACCOUNTS_LOOKED_AT)]);
        let rows = words
            .windows(5)
            .filter(|row| row[0].is("(") && row[1].is_text() && row[2].is(",") && row[3].is_text());
        let accounts = rows.map(|row| format!("{}@{}", row[3].text, row[1].text));
        seen.says.makes_roles.extend(accounts);
    }

    /// The rows of a table, counted: it has none until they come.
    fn table<'a>(&mut self, name: String, seen: &'a mut Seen) -> Option<&'a mut Option<u64>> {
        let tables = seen.says.tables.entry(self.database.clone()).or_default();
        if !tables.contains_key(&name) {
            if self.kept >= TABLES_MAX {
                return None;
            }
            self.kept += 1;
        }
        Some(tables.entry(name).or_insert(Some(0)))
    }

    fn finish(self, was_read: bool, seen: &mut Seen) {
        let named = seen.says.tables.keys().filter(|name| !name.is_empty()).cloned();
        let named = named.collect::<Vec<_>>();
        seen.says.databases.extend(named);
        for (kind, _) in &self.objects {
            *seen.says.objects.entry((*kind).to_owned()).or_default() += 1;
        }
        if self.kept >= TABLES_MAX {
            seen.open(format!("it has more than {TABLES_MAX} tables; the others were not kept"));
        }
        if !self.is_whole && self.has_head && was_read {
            seen.damage("it has no end: its last line, `-- Dump completed`, is missing");
        } else if !self.is_whole && was_read {
            seen.open("made without comments: nothing in it says that it is whole");
        }
        let has_no_table = seen.says.tables.values().all(BTreeMap::is_empty);
        if has_no_table && seen.says.makes_roles.is_empty() {
            seen.damage("there is no table in it");
        } else if has_no_table {
            // Accounts alone: they belong to a dump beside it.
        } else if seen.says.tables.values().flat_map(|it| it.values()).all(|it| *it == Some(0)) {
            seen.open("it makes tables and has data for none: a dump of the schema alone");
        }
    }
}

/// What a statement makes.
struct Made {
    kind: &'static str,
    name: String,
    /// As whom it runs: `user@host`.
    definer: Option<String>,
}

impl Made {
    /// Reads `CREATE … DEFINER = user@host … KIND [IF NOT EXISTS] name`.
    fn of(words: &[Token]) -> Option<Self> {
        const KINDS: [&str; 8] =
            ["view", "trigger", "procedure", "function", "event", "sequence", "user", "role"];
        // Behind these, the words above mean something else.
        const OTHERS: [&str; 5] = ["table", "package", "server", "index", "database"];
        let kind_of = |word: &Token| KINDS.into_iter().find(|kind| word.is(kind));
        let is_other = |word: &Token| OTHERS.iter().any(|other| word.is(other));
        let at = words.iter().position(|word| kind_of(word).is_some() || is_other(word))?;
        let kind = kind_of(&words[at])?;
        let definer = words[..at].iter().position(|word| word.is("definer"));
        let definer = definer.and_then(|from| account(words.get(from + 2..at)?));
        let filler = ["if", "not", "exists", "or", "replace"];
        let named = words[at + 1..].iter().position(|word| !filler.iter().any(|it| word.is(it)));
        let named = &words[at + 1 + named?..];
        let name = match (kind, named) {
            ("user", _) => account(named)?,
            (_, [_, dot, name, ..]) if dot.is(".") => name.text.clone(),
            (_, [name, ..]) => name.text.clone(),
            (_, []) => return None,
        };
        Some(Self { kind, name, definer })
    }
}

/// The account that words begin with: `user@host`. A role has no host.
fn account(words: &[Token]) -> Option<String> {
    match words {
        [user, sign, host, ..] if sign.is("@") => Some(format!("{}@{}", user.text, host.text)),
        [user, ..] if user.is_name() && !user.is("current_user") => Some(user.text.clone()),
        _ => None,
    }
}

/// The name that a text begins with, without its quotes.
fn first_name(text: &[u8]) -> String {
    let words = tokens(&text[..text.len().min(1024)]);
    let mut words = words.into_iter();
    let mut name = words.next().map(|it| it.text).unwrap_or_default();
    if words.next().is_some_and(|it| it.is(".")) {
        name = words.next().map(|it| it.text).unwrap_or_default();
    }
    name
}

/// `10.19  Distrib 10.11.6-MariaDB, for …` and `10.19-11.4.2-MariaDB, for …`: the tool's own.
fn version(rest: &str) -> String {
    let rest = rest.split_once("Distrib ").map_or(rest, |(_, version)| version);
    let word = rest.split([',', ' ']).next().unwrap_or_default();
    word.strip_suffix("-MariaDB").unwrap_or(word).to_owned()
}
