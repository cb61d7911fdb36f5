//! Scripts of `mariadb-dump` and `mysqldump`, passed on to a client line by line, without what is of
//! the server itself: its own databases, and accounts.
//!
//! Where a line is misread, the worst is an error of the restore: whoever restores has no power over
//! either.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};

use crate::error::{Attempt, Result};
use crate::recognise::SYSTEM_OF_MARIADB;

/// Bytes of a line that are looked at.
const LOOKED_AT: u64 = 1 << 16;

/// What lines about accounts begin with, where nothing but statements of the dump's own stands.
const ACCOUNTS: [&str; 15] = [
    "CREATE USER ",
    "CREATE ROLE ",
    "CREATE /*M!100103 OR REPLACE */ ",
    "DROP USER ",
    "DROP ROLE ",
    "GRANT ",
    "REVOKE ",
    "SET ROLE ",
    "SET DEFAULT ROLE ",
    "SELECT COALESCE(CURRENT_ROLE(",
    "/*M!100005 SET DEFAULT ROLE ",
    "/*!80001 ALTER USER ",
    "/*M!100203 EXECUTE IMMEDIATE CONCAT('SET ROLE",
    "FLUSH PRIVILEGES",
    "/*! FLUSH PRIVILEGES ",
];

/// What a script makes, known by reading it once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// Databases that it makes.
    pub(super) made: BTreeSet<String>,
    /// Databases that it goes to, without the server's own.
    pub(super) used: BTreeSet<String>,
    /// Whether it makes or fills tables before it goes to any database.
    pub(super) begins_somewhere: bool,
    /// What is left out of it, a line each.
    pub(super) left_out: BTreeSet<String>,
}

/// One line, or a piece of a long one.
enum Line<'a> {
    /// For the server.
    Passed(&'a [u8]),
    Make(String, &'a [u8]),
    Use(String, &'a [u8]),
    LeftOut(String),
}

/// Reads a script to its end for what it makes.
pub(super) fn outline(script: impl Read) -> Result<Outline> {
    let mut outline = Outline::default();
    lines(script, |line| {
        match line {
            Line::Make(name, _) => outline.made.insert(name),
            Line::Use(name, _) => outline.used.insert(name),
            Line::LeftOut(what) => outline.left_out.insert(what),
            Line::Passed(bytes) => {
                let goes = outline.used.is_empty() && is_of_tables(bytes);
                outline.begins_somewhere |= goes;
                goes
            }
        };
        Ok(())
    })?;
    Ok(outline)
}

fn is_of_tables(line: &[u8]) -> bool {
    let begins = ["CREATE TABLE ", "DROP TABLE ", "INSERT ", "LOCK TABLES "];
    begins.iter().any(|begin| line.starts_with(begin.as_bytes()))
}

/// Passes on what a script has for the databases.
pub(super) fn pass(script: impl Read, mut into: impl Write) -> Result<()> {
    lines(script, |line| match line {
        Line::Passed(bytes) | Line::Make(_, bytes) | Line::Use(_, bytes) => into.write_all(bytes),
        Line::LeftOut(_) => Ok(()),
    })
}

fn lines(script: impl Read, mut visit: impl FnMut(Line<'_>) -> std::io::Result<()>) -> Result<()> {
    let mut script = BufReader::with_capacity(1 << 18, script);
    let (mut line, mut reader) = (Vec::new(), Reader::default());
    loop {
        line.clear();
        let read = script.by_ref().take(LOOKED_AT).read_until(b'\n', &mut line);
        if read.attempt(|| "cannot read the backup to its end")? == 0 {
            return Ok(());
        }
        match visit(reader.read(&line)) {
            // Whoever reads it may end first, and says why.
            Err(cause) if cause.kind() == ErrorKind::BrokenPipe => return Ok(()),
            visited => visited.attempt(|| "cannot pass the script on")?,
        }
    }
}

/// How far a script has come.
#[derive(Debug, Default)]
struct Reader {
    /// The database of the server's own that what comes is of.
    system: Option<String>,
    /// Whether it is within a line whose beginning was left out or passed.
    within: Option<bool>,
    /// Whether the delimiter is another: what comes is a body, and none of the dump's own lines.
    in_bodies: bool,
}

impl Reader {
    fn read<'a>(&mut self, line: &'a [u8]) -> Line<'a> {
        let ends = line.ends_with(b"\n");
        if let Some(passed) = self.within {
            self.within = (!ends).then_some(passed);
            return if passed { Line::Passed(line) } else { self.left_out() };
        }
        let seen = self.begun(line);
        self.within = (!ends).then_some(!matches!(seen, Line::LeftOut(_)));
        seen
    }

    fn begun<'a>(&mut self, line: &'a [u8]) -> Line<'a> {
        let text = String::from_utf8_lossy(&line[..line.len().min(1024)]);
        if let Some(delimiter) = text.strip_prefix("DELIMITER ") {
            self.in_bodies = delimiter.trim() != ";";
        }
        if self.in_bodies {
            return if self.system.is_some() { self.left_out() } else { Line::Passed(line) };
        }
        if let Some(name) = text.strip_prefix("USE ").map(first_name) {
            let is_system = SYSTEM_OF_MARIADB.contains(&name.as_str());
            self.system = is_system.then(|| name.clone());
            return if is_system { self.left_out() } else { Line::Use(name, line) };
        }
        let made = text.strip_prefix("CREATE DATABASE ").map(first_name);
        let dropped = text.strip_prefix("/*!40000 DROP DATABASE IF EXISTS ").map(first_name);
        let named = made.as_ref().or(dropped.as_ref());
        if let Some(name) = named.filter(|it| SYSTEM_OF_MARIADB.contains(&it.as_str())) {
            return Line::LeftOut(of_the_server(name));
        }
        match made {
            Some(name) => Line::Make(name, line),
            None if self.system.is_some() => self.left_out(),
            None if ACCOUNTS.iter().any(|begin| text.starts_with(begin)) => {
                Line::LeftOut("MariaDB: accounts and what they may do".to_owned())
            }
            None => Line::Passed(line),
        }
    }

    fn left_out(&self) -> Line<'static> {
        let what = self.system.as_deref().map(of_the_server);
        Line::LeftOut(what.unwrap_or_else(|| "MariaDB: accounts and what they may do".to_owned()))
    }
}

