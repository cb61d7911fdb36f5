//! Tables: each is checked by its engine with all of its indexes, read to its end, counted and summed.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::judge::Seen;
use super::super::super::judge::rows::Counted;
use super::super::answer::{Answer, list, name};
use super::super::server::MariaDb;
use super::Questions;
use crate::error::Result;
use crate::tree_path::escape;

/// What a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It has rows of its own.
    Base,
    View,
    Sequence,
}

/// A table that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::verify::mariadb) struct Table {
    database: String,
    name: String,
    kind: Kind,
    /// The column that counts up, and the number that comes next.
    counter: Option<(String, Option<u64>)>,
}

impl Table {
    /// As SQL has it.
    fn sql(&self) -> String {
        format!("{}.{}", name(&self.database), name(&self.name))
    }

    /// As people and records have it: the way in which a dump's tables are known.
    fn shown(&self) -> String {
        escape(self.name.as_bytes())
    }
}

/// Finds every table of the databases.
pub(in crate::verify::mariadb) async fn find(
    server: &MariaDb,
    databases: &BTreeSet<String>,
) -> Result<Vec<Table>> {
    let databases = list(databases);
    let asked = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, IFNULL(AUTO_INCREMENT, '') \
           FROM information_schema.TABLES WHERE TABLE_SCHEMA IN ({databases}) ORDER BY 1, 2;\n\
         SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS \
          WHERE EXTRA LIKE '%auto_increment%' AND TABLE_SCHEMA IN ({databases});\n"
    );
    let answer = server.ask(&asked).await?.require("cannot list tables")?;
    let counters = answer.rows.iter().filter_map(|row| match row.as_slice() {
        [database, table, column] => Some(((database, table), column)),
        _ => None,
    });
    let counters = counters.collect::<BTreeMap<_, _>>();
    let tables = answer.rows.iter().filter_map(|row| {
        let [database, table, kind, next] = row.as_slice() else { return None };
        let kind = match kind.as_str() {
            "VIEW" | "SYSTEM VIEW" => Kind::View,
            "SEQUENCE" => Kind::Sequence,
            _ => Kind::Base,
        };
        let counter = counters.get(&(database, table));
        let counter = counter.map(|column| ((*column).clone(), next.parse().ok()));
        Some(Table { database: database.clone(), name: table.clone(), kind, counter })
    });
    Ok(tables.collect())
}

/// What was seen of all tables.
#[derive(Debug, Default)]
pub(in crate::verify::mariadb) struct Examined {
    pub(in crate::verify::mariadb) counted: BTreeMap<String, Counted>,
    /// What `CHECKSUM TABLE … EXTENDED` says of each.
    pub(in crate::verify::mariadb) sums: BTreeMap<String, BTreeMap<String, String>>,
    pub(in crate::verify::mariadb) read: Seen,
    pub(in crate::verify::mariadb) indexes: Seen,
    pub(in crate::verify::mariadb) sequences: Seen,
}

/// Examines every table.
pub(in crate::verify::mariadb) async fn examine(
    server: &MariaDb,
    tables: &[Table],
) -> Result<Examined> {
    let (mut questions, mut lines) = (Questions::default(), Vec::new());
    for (at, table) in tables.iter().enumerate() {
        let sql = table.sql();
        let first = questions.ask(&format!("SELECT '@', {at}"));
        // A sequence is no table that an engine could check.
        if table.kind != Kind::Sequence {
            questions.ask(&format!("CHECK TABLE {sql} EXTENDED"));
        }
        if table.kind == Kind::Base {
            questions.ask(&format!("CHECKSUM TABLE {sql} EXTENDED"));
            questions.ask(&format!("SELECT 'rows', COUNT(*) FROM {sql}"));
            if let Some((column, _)) = &table.counter {
                questions.ask(&format!("SELECT 'most', MAX({}) FROM {sql}", name(column)));
            }
        }
        lines.push(first..=questions.lines);
    }
    let answer = server.ask(&questions.text).await?;
    let mut examined = Examined::default();
    for (table, found) in tables.iter().zip(found(&answer, tables.len())) {
        examined.judge(table, &found);
    }
    for (table, lines) in tables.iter().zip(lines) {
        let refused = answer.refused.iter().filter(|(line, _)| lines.contains(line));
        let refused = refused.map(|(_, why)| format!("{}: {why}", table.sql()));
        examined.read.wrong.extend(refused);
    }
    Ok(examined)
}

