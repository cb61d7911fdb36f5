//! What a server says while something is restored, and what it means: a table of known causes, as
//! data. What is not in it is wrong with the backup.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::Regex;
use serde::Deserialize;

const TABLE: &str = include_str!("causes.toml");

/// What an error says of the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Weight {
    /// Nothing: it happens with every good backup.
    Harmless,
    /// Something was not restored here that a person could restore.
    Open,
    /// Something is wrong with it.
    Wrong,
}

/// A cause that is known.
#[derive(Debug, Deserialize)]
struct Cause {
    /// What the server says, as a regular expression.
    says: String,
    weight: Weight,
    /// Why, in a few words.
    because: String,
    /// What to do next.
    next: String,
}

#[derive(Debug, Deserialize)]
struct Table {
    cause: Vec<Cause>,
}

/// An error of a restore, with how often it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) weight: Weight,
    pub(super) says: String,
    pub(super) because: Option<String>,
    pub(super) next: Option<String>,
    pub(super) times: u64,
}

impl Complaint {
    /// In one line.
    pub(super) fn line(&self) -> String {
        let times = if self.times > 1 { format!(", {} times", self.times) } else { String::new() };
        match (&self.because, &self.next) {
            (Some(because), Some(next)) => {
                format!("{}{times}: {because}; {next}", self.says)
            }
            _ => format!("{}{times}", self.says),
        }
    }
}

/// The errors in what a tool wrote, the same ones together, the worst first.
pub(super) fn read(text: &str) -> Vec<Complaint> {
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for line in text.lines().filter_map(error_of) {
        *found.entry(line).or_default() += 1;
    }
    let mut all = found.into_iter().map(|(says, times)| judge(says, times)).collect::<Vec<_>>();
    all.sort_by(|a, b| b.weight.cmp(&a.weight).then(b.times.cmp(&a.times)));
    all
}

/// What one line says went wrong, if it says so.
fn error_of(line: &str) -> Option<String> {
    let marks = ["ERROR:", "FATAL:", "PANIC:", "pg_restore: error:", "psql: error:"];
    if line.starts_with("pg_restore: error: could not execute query: ERROR:") {
        return line.split_once("ERROR:").map(|(_, rest)| rest.trim().to_owned());
    }
    if let Some(found) = of_mariadb(line) {
        return Some(found);
    }
    // What psql says of its own commands has no severity.
    let of_psql = line.strip_prefix("psql:").and_then(|rest| rest.split_once(": "));
    if let Some((_, rest)) = of_psql.filter(|(_, rest)| {
        rest.contains("invalid command") || rest.contains("backslash commands are restricted")
    }) {
        return Some(rest.trim().trim_start_matches("error: ").to_owned());
    }
    let at = marks.iter().filter_map(|mark| Some(line.find(mark)? + mark.len())).min()?;
    Some(line[at..].trim().to_owned())
}

/// `ERROR 1064 (42000) at line 4: …` without its line; of the client's own, `ERROR at line 4: …`.
fn of_mariadb(line: &str) -> Option<String> {
    let (head, text) = line.strip_prefix("ERROR ")?.split_once(": ")?;
    let number = head.split(' ').next().filter(|it| it.chars().all(|c| c.is_ascii_digit()));
    let is_known = number.is_some() || head.starts_with("at line ");
    is_known.then(|| match number {
        Some(number) => format!("{number} {}", text.trim()),
        None => text.trim().to_owned(),
    })
}

fn judge(says: String, times: u64) -> Complaint {
    let known = known().iter().find(|(pattern, _)| pattern.is_match(&says));
    let (weight, because, next) = match known {
        Some((_, cause)) => (cause.weight, Some(cause.because.clone()), Some(cause.next.clone())),
        None => (Weight::Wrong, None, None),
    };
    Complaint { weight, says, because, next, times }
}