fn of_the_server(database: &str) -> String {
    format!("MariaDB: database {database}, which is the server's own")
}

/// The name that a text begins with, behind a comment that some versions run.
fn first_name(text: &str) -> String {
    let text = text.trim_start();
    let text = match text.strip_prefix("/*") {
        Some(rest) => rest.split_once("*/").map_or("", |(_, behind)| behind.trim_start()),
        None => text,
    };
    let text = text.strip_prefix("IF NOT EXISTS ").unwrap_or(text);
    match text.strip_prefix('`') {
        None => text.split([' ', ';', '\n']).next().unwrap_or_default().to_owned(),
        Some(rest) => {
            let mut name = String::new();
            let mut parts = rest.split('`');
            name.push_str(parts.next().unwrap_or_default());
            // Two quotes stand for one.
            let parts = parts.collect::<Vec<_>>();
            for pair in parts.chunks(2) {
                match pair {
                    ["", more] => {
                        name.push('`');
                        name.push_str(more);
                    }
                    _ => break,
                }
            }
            name
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "/*!40101 SET NAMES utf8mb4 */;\n\
        CREATE USER `a`@`%`;\nGRANT ALL ON *.* TO `a`@`%`;\n\
        CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;\n\
        USE `shop`;\nINSERT INTO `t` VALUES ('a\\nUSE `mysql`;');\n\
        DELIMITER ;;\nCREATE PROCEDURE p() BEGIN\nGRANT SELECT ON x TO y;\nUSE `mysql`;\nEND ;;\nDELIMITER ;\n\
        CREATE DATABASE /*!32312 IF NOT EXISTS*/ `mysql` /*!40100 */;\nUSE `mysql`;\n\
        INSERT INTO `global_priv` VALUES ('%','root','{}');\n\
        USE `odd``name`;\nSELECT 1;\n";

    #[test]
    fn what_is_of_the_server_is_left_out_and_named() {
        let outline = outline(DUMP.as_bytes()).expect("readable");
        assert_eq!(outline.made, BTreeSet::from(["shop".to_owned()]));
        assert_eq!(outline.used, ["shop", "odd`name"].map(str::to_owned).into());
        assert_eq!(outline.left_out.len(), 2, "{outline:?}");
        assert!(!outline.begins_somewhere, "{outline:?}");
    }

    #[test]
    fn a_dump_that_begins_with_a_table_begins_in_some_database() {
        let script = "CREATE TABLE `t` (a int);\nUSE `other`;\n";
        let outline = outline(script.as_bytes()).expect("readable");
        assert!(outline.begins_somewhere && outline.used.contains("other"), "{outline:?}");
    }

    #[test]
    fn bodies_and_databases_of_the_dump_are_passed_on() {
        let mut out = Vec::new();
        pass(DUMP.as_bytes(), &mut out).expect("readable");
        let text = String::from_utf8(out).expect("text");
        for kept in ["SET NAMES", "`shop`", "INSERT INTO `t`", "GRANT SELECT ON x", "SELECT 1;"] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
        for gone in ["CREATE USER", "GRANT ALL", "global_priv"] {
            assert!(!text.contains(gone), "{gone}: {text}");
        }
    }

    #[test]
    fn a_line_that_is_longer_than_what_is_looked_at_is_passed_whole() {
        let long = format!("INSERT INTO `t` VALUES ('{}');\nGRANT x;\n", "x".repeat(200_000));
        let mut out = Vec::new();
        pass(long.as_bytes(), &mut out).expect("readable");
        assert_eq!(out.len() + "GRANT x;\n".len(), long.len());
    }
}