/// What was answered of one table.
#[derive(Debug, Default, Clone)]
struct Found {
    /// Kind and text of what the check said.
    said: Vec<(String, String)>,
    sum: Option<String>,
    rows: Option<u64>,
    most: Option<u64>,
}

/// Rows of the answer by table. What the server says of a table names it with a dot, so it is none of
/// the marks.
fn found(answer: &Answer, tables: usize) -> Vec<Found> {
    let mut all = vec![Found::default(); tables];
    let mut at = 0;
    for row in &answer.rows {
        if let ["@", index] = row.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            at = index.parse().unwrap_or(tables);
            continue;
        }
        let Some(found) = all.get_mut(at) else { continue };
        match row.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["rows", rows] => found.rows = rows.parse().ok(),
            ["most", most] => found.most = most.parse().ok(),
            [_, "check", kind, said] => found.said.push((kind.to_lowercase(), (*said).to_owned())),
            [_, sum] if *sum != "NULL" => found.sum = Some((*sum).to_owned()),
            _ => {}
        }
    }
    all
}

impl Examined {
    fn judge(&mut self, table: &Table, found: &Found) {
        let shown = format!("{}.{}", table.database, table.shown());
        if table.kind != Kind::Sequence {
            self.judge_check(&shown, found);
        }
        if table.kind != Kind::Base {
            return;
        }
        match (found.rows, &found.sum) {
            (Some(rows), Some(sum)) => {
                self.read.judged += 1;
                let (database, name) = (table.database.clone(), table.shown());
                self.counted.entry(database.clone()).or_default().insert(name.clone(), rows);
                self.sums.entry(database).or_default().insert(name, sum.clone());
            }
            _ => self.read.wrong.push(format!("{shown} cannot be read to its end")),
        }
        let Some((column, next)) = &table.counter else { return };
        match (next, found.most) {
            (Some(next), Some(most)) if *next <= most => self.sequences.wrong.push(format!(
                "{shown}.{column} has {most} and counts on at {next}: the next row gets a number \
                 that is taken"
            )),
            _ => self.sequences.judged += 1,
        }
    }

    fn judge_check(&mut self, shown: &str, found: &Found) {
        let mut is_sound = false;
        for (kind, said) in &found.said {
            match kind.as_str() {
                "status" if said == "OK" || said.contains("already up to date") => is_sound = true,
                "note" | "info" | "warning" => self.indexes.warned.push(format!("{shown}: {said}")),
                _ => self.indexes.wrong.push(format!("{shown}: {said}")),
            }
        }
        match found.said.as_slice() {
            [] => self.indexes.wrong.push(format!("{shown} cannot be checked")),
            _ if is_sound => self.indexes.judged += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examined(stdout: &str, counter: Option<(String, Option<u64>)>) -> Examined {
        let answer = Answer::read(stdout.as_bytes(), "");
        let table =
            Table { database: "shop".to_owned(), name: "t".to_owned(), kind: Kind::Base, counter };
        let mut examined = Examined::default();
        examined.judge(&table, &found(&answer, 1)[0]);
        examined
    }

    #[test]
    fn a_sound_table_is_counted_and_one_that_is_corrupt_named() {
        let sound = "@\t0\nshop.t\tcheck\tstatus\tOK\nshop.t\t427\nrows\t3\n";
        let seen = examined(sound, None);
        assert_eq!((seen.read.judged, seen.indexes.judged), (1, 1), "{seen:?}");
        assert_eq!((seen.counted["shop"]["t"], seen.sums["shop"]["t"].as_str()), (3, "427"));
        let corrupt = "@\t0\nshop.t\tcheck\tWarning\tInnoDB: Index k has 2 entries\n\
                       shop.t\tcheck\terror\tCorrupt\nshop.t\tNULL\n";
        let seen = examined(corrupt, None);
        assert_eq!((seen.read.wrong.len(), seen.indexes.wrong.len()), (1, 1), "{seen:?}");
        assert_eq!(seen.indexes.judged, 0);
    }

    #[test]
    fn a_counter_that_gives_a_number_that_is_taken_is_named() {
        let rows = "@\t0\nshop.t\tcheck\tstatus\tOK\nshop.t\t1\nrows\t1\nmost\t127\n";
        let counter = |next| Some(("id".to_owned(), Some(next)));
        assert!(examined(rows, counter(127)).sequences.wrong[0].contains("taken"));
        assert_eq!(examined(rows, counter(128)).sequences.judged, 1);
    }
}