fn known() -> &'static [(Regex, Cause)] {
    static KNOWN: OnceLock<Vec<(Regex, Cause)>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let table = toml::from_str::<Table>(TABLE).map(|it| it.cause).unwrap_or_default();
        let with_pattern =
            table.into_iter().filter_map(|it| Some((Regex::new(&it.says).ok()?, it)));
        with_pattern.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_pattern_that_can_be_read() {
        let table = toml::from_str::<Table>(TABLE).expect("a table");
        assert_eq!(table.cause.len(), known().len());
        assert!(table.cause.len() >= 25, "{}", table.cause.len());
    }

    #[test]
    fn errors_are_found_whichever_tool_wrote_them() {
        let text = "psql:<stdin>:12: ERROR:  role \"alice\" does not exist\n\
                    psql:<stdin>:14: ERROR:  role \"alice\" does not exist\n\
                    pg_restore: error: could not execute query: ERROR:  schema \"public\" already exists\n\
                    Command was: CREATE SCHEMA public;\n\
                    psql:<stdin>:3: error: backslash commands are restricted; only \\unrestrict is allowed\n\
                    SET\n";
        let found = read(text);
        let says = found.iter().map(|it| (it.weight, it.times)).collect::<Vec<_>>();
        assert_eq!(
            says,
            [(Weight::Wrong, 2), (Weight::Wrong, 1), (Weight::Harmless, 1)],
            "{found:#?}"
        );
        assert!(found[0].line().contains("alice"), "{}", found[0].line());
    }

    #[test]
    fn errors_of_mariadb_keep_their_numbers_and_lose_their_lines() {
        let text = "ERROR 1146 (42S02) at line 4: Table 'a.b' doesn't exist\n\
                    ERROR 1146 (42S02) at line 9: Table 'a.b' doesn't exist\n\
                    ERROR at line 4: Unknown command '\\!'.\nERRORS of nobody: x\n";
        let found = read(text);
        let says = found.iter().map(|it| (it.says.as_str(), it.times)).collect::<Vec<_>>();
        let expected = [("1146 Table 'a.b' doesn't exist", 2), ("Unknown command '\\!'.", 1)];
        assert_eq!(says, expected);
    }

    #[test]
    fn each_known_cause_of_mariadb_is_found_by_its_number() {
        for (says, weight) in [
            ("1193 Unknown system variable 'GTID_PURGED'", Weight::Harmless),
            (
                "1227 Access denied; you need (at least one of) the SUPER, BINLOG ADMIN privilege(s) for this operation",
                Weight::Harmless,
            ),
            (
                "1227 Access denied; you need (at least one of) the FILE privilege(s) for this operation",
                Weight::Wrong,
            ),
            (
                "1227 Access denied; you need (at least one of) the SUPER privilege(s) for this operation",
                Weight::Open,
            ),
            ("1273 Unknown collation: 'utf8mb4_0900_ai_ci'", Weight::Open),
            ("1286 Unknown storage engine 'ROCKSDB'", Weight::Open),
            (
                "1142 INSERT command denied to user 'x'@'localhost' for table `mysql`.`plugin`",
                Weight::Wrong,
            ),
            ("1062 Duplicate entry '1' for key 'PRIMARY'", Weight::Wrong),
            ("1064 You have an error in your SQL syntax", Weight::Wrong),
        ] {
            let found = judge(says.to_owned(), 1);
            assert!(found.weight == weight && found.because.is_some(), "{found:?}");
        }
    }

    #[test]
    fn what_nobody_knows_is_wrong_with_the_backup() {
        let found = read("psql:<stdin>:1: ERROR:  the moon is full\n");
        assert_eq!((found[0].weight, &found[0].because), (Weight::Wrong, &None));
    }

    #[test]
    fn each_known_cause_is_found_by_a_server_s_own_words() {
        for (says, weight) in [
            ("must be superuser to create event trigger", Weight::Open),
            ("permission denied to create event trigger \"t\"", Weight::Open),
            ("language \"plpython3u\" is not trusted", Weight::Open),
            ("permission denied for language c", Weight::Open),
            ("permission denied to COPY to or from an external program", Weight::Wrong),
            ("extension \"timescaledb\" is not available", Weight::Open),
            ("unrecognized configuration parameter \"transaction_timeout\"", Weight::Harmless),
            ("could not create unique index \"u\"", Weight::Wrong),
            ("unexpected EOF on client connection with an open transaction", Weight::Wrong),
        ] {
            assert_eq!(judge(says.to_owned(), 1).weight, weight, "{says}");
        }
    }
}
