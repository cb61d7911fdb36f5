//! Constraints: every row is held to each, because a dump has the server look at no foreign key while
//! its rows come.

use std::collections::BTreeSet;

use super::super::super::judge::Seen;
use super::super::answer::{list, name};
use super::super::server::MariaDb;
use super::Questions;
use crate::error::Result;

/// A constraint, and the statement that counts the rows that break it.
#[derive(Debug, PartialEq, Eq)]
struct Constraint {
    shown: String,
    counts: String,
}

/// Columns of a foreign key, as the server lists them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct ForeignKey {
    shown: String,
    own: (String, String),
    other: (String, String),
    columns: Vec<(String, String)>,
}

impl ForeignKey {
    fn constraint(&self) -> Constraint {
        let table =
            |(database, table): &(String, String)| format!("{}.{}", name(database), name(table));
        let all = |of: &dyn Fn(&(String, String)) -> String| {
            self.columns.iter().map(of).collect::<Vec<_>>().join(" AND ")
        };
        let given = all(&|(own, _)| format!("c.{} IS NOT NULL", name(own)));
        let same = all(&|(own, other)| format!("p.{} = c.{}", name(other), name(own)));
        let counts = format!(
            "SELECT COUNT(*) FROM {} AS c WHERE {given} AND NOT EXISTS \
             (SELECT 1 FROM {} AS p WHERE {same})",
            table(&self.own),
            table(&self.other)
        );
        Constraint { shown: self.shown.clone(), counts }
    }
}

/// Holds every row to every constraint of the databases.
pub(in crate::verify::mariadb) async fn hold(
    server: &MariaDb,
    databases: &BTreeSet<String>,
) -> Result<Seen> {
    let databases = list(databases);
    let keys = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, \
                REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME \
           FROM information_schema.KEY_COLUMN_USAGE \
          WHERE REFERENCED_TABLE_NAME IS NOT NULL AND TABLE_SCHEMA IN ({databases}) \
          ORDER BY TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION;\n"
    );
    let conditions = format!(
        "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, CHECK_CLAUSE \
           FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA IN ({databases});\n"
    );
    let keys = server.ask(&keys).await?.require("cannot list foreign keys")?;
    let conditions = server.ask(&conditions).await?.require("cannot list conditions")?;
    let mut all = foreign_keys(&keys.rows);
    all.extend(conditions.rows.iter().filter_map(|row| condition(row)));
    judge(server, &all).await
}

async fn judge(server: &MariaDb, constraints: &[Constraint]) -> Result<Seen> {
    let mut questions = Questions::default();
    let mut lines = Vec::new();
    for (at, constraint) in constraints.iter().enumerate() {
        questions.ask(&format!("SELECT '@', {at}"));
        lines.push(questions.ask(&constraint.counts));
    }
    let mut seen = Seen::default();
    if constraints.is_empty() {
        return Ok(seen);
    }
    let answer = server.ask(&questions.text).await?;
    let mut counts = vec![None; constraints.len()];
    let mut at = 0;
    for row in &answer.rows {
        match row.as_slice() {
            [mark, index] if mark == "@" => at = index.parse().unwrap_or(usize::MAX),
            [count] => {
                if let Some(found) = counts.get_mut(at) {
                    *found = count.parse::<u64>().ok();
                }
            }
            _ => {}
        }
    }
    for ((constraint, line), count) in constraints.iter().zip(lines).zip(counts) {
        let shown = &constraint.shown;
        match (count, answer.refusal(line)) {
            (Some(0), _) => seen.judged += 1,
            (Some(rows), _) => seen.wrong.push(format!("{shown}: {rows} rows break it")),
            (None, Some(why)) => seen.wrong.push(format!("{shown}: {why}")),
            (None, None) => seen.open.push(format!("{shown}: nobody answered")),
        }
    }
    Ok(seen)
}

fn foreign_keys(rows: &[Vec<String>]) -> Vec<Constraint> {
    let mut keys = Vec::<ForeignKey>::new();
    for row in rows {
        let [database, table, key, column, of, other, its] = row.as_slice() else { continue };
        let shown = format!("{database}.{table}: {key}");
        if keys.last().is_none_or(|last| last.shown != shown) {
            keys.push(ForeignKey {
                shown,
                own: (database.clone(), table.clone()),
                other: (of.clone(), other.clone()),
                columns: Vec::new(),
            });
        }
        if let Some(last) = keys.last_mut() {
            last.columns.push((column.clone(), its.clone()));
        }
    }
    keys.iter().map(ForeignKey::constraint).collect()
}

fn condition(row: &[String]) -> Option<Constraint> {
    let [database, table, constraint, clause] = row else { return None };
    let counts =
        format!("SELECT COUNT(*) FROM {}.{} WHERE NOT ({clause})", name(database), name(table));
    Some(Constraint { shown: format!("{database}.{table}: {constraint}"), counts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: &[&str]) -> Vec<String> {
        columns.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn columns_of_one_key_are_asked_together() {
        let rows = [
            row(&["s", "child", "fk", "a", "s", "parent", "x"]),
            row(&["s", "child", "fk", "b", "s", "parent", "y"]),
            row(&["s", "child", "self", "up", "s", "child", "id"]),
        ];
        let keys = foreign_keys(&rows);
        assert_eq!(keys.len(), 2);
        let both = "WHERE c.`a` IS NOT NULL AND c.`b` IS NOT NULL AND NOT EXISTS \
                    (SELECT 1 FROM `s`.`parent` AS p WHERE p.`x` = c.`a` AND p.`y` = c.`b`)";
        assert!(keys[0].counts.ends_with(both), "{}", keys[0].counts);
    }

    #[test]
    fn a_condition_counts_the_rows_that_break_it() {
        let found = condition(&row(&["s", "t", "positive", "`n` > 0"])).expect("a condition");
        assert_eq!(found.counts, "SELECT COUNT(*) FROM `s`.`t` WHERE NOT (`n` > 0)");
    }
}
